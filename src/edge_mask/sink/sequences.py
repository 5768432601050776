"""Which numbers of each device's topics are stored: where a sequence has gaps. Values only, no database, no clock.

first ────stored──── gap ────stored──── upto        what comes below `first` was before this store, and is no gap

A device whose database was made anew begins at 1 again: a number that is stored already, on an id that is younger than
all before. Its old gaps will never be filled; its new numbers are counted from 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from edge_mask.kinds import KINDS
from edge_mask.sink.rows import LARGEST_SEQ
from edge_mask.sink.spans import Span, common, merged, minus, size, without

FARTHEST: Final = 1_000_000
"""A larger step is none: the device has lost count, and jumps ahead so that no number comes twice."""
MOST_GAPS: Final = 1000
"""Of one topic; the oldest are given up."""

Key = tuple[str, str]
"""Thing and topic."""
_LIVE: Final = frozenset(kind.name for kind in KINDS if kind.is_live)


def is_counted(key: Key, seq: int | None) -> bool:
    """Whether what is missing beside this message can be asked for."""
    if seq is None or not 1 <= seq <= LARGEST_SEQ or key[1].rpartition("/")[2] in _LIVE:
        return False
    return not any(each.endswith(" ") for each in key)  # MariaDB takes it for the same without the blank


@dataclass(slots=True)
class Track:
    """The numbers of one topic of one device."""

    begun: str
    """The id of the first message of this count."""
    newest: str
    """The youngest id."""
    first: int
    upto: int
    gaps: list[Span] = field(default_factory=list)
    """What is missing and may still come."""
    lost: list[Span] = field(default_factory=list)
    """What never will."""

    @classmethod
    def begin(cls, seq: int, id_: str) -> "Track":
        """Nothing is known of what was before."""
        return cls(id_, id_, seq, seq)

    def take(self, seq: int, id_: str) -> bool:
        """A message is stored; whether anything but the end has changed. Any order, any number of times."""
        if seq > self.upto:
            changed = self._ahead(seq)
        elif id_ > self.newest and self._has(seq):
            self._begin_anew(seq, id_)
            changed = True
        else:
            changed = self._fill(seq)
        self.newest = max(self.newest, id_)
        return changed

    def expect(self, last: int) -> bool:
        """The device has given out numbers up to this one; whether some of them are not here."""
        if last <= self.upto:
            return False
        self._ahead(last + 1)
        self.upto = last
        return True

    def give_up(self, spans: Iterable[Span]) -> None:
        """These never come."""
        gone = common(self.gaps, merged(spans))
        self.gaps = minus(self.gaps, gone)
        self.lost = merged([*self.lost, *gone])[-MOST_GAPS:]

    def join(self, other: "Track") -> bool:
        """What another store of the same database knows; whether it is news."""
        if other.begun != self.begun and other.newest > self.newest and other.upto < self.upto:
            self.begun, self.newest, self.first, self.upto = other.begun, other.newest, other.first, other.upto
            self.gaps, self.lost = list(other.gaps), list(other.lost)
            return True
        if other.begun != self.begun and other.newest <= self.newest and other.upto > self.upto:
            return False  # what it was before it began anew
        before = (self.first, self.upto, list(self.gaps))
        lost = merged([*self.lost, *other.lost])
        missing = [*self._missing_in(other), *common(self.missing, other.missing)]
        self.first, self.upto = min(self.first, other.first), max(self.upto, other.upto)
        self.newest, self.begun = max(self.newest, other.newest), min(self.begun, other.begun)
        self.lost = common(merged(missing), lost)[-MOST_GAPS:]
        self.gaps = minus(merged(missing), lost)
        return before != (self.first, self.upto, self.gaps)

    @property
    def missing(self) -> list[Span]:
        """What is not here, whether it may come or not."""
        return merged([*self.gaps, *self.lost])

    def _missing_in(self, other: "Track") -> list[Span]:
        """What one misses where the other has never been."""
        mine = minus(self.missing, [(other.first, other.upto)])
        theirs = minus(other.missing, [(self.first, self.upto)])
        between = []
        if self.upto + 1 < other.first:
            between = [(self.upto + 1, other.first - 1)]
        elif other.upto + 1 < self.first:
            between = [(other.upto + 1, self.first - 1)]
        return [*mine, *theirs, *between]

    def _has(self, seq: int) -> bool:
        return self.first <= seq <= self.upto and not any(low <= seq <= high for low, high in self.missing)

    def _ahead(self, seq: int) -> bool:
        step = (self.upto + 1, seq - 1)
        self.upto = seq
        if step[0] > step[1]:
            return False
        if size([step]) > FARTHEST:
            self.lost = merged([*self.lost, step])[-MOST_GAPS:]
            return True
        self.gaps.append(step)
        if len(self.gaps) > MOST_GAPS:
            self.lost = merged([*self.lost, self.gaps.pop(0)])[-MOST_GAPS:]
        return True

    def _fill(self, seq: int) -> bool:
        if seq < self.first or self._has(seq):
            return False
        self.gaps, self.lost = without(self.gaps, seq), without(self.lost, seq)
        return True

    def _begin_anew(self, seq: int, id_: str) -> None:
        self.begun, self.first, self.upto, self.gaps, self.lost = id_, 1, seq, [], []
        if seq > 1:
            self.gaps = [(1, seq - 1)]
