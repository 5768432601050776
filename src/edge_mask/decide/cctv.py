"""A camera that watches a room: one look after the other, and one alert when enough in a row show a bare face.

look                                  streak
a face without a mask                 + 1; 1 when the last such look is longer ago than `longest_gap`
faces, all with a mask                0
no face, `empty_looks` "end"          0
no face, `empty_looks` "ignore"       stays

A streak is told once: in the look that makes it `streak` long, or when `rearm_after` has passed since the last alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.sight import Sight
from edge_mask.geometry import Polygon, is_inside
from edge_mask.messages import INCORRECT, NO_MASK, Alert, Event, Look, Track
from edge_mask.units import Moment, Seconds


@dataclass(frozen=True, slots=True)
class CctvPolicy:
    """When a room camera raises an alert."""

    streak: int = 6
    """Looks in a row with a no-mask face that raise one."""
    rearm_after: Seconds = Seconds(60.0)
    """Time after an alert without another one, also for a new streak."""
    empty_looks: Literal["end", "ignore"] = "end"
    """What a look without a face does to a streak."""
    longest_gap: Seconds = Seconds(300.0)
    """Two looks with a bare face that are further apart are not in a row: the camera was away, or the room empty."""
    incorrect_counts: bool = True
    """A mask below the nose counts as none."""


class CctvWatch:
    """Watches one room. `zone`: faces whose centre lies outside are not counted."""

    def __init__(self, camera: str, policy: CctvPolicy | None = None, zone: Polygon | None = None) -> None:
        self._camera = camera
        self._policy = policy or CctvPolicy()
        self._zone = zone
        self._bare = (NO_MASK, INCORRECT) if self._policy.incorrect_counts else (NO_MASK,)
        self._streak = 0
        self._fed: Seconds | None = None
        """When a bare face was seen last."""
        self._is_told = False
        self._alerted: Seconds | None = None

    @property
    def is_occupied(self) -> bool:
        """Never: every look is complete, and a streak begins again within seconds."""
        return False

    def observe(self, sight: Sight) -> list[Event]:
        """The look, and an alert when it completes a streak."""
        seen = [track for track in sight.tracks if self._is_counted(track, sight)]
        bare = sum(track.face.label in self._bare for track in seen)
        self._count(seen, bare, sight.at.mono)
        look = Look(at=sight.at, camera=self._camera, faces=len(seen), no_mask=bare, streak=self._streak)
        if not bare or not self._is_due(sight.at.mono):
            return [look]
        self._is_told, self._alerted = True, sight.at.mono
        return [look, self._alert(sight.at)]

    def tick(self, now: Moment) -> list[Event]:
        """Nothing: every look was complete."""
        del now
        return []

    def finish(self, at: Moment) -> list[Event]:
        """Nothing, likewise."""
        del at
        return []

    def _is_counted(self, track: Track, sight: Sight) -> bool:
        return self._zone is None or is_inside(track.face.box, self._zone, sight.width, sight.height)

    def _count(self, seen: Sequence[Track], bare: int, now: Seconds) -> None:
        is_over = self._fed is not None and now - self._fed > self._policy.longest_gap
        if is_over or (seen and not bare) or (not seen and self._policy.empty_looks == "end"):
            self._streak, self._is_told = 0, False
        if bare:
            self._streak, self._fed = self._streak + 1, now

    def _is_due(self, now: Seconds) -> bool:
        if self._is_told or self._streak < self._policy.streak:
            return False
        return self._alerted is None or now - self._alerted >= self._policy.rearm_after

    def _alert(self, at: Moment) -> Alert:
        which = "looks" if self._policy.empty_looks == "end" else "looks that showed anybody"
        text = f"{self._camera}: somebody without a mask in each of the last {self._streak} {which}."
        return Alert(at=at, kind="no_mask", text=text, camera=self._camera, streak=self._streak)
