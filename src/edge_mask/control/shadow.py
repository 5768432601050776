"""The named shadow `edge-mask`: what is desired becomes the configuration in force, and that is reported.

            documents, answers                          Say: get, update
 cloud ──────────────────────────▶ WishShadow ────────────────────────────▶ cloud
                                    │      ▲
                       Configure, Activate │ ended
                                    ▼      │
                                     wishes

A table of states without threads; time is an argument. Only the newest version of the shadow counts, and one wish is
taken over at a time, so that a storm of changes costs a few of them. The object lives over all houses: each of its
steps may end the house in which it began.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.control import difference
from edge_mask.control.cloud_json import Nonsense, object_at, read_object, text_at, to_payload
from edge_mask.control.report import Report
from edge_mask.control.wished import MOST_TRIES, Memory, Refusal, Remembered, Shadow, Wish, Wrong, digest
from edge_mask.control.wishes import InForce
from edge_mask.errors import ConfigurationError, TryLater
from edge_mask.redact import redact
from edge_mask.wire.topics import ShadowTopics

log = logging.getLogger(__name__)

ORIGIN: Final = "shadow"
"""What sentences call it."""
MOST_BYTES: Final = 8192
"""Of a shadow's state: the limit of AWS."""
_OURS: Final = ("config", "config_version", "model", "version", "rejected")
"""What is reported; other keys are somebody else's."""
_LONGEST_TEXT: Final = 1000
_ANSWER_WITHIN, _LONGEST_PAUSE = 5.0, 300.0
_BETWEEN_WISHES, _MOST_BETWEEN_WISHES, _CALM_AFTER = 1.0, 30.0, 60.0
_TRIES_AGAIN_AFTER = 5.0
_CONFLICT, _GONE = 409, 404
_NOT_NOW = (408, 429, *range(500, 600))


