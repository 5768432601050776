"""A camera that watches a room: one look after the other, and an alert when too many in a row show a bare face.

look                          streak    alert
no face without a mask        0         -
one or more                   + 1       when the streak is `streak` or longer, at most one each `rearm_after`
"""

from dataclasses import dataclass

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
    """Time after an alert without another one, whether the streak goes on or a new one begins."""
    incorrect_counts: bool = True
    """A mask below the nose counts as none."""


class CctvWatch:
    """Watches one room. `zone`: faces whose centre lies outside are not counted."""

    def __init__(self, camera: str, policy: CctvPolicy | None = None, zone: Polygon | None = None) -> None:
        self._camera = camera
        self._policy = policy or CctvPolicy()
        self._zone = zone
        self._streak = 0
        self._alerted: Seconds | None = None

    @property
    def is_occupied(self) -> bool:
        """Never: every look is complete, and a streak begins again within seconds."""
        return False

    def observe(self, sight: Sight) -> list[Event]:
        """The look, and an alert when it completes a streak."""
        seen = [track for track in sight.tracks if self._is_counted(track, sight)]
        bare = sum(track.face.label in self._bare_labels for track in seen)
        self._streak = self._streak + 1 if bare else 0
        look = Look(at=sight.at, camera=self._camera, faces=len(seen), no_mask=bare, streak=self._streak)
        if not self._is_due(sight.at.mono):
            return [look]
        self._alerted = sight.at.mono
        text = f"{self._camera}: somebody without a mask in each of the last {self._streak} looks."
        return [look, Alert(at=sight.at, kind="no_mask", text=text, camera=self._camera, streak=self._streak)]

    def tick(self, now: Moment) -> list[Event]:
        """Nothing: every look was complete."""
        del now
        return []

    def finish(self, at: Moment) -> list[Event]:
        """Nothing, likewise."""
        del at
        return []

    @property
    def _bare_labels(self) -> tuple[str, ...]:
        return (NO_MASK, INCORRECT) if self._policy.incorrect_counts else (NO_MASK,)

    def _is_counted(self, track: Track, sight: Sight) -> bool:
        return self._zone is None or is_inside(track.face.box, self._zone, sight.width, sight.height)

    def _is_due(self, now: Seconds) -> bool:
        if self._streak < self._policy.streak:
            return False
        return self._alerted is None or now - self._alerted >= self._policy.rearm_after
