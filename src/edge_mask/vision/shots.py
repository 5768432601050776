"""The last looks of one camera, for pictures of what is decided: a visit may be said when its visitor has gone."""

from collections import deque
from collections.abc import Sequence

from edge_mask.messages import Event, Face, Frame, Shot, Track, Visit
from edge_mask.units import Seconds

_MOMENT = 1.0
"""Seconds for which a face that is not seen any more may still be there: a detector misses one now and then."""
_FORGET = 10.0
"""Seconds after which nobody is said to have gone any more."""
_PEOPLE = 8
"""Visitors whose last picture is in memory at a time: each is a whole frame."""


class Shots:
    """Belongs to the lane whose turn it is. With `people`, the last picture of each visitor is kept, too."""

    def __init__(self, *, people: bool = False) -> None:
        self._people = people
        self._newest: Shot | None = None
        self._faces: deque[tuple[Seconds, Sequence[Face]]] = deque()
        self._by_track: dict[int, Shot] = {}

    def add(self, frame: Frame, faces: Sequence[Face], faint: Sequence[Face], tracks: Sequence[Track]) -> Shot:
        """The look that this frame makes, together with what was seen a moment ago."""
        now = frame.at.mono
        while self._faces and now - self._faces[0][0] > _MOMENT:
            self._faces.popleft()
        before = [face for _, earlier in self._faces for face in earlier]
        shot = self._newest = Shot(frame, faces, (*faint, *before), tracks)
        if faces:
            self._faces.append((now, faces))
        if self._people:
            self._remember(shot, tracks)
        return shot

    def of(self, event: Event) -> Shot | None:
        """The look that shows what `event` tells; None when it is not in memory any more."""
        if isinstance(event, Visit) and event.track in self._by_track:
            return self._by_track[event.track]
        looks = [*self._by_track.values()] if self._newest is None else [self._newest, *self._by_track.values()]
        return next((shot for shot in looks if shot.frame.at == event.at), None)

    def _remember(self, shot: Shot, tracks: Sequence[Track]) -> None:
        now = shot.frame.at.mono
        for track in tracks:
            self._by_track.pop(track.id, None)  # to the end: the one that was not seen for longest is the first
            self._by_track[track.id] = shot
        for track_id, earlier in list(self._by_track.items()):
            if len(self._by_track) > _PEOPLE or now - earlier.frame.at.mono > _FORGET:
                del self._by_track[track_id]
