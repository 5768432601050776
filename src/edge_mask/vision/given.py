"""Frames that another device looks at, and the order in which a camera's frames are judged.

give ──▶ out ──answer──▶ in line ──▶ judged, when no earlier frame of that camera is out
          ├─ lost: the next ones go on
          └─ others have waited for it long enough: it is late, and its answer counts no more
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edge_mask.detect.detector import Answer
from edge_mask.messages import Frame
from edge_mask.units import Seconds

HOLD: Final = Seconds(0.15)
"""So long an answer waits for that of an earlier frame."""
_MOST_HELD: Final = 16
"""Frames of one camera in memory that wait so."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A frame with what somebody saw in it."""

    frame: Frame
    answer: Answer
    model: str


@dataclass(slots=True)
class _Line:
    """The frames of one camera, by the moment they were taken at."""

    out: set[Seconds] = field(default_factory=set)
    held: dict[Seconds, Looked] = field(default_factory=dict)
    since: Seconds = Seconds(0.0)
    """When the first of those that are held came."""
    judged: float = float("-inf")


class Given:
    """The owner locks. Each method yields what is due to be judged now, in order."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """How many are out, or wait for those."""
        return sum(len(line.out) + len(line.held) for line in self._lines.values())

    def give(self, frame: Frame) -> None:
        """Somebody else looks at it."""
        self._lines.setdefault(frame.camera, _Line()).out.add(frame.at.mono)

    def is_out(self, frame: Frame) -> bool:
        """Whether an answer to it still counts."""
        line = self._lines.get(frame.camera)
        return line is not None and frame.at.mono in line.out

    def looked(self, looked: Looked, now: Seconds) -> Iterator[Looked]:
        """Somebody has looked at a frame, here or elsewhere. One that is too late for its turn is dropped."""
        line = self._lines.setdefault(looked.frame.camera, _Line())
        at = looked.frame.at.mono
        line.out.discard(at)
        if at > line.judged:
            line.since = line.since if line.held else now
            line.held[at] = looked
        while len(line.held) > _MOST_HELD:
            line.out.remove(min(line.out))
            yield from _due(line)
        yield from _due(line)

    def lost(self, frame: Frame) -> Iterator[Looked]:
        """Nobody will say what it shows."""
        line = self._lines.setdefault(frame.camera, _Line())
        line.out.discard(frame.at.mono)
        yield from _due(line)

    def overdue(self, now: Seconds) -> Iterator[Looked]:
        """Those that have waited long enough for an earlier one."""
        for line in self._lines.values():
            while line.held and now - line.since >= HOLD:
                line.out = {at for at in line.out if at > min(line.held)}
                line.since = now
                yield from _due(line)

    def next_overdue(self) -> Seconds | None:
        """When `overdue` should be asked."""
        waiting = [Seconds(line.since + HOLD) for line in self._lines.values() if line.held]
        return min(waiting, default=None)


def _due(line: _Line) -> Iterator[Looked]:
    while line.held:
        first = min(line.held)
        if line.out and min(line.out) < first:
            return
        line.judged = first
        yield line.held.pop(first)
