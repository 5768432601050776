"""The ids behind one configured sensor: who of them is silent, told so that a flood of ids is no flood of messages."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_FEW: Final = 8
"""So many silent ids are told of by name; more are one trouble of the whole."""
_CROWDED_FOR: Final = 60.0
"""Seconds without an id too many that end it."""


@dataclass(slots=True)
class _Member:
    """One name that readings came under."""

    away: Outage
    heard_at: float
    is_silent: bool = False


class Family:
    """Not for two threads: its owner locks."""

    def __init__(self, name: str, report: Callable[[Fault], None], clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._members: dict[str, _Member] = {}
        self._many = Outage(f"sensor {name}", log, report, clock)
        self._crowd = Outage(f"sensor {name}", log, report, clock)
        self._crowded_at = float("-inf")

    def hear(self, name: str, now: Seconds) -> bool:
        """A reading of this id; whether it is the first."""
        member = self._members.get(name)
        is_new = member is None
        if member is None:
            member = self._members[name] = _Member(Outage(f"sensor {name}", log, self._report, self._clock), now)
        member.heard_at, member.is_silent = now, False
        member.away.end()
        return is_new

    def crowd(self, reason: str, now: Seconds) -> None:
        """An id came for which there is no room."""
        self._crowded_at = now
        self._crowd.begin("sensor_crowded", f"{reason}: lines of other ids are left out; is it noise?")

    def wait_anew(self, now: Seconds) -> None:
        """Count silence from now on."""
        for member in self._members.values():
            member.heard_at = now

    def fall_silent(self, now: Seconds, limit: float) -> list[str]:
        """Who has fallen silent since the last look; told of by name, or all as one."""
        if now - self._crowded_at > _CROWDED_FOR:
            self._crowd.end()
        silent = {name: each for name, each in self._members.items() if now - each.heard_at > limit}
        fresh = [name for name, each in silent.items() if not each.is_silent]
        for name in fresh:
            silent[name].is_silent = True
        if len(silent) > _FEW:
            text = f"{len(silent)} of {len(self._members)} ids gave no reading for {limit:g} s: {next(iter(silent))} …"
            self._many.begin("sensor_lost", text)
        else:
            self._many.end()
            for each in silent.values():
                if not each.away.is_open:
                    each.away.begin("sensor_lost", f"no reading for {limit:g} s")
        return fresh

    def states(self) -> Iterator[tuple[str, bool]]:
        """Each id, and whether it is silent."""
        return ((name, each.is_silent) for name, each in self._members.items())
