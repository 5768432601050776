"""Who is who at a gate where tracks break: a new track may be somebody who was here a moment ago.

Somebody who looks away, bends down or is hidden comes back as a new track. It takes over the person who vanished, with
all votes and with what was said, if it begins soon after and near to the place. Where two could be meant it takes over
nobody: judging one person twice is the smaller fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from edge_mask.geometry import distance
from edge_mask.messages import Box, Track
from edge_mask.units import Moment, Seconds

REACH = 1.5
"""Face sizes between the centres of the old and the new place; sizes differ by a factor of two at most."""
CLEARLY = 1.5
"""Another pair that is not this much further apart could be meant as well."""


@dataclass(slots=True)
class _Seen:
    """One person, at the last look that showed them."""

    track: int
    box: Box
    last: Moment


class People:
    """Numbers the persons before one camera; looks come in the order of time."""

    def __init__(self, within: Seconds) -> None:
        """`within`: who was not seen for longer does not come back."""
        self._within = within
        self._seen: dict[int, _Seen] = {}
        self._person_of: dict[int, int] = {}
        """By track."""
        self._numbers = count(1)

    def recognise(self, tracks: Sequence[Track], at: Moment) -> dict[int, int]:
        """The person of each track in this look."""
        tracks = sorted(tracks, key=lambda each: each.id)  # the order of the detector tells nothing
        new = [track for track in tracks if track.id not in self._person_of]
        for track, person in self._returning(tracks, new, at):
            del self._person_of[self._seen[person].track]
            self._person_of[track.id] = person
        for track in tracks:
            if track.id not in self._person_of:
                self._person_of[track.id] = next(self._numbers)
            self._seen[self._person_of[track.id]] = _Seen(track.id, track.face.box, at)
        self._forget(at)
        return {track.id: self._person_of[track.id] for track in tracks}

    def _returning(self, tracks: Sequence[Track], new: Sequence[Track], at: Moment) -> list[tuple[Track, int]]:
        """New tracks and who they are, where only one person can be meant."""
        if not new:
            return []
        here = {self._person_of.get(track.id) for track in tracks}
        missing = {person: seen for person, seen in self._seen.items() if person not in here}
        apart = {
            (track.id, person): distance(track.face.box, seen.box)
            for track in new
            for person, seen in missing.items()
            if at.mono - seen.last.mono <= self._within
        }
        near = {pair: far for pair, far in apart.items() if far <= REACH}
        return [
            (track, person)
            for track in new
            for person in missing
            if (track.id, person) in near and _is_alone((track.id, person), near)
        ]

    def _forget(self, at: Moment) -> None:
        for person, seen in list(self._seen.items()):
            if at.mono - seen.last.mono > self._within:
                del self._seen[person], self._person_of[seen.track]


def _is_alone(pair: tuple[int, int], near: dict[tuple[int, int], float]) -> bool:
    """Whether neither the track nor the person has another partner that is about as near."""
    rivals = [far for other, far in near.items() if other != pair and (other[0] == pair[0] or other[1] == pair[1])]
    return all(far >= CLEARLY * near[pair] + 0.1 for far in rivals)