@dataclass(frozen=True, slots=True)
class Say:
    """Publish it."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Configure:
    """Merge this part of the configuration into the overlay."""

    part: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Activate:
    """Look with this installed model."""

    name: str
    version: str


Order = Say | Configure | Activate


@dataclass(slots=True)
class _TakingOver:
    """A wish on its way."""

    wish: Wish
    digest: str
    version: int
    steps: list[Configure | Activate]
    is_asked: bool = False
    """The first of the steps was ordered and has not ended."""


class WishShadow:
    """`connected`, `lost`, `hear` and `ended` tell it what happened; `turn` says what to do."""

    def __init__(
        self,
        topics: ShadowTopics,
        memory: Memory,
        in_force: Callable[[], InForce],
        *,
        program: str,
        new_token: Callable[[], str],
    ) -> None:
        """`program` is the version that is reported."""
        self.topics = topics
        self._memory = memory
        self._in_force = in_force
        self._program = program
        self._new_token = new_token
        self._is_online = False
        self._shadow: Shadow | None = None
        """None while it must be asked for."""
        self._unanswered = 0
        self._ask_at = 0.0
        self._taking: _TakingOver | None = None
        self._wish_at = self._last_wish = float("-inf")
        self._pause = _BETWEEN_WISHES
        self._report = Report()
        self._said: set[str] = set()

    # -- what happens ------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Ask what was wished meanwhile."""
        self._is_online = True
        self._unanswered = 0
        self._report = Report()
        self._forget(now)

    def lost(self) -> None:
        """The connection is gone."""
        self._is_online = False

    def hear(self, topic: str, payload: bytes, now: float) -> None:
        """Something came on one of the topics in `topics.heard`; whoever sent it."""
        try:
            self._hear(topic, read_object(payload), now)
        except Nonsense as error:
            self._say_once(f"something that AWS does not send came on {topic}: {error}; it is ignored")

    def ended(self, error: BaseException | None, now: float) -> None:
        """What `turn` ordered last has ended; None when it is in force."""
        taking = self._taking
        if taking is None:
            return
        if isinstance(error, TryLater):
            log.info("shadow: the wish of version %d waits: %s", taking.version, error)
            self._taking = None
            self._wish_at = now + _TRIES_AGAIN_AFTER
            self._remember(trying="", tries=0)
        elif error is not None:
            self._taking = None
            step = "model" if isinstance(taking.steps[0], Activate) else None
            self._refuse(taking.digest, _refusal(error, taking.version, step))
        else:
            self._stepped(taking)
        self._slow_down(now)

    # -- what to do --------------------------------------------------------------------------------------

    def turn(self, now: float) -> list[Order]:
        """What can be done now."""
        if not self._is_online:
            return []
        if self._shadow is None:
            return self._ask(now)
        if self._taking is None:
            self._begin(self._shadow, now)
        if self._taking is not None:
            if self._taking.is_asked:
                return []
            self._taking.is_asked = True
            return [self._taking.steps[0]]
        return self._tell(self._shadow, now)

    def due(self, now: float) -> float:
        """When there is something to do even if nothing happens."""
        if not self._is_online:
            return float("inf")
        if self._shadow is None:
            return self._ask_at
        later = [at for at in (self._wish_at, self._report.next_at) if at > now]
        return min(later, default=float("inf"))

    # -- hearing -----------------------------------------------------------------------------------------

    def _hear(self, topic: str, found: Mapping[str, Any], now: float) -> None:
        if topic == self.topics.got:
            self._learn(Shadow.read(found))
        elif topic == self.topics.documents:
            self._learn(Shadow.read(object_at(found, "current")))
            self._report.answered(text_at(found, "clientToken"), now)
        elif topic == self.topics.deleted:
            self._shadow = Shadow()
        elif topic == self.topics.get_rejected:
            if found.get("code") == _GONE:
                self._shadow = Shadow()
        elif topic == self.topics.update_rejected and self._report.is_ours(text_at(found, "clientToken")):
            self._not_taken(found, now)

    def _learn(self, shadow: Shadow) -> None:
        """Older versions come late, or twice."""
        if self._shadow is None or shadow.version >= self._shadow.version:
            self._shadow = shadow
            self._unanswered = 0

    def _not_taken(self, found: Mapping[str, Any], now: float) -> None:
        """The report was refused."""
        code = found.get("code")
        self._report.refused(now)
        if code == _CONFLICT:
            self._forget(now)
        elif code not in _NOT_NOW:
            self._report.give_up()
            text = redact(str(found.get("message", "")))[:_LONGEST_TEXT]
            self._say_once(f"AWS does not take what is reported: {code} {text}")

    def _ask(self, now: float) -> list[Order]:
        if now < self._ask_at:
            return []
        self._ask_at = now + min(_LONGEST_PAUSE, _ANSWER_WITHIN * 2.0 ** min(self._unanswered, 10))
        self._unanswered += 1
        return [Say(self.topics.get, to_payload({"clientToken": self._new_token()}))]

    def _forget(self, now: float) -> None:
        """Ask anew; at once the first time, later and later while there are only conflicts."""
        self._shadow = None
        conflicts = self._report.conflicts
        self._ask_at = now + (min(30.0, 0.5 * 2.0 ** min(conflicts, 10)) if conflicts else 0.0)

    # -- wishes ------------------------------------------------------------------------------------------

    def _begin(self, shadow: Shadow, now: float) -> None:
        """Begin with what is desired, if it is new."""
        found = digest(shadow.desired)
        memory = self._memory.now
        if found == memory.refused:
            return
        try:
            wish = Wish.read(shadow.desired)
        except Wrong as error:
            self._refuse(found, Refusal(shadow.version, error.key, str(error)))
            return
        steps = self._steps(wish)
        if not steps:
            self._is_so(wish)
        elif now < self._wish_at:
            return
        elif memory.trying == found and memory.tries >= MOST_TRIES:
            text = f"the daemon ended {memory.tries} times while this was taken over"
            self._refuse(found, Refusal(shadow.version, None, text))
        else:
            tries = memory.tries + 1 if memory.trying == found else 1
            if self._remember(trying=found, tries=tries):
                self._taking = _TakingOver(wish, found, shadow.version, steps)
            else:
                self._wish_at = now + _LONGEST_PAUSE

    def _steps(self, wish: Wish) -> list[Configure | Activate]:
        """What differs from the wish before; what others changed since is theirs."""
        force = self._in_force()
        memory = self._memory.now
        if force.version < memory.config_version:  # the overlay was lost: all of it is to be done again
            memory = Remembered()
        part = difference.wish(memory.config, wish.config, force.config)
        steps: list[Configure | Activate] = [Configure(part)] if part else []
        if wish.model is not None and wish.model not in (memory.model, force.model):
            steps.append(Activate(*wish.model))
        return steps

    def _is_so(self, wish: Wish) -> None:
        """All of it is in force; what was refused before was taken back."""
        memory = self._memory.now
        if memory.refused or not difference.same(memory.config, wish.config) or memory.model != wish.model:
            self._remember(config=wish.config, model=wish.model, config_version=self._in_force().version)
            self._over()

    def _stepped(self, taking: _TakingOver) -> None:
        done = taking.steps.pop(0)
        if isinstance(done, Configure):
            self._remember(config=taking.wish.config, config_version=self._in_force().version)
        else:
            self._remember(model=taking.wish.model, config_version=self._in_force().version)
        taking.is_asked = False
        if not taking.steps:
            log.info("shadow: the wish of version %d is in force", taking.version)
            self._taking = None
            self._over()

    def _over(self) -> None:
        self._remember(refused="", refusal=None, trying="", tries=0)

    def _refuse(self, wanted: str, refusal: Refusal) -> None:
        log.warning("shadow: the wish of version %d is refused: %s", refusal.version, refusal.text)
        self._remember(refused=wanted, refusal=refusal, trying="", tries=0)

    def _remember(self, **changes: Any) -> bool:
        """False when the disk does not take it; it is known until the next restart all the same."""
        try:
            self._memory.change(**changes)
        except TryLater as error:
            self._say_once(f"wishes are not remembered over a restart: {error}")
            return False
        return True

    def _slow_down(self, now: float) -> None:
        """Each wish builds the house again, so many in a row come at growing distances."""
        if self._taking is None:
            is_calm = now >= self._last_wish + _CALM_AFTER
            self._pause = _BETWEEN_WISHES if is_calm else min(_MOST_BETWEEN_WISHES, 2 * self._pause)
            self._last_wish = now
            self._wish_at = max(self._wish_at, now + self._pause)

    # -- the report --------------------------------------------------------------------------------------

    def _tell(self, shadow: Shadow, now: float) -> list[Order]:
        """Report what differs from what the cloud has."""
        target = self._reported(shadow)
        known = difference.full({key: value for key, value in shadow.reported.items() if key in _OURS})
        change = difference.patch(known, difference.full(target))
        if not self._report.may_say(change, now):
            return []
        token = self._new_token()
        self._report.say(token, change, now)
        content: dict[str, Any] = {"state": {"reported": change}, "clientToken": token}
        if shadow.version:
            content["version"] = shadow.version
        return [Say(self.topics.update, to_payload(content))]

    def _reported(self, shadow: Shadow) -> dict[str, Any]:
        force, refusal = self._in_force(), self._memory.now.refusal
        target: dict[str, Any] = {
            "config": _without_secrets(force.config),
            "config_version": force.version,
            "version": self._program,
        }
        if force.model is not None:
            target["model"] = dict(zip(("name", "version"), force.model, strict=True))
        if refusal is not None:
            target["rejected"] = refusal.shown()
        if len(to_payload({"desired": shadow.desired, "reported": target})) > MOST_BYTES:
            self._say_once(f"what is wished and in force takes more than {MOST_BYTES} bytes; it is not reported whole")
            del target["config"]
        return target

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < 100:
            self._said.add(sentence)
            log.warning("shadow: %s", sentence)


def _refusal(error: BaseException, version: int, key: str | None) -> Refusal:
    """With the key that a configuration error names first."""
    problems = [str(error) or type(error).__name__]
    if isinstance(error, ConfigurationError):
        problems = [problem.removeprefix(f"{ORIGIN}: ") for problem in error.problems]
        first, colon, _ = problems[0].partition(": ")
        key = first if colon and " " not in first and problems[0] != error.problems[0] else key
    text = redact("; ".join(problems).replace("\n", "; "))
    return Refusal(version, key, text[:_LONGEST_TEXT])


def _without_secrets(value: Any) -> Any:
    """Addresses of cameras may hold passwords."""
    if isinstance(value, Mapping):
        return {key: _without_secrets(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return redact(value) if isinstance(value, str) else value
