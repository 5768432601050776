"""Whether a notification is sent at all: quiet hours and cool-down, decided when its event is recorded.

Time is the event's, so that the same events are decided alike whenever they are sent.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from edge_mask.ledger.counters import MARK, MOST_MARKS
from edge_mask.notify.notice import URGENCIES, Notice
from edge_mask.settings.notify import Target
from edge_mask.units import Moment

_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class _Told:
    """When somebody was last told."""

    wall: float
    mono: float | None = None
    boot: str = ""


class CoolDown:
    """Remembers for each target, camera and kind when it was last told. One thread uses it."""

    def __init__(self, marks: Mapping[str, int]) -> None:
        """`marks`: those of the database."""
        self._told: OrderedDict[str, _Told] = OrderedDict((name, _Told(wall)) for name, wall in marks.items())

    def holds(self, target: Target, notice: Notice, at: Moment, boot: str) -> bool:
        """Whether it is too early for another one."""
        told = self._told.get(mark_of(target.name, notice))
        if not target.cool_down or told is None:
            return False
        passed = at.mono - told.mono if told.mono is not None and told.boot == boot else at.wall - told.wall
        return 0 <= passed < target.cool_down  # a clock that went back silences nobody

    def note(self, target: Target, notice: Notice, at: Moment, boot: str) -> dict[str, int]:
        """It is told now; the mark for the database, if there is a cool-down at all."""
        if not target.cool_down:
            return {}
        mark = mark_of(target.name, notice)
        self._told[mark] = _Told(at.wall, at.mono, boot)
        self._told.move_to_end(mark)
        while len(self._told) > MOST_MARKS:
            self._told.popitem(last=False)
        return {mark: max(0, int(at.wall))}


def mark_of(target: str, notice: Notice) -> str:
    """The name of a mark."""
    about = f" {notice.about[:_LONGEST]}" if notice.about else ""
    return f"{MARK}{target} {notice.camera[:_LONGEST]} {notice.kind[:_LONGEST]}{about}"


def is_quiet(target: Target, notice: Notice, at: Moment, zone: tzinfo) -> bool:
    """Whether its quiet hours keep it back. Without a clock nobody knows the hour: then it is sent."""
    if target.quiet_hours is None or not at.synced:
        return False
    if URGENCIES.index(notice.priority) >= URGENCIES.index(target.quiet_except):
        return False
    begin, end = target.quiet_hours
    # What the clock on the wall shows: so an hour that comes twice is quiet twice, and none is missing.
    now = datetime.fromtimestamp(at.wall, zone).strftime("%H:%M")
    return begin <= now < end if begin < end else now >= begin or now < end
