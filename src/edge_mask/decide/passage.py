"""Who went through: the passages of one sensor are joined with the verdicts of the gate.

level ──from 0 to 1──▶ passage ──▶ the oldest `pass` that waits                     went through
                          └─ none ─▶ the oldest `no_pass` that waits, and an alert  went through, tailgating
                                └─ none ─▶ an alert                                 tailgating
window over, nobody went through                                                    stayed, or nobody knows
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from edge_mask.decide.level import StateWatch
from edge_mask.messages import Alert, Settled, Visit
from edge_mask.units import Moment, Seconds

GRACE: Final = Seconds(1.0)
"""A passage may be told before the verdict that it belongs to: the model was still at work on the picture."""
TAILGATING: Final = "tailgating"


class Wait(Enum):
    """Where a visit stands that was judged."""

    WATCHED = auto()
    """The sensor has been there all the time."""
    UNWATCHED = auto()
    """It was away for a moment at least: nobody knows who went through then."""
    THROUGH = auto()
    STAYED = auto()
    UNKNOWN = auto()


class Turn(Enum):
    """What happens to a visit that waits."""

    PASSAGE = auto()
    GONE = auto()
    """The sensor goes away."""
    OVER = auto()
    """The window ends; or the same person is judged again, and has not gone through yet."""
    STOP = auto()
    """Nobody looks any more."""


WAITS: Final[dict[Wait, dict[Turn, Wait]]] = {
    Wait.WATCHED: {
        Turn.PASSAGE: Wait.THROUGH,
        Turn.GONE: Wait.UNWATCHED,
        Turn.OVER: Wait.STAYED,
        Turn.STOP: Wait.UNKNOWN,
    },
    Wait.UNWATCHED: {
        Turn.PASSAGE: Wait.THROUGH,
        Turn.GONE: Wait.UNWATCHED,
        Turn.OVER: Wait.UNKNOWN,
        Turn.STOP: Wait.UNKNOWN,
    },
}
PASSED_THROUGH: Final[dict[Wait, bool | None]] = {Wait.THROUGH: True, Wait.STAYED: False, Wait.UNKNOWN: None}
"""What the visit says at the end."""


@dataclass(frozen=True, slots=True)
class PassagePolicy:
    """How passages are counted."""

    sensor: str
    window: Seconds = Seconds(5.0)
    """How long after a verdict a passage belongs to it."""
    debounce: Seconds = Seconds(0.05)
    """A 0 that is shorter does not part two passages."""
    tells_changes_only: bool = False
    """Nothing is said of the level when the sensor is opened (a topic)."""
    camera: str | None = None
    """The only gate camera, where there is only one."""


@dataclass(slots=True)
class _Waiting:
    """A visit between its verdict and its passage."""

    id: str
    visit: Visit
    until: float
    wait: Wait

    def holds(self, at: Moment) -> bool:
        return self.visit.at.mono <= at.mono <= self.until

    @property
    def is_pass(self) -> bool:
        return self.visit.verdict == "pass"


class PassageWatch:
    """Every visit is settled exactly once, every passage is used at most once. It reads no clock."""

    def __init__(self, policy: PassagePolicy) -> None:
        self._policy = policy
        self._sensor = StateWatch(policy.debounce, tells_changes_only=policy.tells_changes_only)
        self._waiting: list[_Waiting] = []
        """By the moment of the verdict."""
        self._used: list[_Waiting] = []
        """Passes somebody went through on: for the sentence about the next one."""
        self._unclaimed: list[Moment] = []
        """Passages that no pass has claimed yet."""

    @property
    def is_empty(self) -> bool:
        """Nothing waits for its end."""
        return not (self._waiting or self._unclaimed)

    @property
    def next_due(self) -> Seconds | None:
        """When `tick` has something to say; None when nothing waits."""
        ends = [each.until for each in self._waiting] + [float(at.mono) for at in self._unclaimed]
        return Seconds(min(ends) + GRACE) if ends else None

    def judged(self, visit_id: str, visit: Visit) -> list[Settled | Alert]:
        """A verdict; its visit waits from now on."""
        replaced = [each for each in self._waiting if self._is_replaced(each, visit)]
        said: list[Settled | Alert] = [self._settle(each, Turn.OVER) for each in replaced]
        is_watched = self._sensor.known_since <= visit.at.mono
        waiting = _Waiting(
            visit_id, visit, visit.at.mono + self._policy.window, Wait.WATCHED if is_watched else Wait.UNWATCHED
        )
        self._waiting.append(waiting)
        self._waiting.sort(key=lambda each: each.visit.at.mono)
        claimed = next((at for at in self._unclaimed if waiting.holds(at)), None)
        if waiting.is_pass and claimed is not None:
            self._unclaimed.remove(claimed)
            said.append(self._let_through(waiting))
        return said

    def said(self, value: float, at: Moment) -> list[Settled | Alert]:
        """The sensor says 1 or 0."""
        return self._went_through(at) if self._sensor.said(value, at) else []

    def stands(self, value: float, at: Moment) -> None:
        """What the sensor said some time ago: no passage."""
        self._sensor.stands(value, at)

    def gone(self, at: Moment) -> None:
        """Nothing is known of the sensor until it speaks again."""
        self._sensor.gone(at)
        for each in self._waiting:
            each.wait = WAITS[each.wait][Turn.GONE]

    def tick(self, now: Seconds) -> list[Settled | Alert]:
        """What time alone ends: passages that no pass claims, and windows."""
        said: list[Settled | Alert] = []
        for at in [each for each in self._unclaimed if each.mono + GRACE <= now]:
            self._unclaimed.remove(at)
            said += self._tailgate(at)
        said += [self._settle(each, Turn.OVER) for each in list(self._waiting) if each.until + GRACE <= now]
        self._used = [each for each in self._used if each.until + GRACE > now]
        return said

    def finish(self) -> list[Settled | Alert]:
        """Nobody looks any more: what waits is settled with what is known."""
        said: list[Settled | Alert] = []
        for at in self._unclaimed:
            said += self._tailgate(at)
        self._unclaimed.clear()
        return said + [self._settle(each, Turn.STOP) for each in list(self._waiting)]

    def _went_through(self, at: Moment) -> list[Settled | Alert]:
        waiting = next((each for each in self._waiting if each.is_pass and each.holds(at)), None)
        if waiting is not None:
            return [self._let_through(waiting)]
        self._unclaimed.append(at)
        return []

    def _let_through(self, waiting: _Waiting) -> Settled:
        self._used.append(waiting)
        return self._settle(waiting, Turn.PASSAGE)

    def _tailgate(self, at: Moment) -> list[Settled | Alert]:
        refused = next((each for each in self._waiting if not each.is_pass and each.holds(at)), None)
        if refused is not None:
            settled = self._settle(refused, Turn.PASSAGE)
            return [settled, self._alert(at, refused.visit.camera, "somebody who was refused went through")]
        before = next((each for each in self._used if each.holds(at)), None)
        if before is not None:
            return [self._alert(at, before.visit.camera, "one more person went through than was let pass")]
        return [self._alert(at, self._policy.camera, "somebody went through without a verdict")]

    def _alert(self, at: Moment, camera: str | None, what: str) -> Alert:
        where = camera or self._policy.sensor
        return Alert(at=at, kind=TAILGATING, text=f"{where}: {what}.", camera=camera, sensor=self._policy.sensor)

    def _settle(self, waiting: _Waiting, turn: Turn) -> Settled:
        self._waiting.remove(waiting)
        waiting.wait = WAITS[waiting.wait][turn]
        return Settled(id=waiting.id, visit=replace(waiting.visit, passed_through=PASSED_THROUGH[waiting.wait]))

    def _is_replaced(self, before: _Waiting, visit: Visit) -> bool:
        """Somebody who was refused and is judged again has not gone through. A pass stays good for its window."""
        return (
            not before.is_pass
            and visit.track is not None
            and (before.visit.camera, before.visit.track) == (visit.camera, visit.track)
            and before.visit.at.mono <= visit.at.mono
        )
