"""What the pixels say of a face beside its label: how sharp it is, and what has changed since the look before.

Both are taken from small grey pictures: they cost a fraction of a millisecond, and averaging takes noise out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mask.decide.look import Evidence
from edge_mask.decide.stillness import has_moved
from edge_mask.messages import Box, Image, Track
from edge_mask.units import Moment, Seconds

_SIDE = 48
"""Pixels of a face when its sharpness is measured."""
_CELLS = 16
"""Pixels of a place when its change is measured: each is the mean of many of the camera's."""
_LOOKS = 10
"""Looks at a place before it may be looked at anew."""
_ENOUGH = 96
"""Pixels across that are looked at; of a larger face every second, third … one."""
_LEAST_CONTRAST = 4.0
"""Grey levels; a plainer face than this is no sharper for its noise."""
_PLAIN = 1.0
"""Square of grey levels; of a plainer face nobody can tell a change of light from one of the face."""

Grey = NDArray[np.float32]


@dataclass(slots=True)
class _Place:
    """Where a face rests, and what the pixels there were."""

    box: Box
    since: Seconds
    first: Grey
    before: Grey
    looks: int = 1


class Examiner:
    """Examines the faces of one camera; one thread at a time uses it."""

    def __init__(self, window: Seconds = Seconds(2.0)) -> None:
        """`window`: a place is looked at anew after so long (and some looks): daylight drifts, too."""
        self._window = window
        self._places: dict[int, _Place] = {}

    def examine(self, image: Image, tracks: Sequence[Track], at: Moment) -> dict[int, Evidence]:
        """The evidence of each track in this frame, by its id."""
        height, width = image.shape[:2]
        places: dict[int, _Place] = {}
        found: dict[int, Evidence] = {}
        for track in tracks:
            box = track.face.box
            places[track.id], step, drift = self._compared(image, box, self._places.get(track.id), at.mono)
            size, aspect = max(box.w, box.h) / min(height, width), box.w / box.h if box.h else 0.0
            found[track.id] = Evidence(_sharpness(image, box), round(size, 3), round(aspect, 3), step, drift)
        self._places = places
        return found

    def _compared(
        self, image: Image, box: Box, place: _Place | None, now: Seconds
    ) -> tuple[_Place, float | None, float | None]:
        if place is None or has_moved(place.box, box) or self._is_old(place, now):
            cells = _cells(image, box)
            return _Place(box, now, cells, cells), None, None
        cells = _cells(image, place.box)
        step, drift = _change(cells, place.before), _change(cells, place.first)
        place.before, place.looks = cells, place.looks + 1
        return place, step, drift

    def _is_old(self, place: _Place, now: Seconds) -> bool:
        return now - place.since > self._window and place.looks >= _LOOKS


def _change(now: Grey, then: Grey) -> float:
    """Mean square, without what light that fades does to all cells alike: it scales them, and makes them darker."""
    new, old = now - now.mean(), then - then.mean()
    old_square = float(np.square(old).mean())
    scale = float((new * old).mean()) / old_square if old_square > _PLAIN else 1.0
    return round(float(np.square(new - scale * old).mean()), 3)


def _sharpness(image: Image, box: Box) -> float:
    face = _shrunk(image, box, _SIDE)
    contrast = max(float(face.std()), _LEAST_CONTRAST)
    bends = sum(float(np.abs(np.diff(face, n=2, axis=axis)).mean()) for axis in (0, 1))
    return round(bends / contrast, 3)


def _cells(image: Image, box: Box) -> Grey:
    return _shrunk(image, box, _CELLS)


def _shrunk(image: Image, box: Box, side: int) -> Grey:
    """The part of the picture in the box as `side` x `side` means of its green, most of the light."""
    import cv2

    height, width = image.shape[:2]
    left, top = min(max(int(box.x), 0), width - 1), min(max(int(box.y), 0), height - 1)
    right, bottom = max(left + 1, min(int(box.x + box.w), width)), max(top + 1, min(int(box.y + box.h), height))
    step = max(1, max(right - left, bottom - top) // _ENOUGH)
    part = np.ascontiguousarray(image[top:bottom:step, left:right:step, 1])
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.float32)
