"""The last looks that one visitor has had, and the record made of them.

the visitor ◀────────────────────────────── sees each look at once
look ─▶ look, look, … the last ones ─▶ the shadow, who sees them when they leave: its memory stands for all of those
"""

from typing import Any, Final

from edge_mask.decide.look import VisitorLook
from edge_mask.decide.record.memory import memory_of, visitor_with
from edge_mask.decide.record.packed import MOST_BYTES, MadeBy, Record, pack, squeezed
from edge_mask.decide.record.plain import plain
from edge_mask.decide.visitor import GatePolicy, Visitor
from edge_mask.decide.weight import weigh

MOST_LOOKS: Final = 64
"""Two seconds of a camera with 30 looks a second; about as many as find room beside the memory of a visitor."""


class Log:
    """Keeps the looks of one visitor. One thread uses it."""

    def __init__(
        self, policy: GatePolicy, made_by: MadeBy, most_looks: int = MOST_LOOKS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._policy = policy
        self._made_by = made_by
        self._most_looks, self._most_bytes = most_looks, most_bytes
        self._looks: list[VisitorLook] = []
        self._rows: list[Any] = []
        """The same looks for JSON: when a visit is said, its gate waits."""
        self._weights: list[float] = []
        self._before = 0
        self._shadow = Visitor(policy)

    def add(self, look: VisitorLook) -> None:
        """A look that the visitor sees."""
        self._looks.append(look)
        self._rows.append(plain(look))
        self._weights.append(weigh(look.evidence, self._policy.min_face))
        self._forget(len(self._looks) - self._most_looks)

    def record(self, *, clock_ok: bool, has_left: bool = False) -> bytes:
        """The record of the visit that is said now: as many of the last looks as find room."""
        while len(packed := pack(self._record(clock_ok, has_left), self._rows)) > self._most_bytes:
            surplus, each = len(packed) - self._most_bytes, len(squeezed(self._rows)) / len(self._rows)
            if len(self._looks) == 1:  # a memory without bound, which no visitor should have
                return pack(Record(self._made_by, clock_ok, self._policy, (), before=self._before + 1))
            self._forget(min(len(self._looks) - 1, int(surplus / each) + 1))
        return packed

    def _record(self, clock_ok: bool, has_left: bool) -> Record:
        return Record(
            made_by=self._made_by,
            clock_ok=clock_ok,
            policy=self._policy,
            looks=tuple(self._looks),
            weights=tuple(self._weights),
            has_left=has_left,
            before=self._before,
            memory=memory_of(self._shadow) if self._before else None,
        )

    def _forget(self, count: int) -> None:
        for look in self._looks[: max(0, count)]:
            self._shadow.see(look)
            self._before += 1
        for kept in (self._looks, self._rows, self._weights):
            del kept[: max(0, count)]


def first_of(record: Record) -> Visitor:
    """The visitor as it was before the first look of the record. Raises ValueError."""
    return Visitor(record.policy) if record.memory is None else visitor_with(record.memory, record.policy)
