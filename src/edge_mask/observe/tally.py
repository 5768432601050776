"""What this process has seen and recorded since it began: it outlives the houses and knows nothing of the database.

So its counters only grow: the history may be erased, or kept for a week alone.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge_mask.messages import Alert, Deviation, Event, Fault, Look, Quality, Reading, Visit
from edge_mask.observe.spread import Spread
from edge_mask.units import Seconds

MOST_KEYS: Final = 256
"""Different label values of one counter: names of sensors may come from outside. What comes later is `other`."""
OTHER: Final = "other"
_RECENT = 21
"""Looks of a camera whose mean distance is told."""
_PAUSE = 1.0
"""Seconds since the last look that are no sign of anything: the picture is under way."""
INFERENCE_BOUNDS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0)
VERDICT_BOUNDS: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A copy of everything that is counted, by label values."""

    visits: Mapping[Labels, int]
    """By camera and verdict."""
    reasons: Mapping[Labels, int]
    """By camera and reason; a visit may have several."""
    alerts: Mapping[Labels, int]
    looks: Mapping[Labels, int]
    faults: Mapping[Labels, int]
    """By component and code."""
    readings: Mapping[Labels, int]
    """By sensor, quantity and quality."""
    frames: Mapping[Labels, int]
    """Analysed ones, by camera."""


def _empty() -> "Count":
    return Count(*(Counter() for _ in range(7)))


@dataclass(slots=True)
class Tally:
    """May be used from any thread."""

    inference: Spread = field(default_factory=lambda: Spread(INFERENCE_BOUNDS))
    times_to_verdict: dict[str, Spread] = field(default_factory=dict)
    """Seconds, by camera."""
    newest: dict[Labels, Reading] = field(default_factory=dict)
    """The last good reading, by sensor and quantity."""
    _count: Count = field(default_factory=_empty)
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def recorded(self, event: Event) -> None:
        """An event was recorded."""
        with self._lock:
            match event:
                case Visit():
                    self._visit(event)
                case Look():
                    _add(self._count.looks, (event.camera,))
                case Alert(deviation=Deviation(state="ended")):
                    pass  # it was counted when it began
                case Alert():
                    _add(self._count.alerts, (event.kind,))
                case Fault():
                    _add(self._count.faults, (event.component, event.code))
                case Reading():
                    self._reading(event)

    def looked(self, camera: str, at: Seconds, inference_ms: float) -> None:
        """A frame was analysed."""
        with self._lock:
            _add(self._count.frames, (camera,))
            self._recent.setdefault(camera, deque(maxlen=_RECENT)).append(at)
        self.inference.add(inference_ms / 1000)

    def begins_again(self) -> None:
        """Another house: the time between its first look and the last one before says nothing."""
        with self._lock:
            self._recent.clear()

    def count(self) -> Count:
        """A copy."""
        with self._lock:
            now = self._count
            parts = (now.visits, now.reasons, now.alerts, now.looks, now.faults, now.readings, now.frames)
            return Count(*map(dict, parts))

    def readings(self) -> dict[Labels, Reading]:
        """A copy of the newest ones."""
        with self._lock:
            return dict(self.newest)

    def spreads(self) -> dict[str, Spread]:
        """The times to the verdict, by camera."""
        with self._lock:
            return dict(self.times_to_verdict)

    def intervals(self, now: Seconds) -> dict[str, float]:
        """The mean seconds between the last looks of each camera; a pause that is longer counts as that."""
        with self._lock:
            recent = {camera: (len(looks), looks[0], looks[-1]) for camera, looks in self._recent.items()}
        return {
            camera: max((last - first) / (count - 1), 0.0 if now - last < _PAUSE else now - last)
            for camera, (count, first, last) in recent.items()
            if count > 1
        }

    def _visit(self, visit: Visit) -> None:
        _add(self._count.visits, (visit.camera, visit.verdict))
        for reason in visit.reasons:
            _add(self._count.reasons, (visit.camera, reason))
        if visit.time_to_verdict_ms is not None:
            spread = self.times_to_verdict.setdefault(visit.camera, Spread(VERDICT_BOUNDS))
            spread.add(visit.time_to_verdict_ms / 1000)

    def _reading(self, reading: Reading) -> None:
        labels = reading.sensor, reading.quantity
        _add(self._count.readings, (*labels, reading.quality.value))
        if reading.quality is Quality.GOOD and (labels in self.newest or len(self.newest) < MOST_KEYS):
            self.newest[labels] = reading


def _add(counter: Mapping[Labels, int], labels: Labels) -> None:
    assert isinstance(counter, Counter)
    if labels not in counter and len(counter) >= MOST_KEYS:
        labels = (OTHER,) * len(labels)
    counter[labels] += 1


class Carried:
    """Counters of parts that begin at zero with each house, added up over the houses."""

    def __init__(self) -> None:
        self._before: Counter[Labels] = Counter()
        self._read: Callable[[], Mapping[Labels, int]] = dict
        self._source: object = None
        self._lock = threading.Lock()

    def follow(self, source: object, read: Callable[[], Mapping[Labels, int]]) -> None:
        """Another house is built: from now on its numbers are added to what the others have counted.

        `source` holds the numbers: one that several houses share goes on where it was.
        """
        with self._lock:
            if source is not self._source:
                self._before.update(self._read())
            self._source, self._read = source, read

    def __call__(self) -> dict[Labels, int]:
        """What all houses counted so far."""
        with self._lock:
            now = self._read()
            return {labels: self._before[labels] + now.get(labels, 0) for labels in {*self._before, *now}}
