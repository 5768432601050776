"""The looks that one visitor has had, as many as a record can use, and the record made of them.

memory ── look ── look ── … ── look      somebody who stays for an hour: the earliest looks go, and the visitor's memory
  after `before` looks                   at that point takes their place
"""

from typing import Any, Final

from edge_mask.decide.look import VisitorLook
from edge_mask.decide.record.memory import memory_of, visitor_with
from edge_mask.decide.record.packed import MOST_BYTES, MadeBy, Record, pack
from edge_mask.decide.visitor import GatePolicy, Visitor

SPAN: Final = 256
"""Looks between two of the memories that are taken in passing. A record seldom holds as many."""


class Log:
    """Keeps the looks of one visitor. One thread uses it."""

    def __init__(self, policy: GatePolicy, made_by: MadeBy, span: int = SPAN, most: int = MOST_BYTES) -> None:
        self._policy = policy
        self._made_by = made_by
        self._span, self._most = span, most
        self._looks: list[VisitorLook] = []
        self._before = 0
        self._memory: dict[str, Any] | None = None
        self._next: dict[str, Any] | None = None
        """The memory after the first `span` of the looks that are kept."""

    def add(self, look: VisitorLook, visitor: Visitor) -> None:
        """A look that the visitor has just seen."""
        self._looks.append(look)
        if len(self._looks) == 2 * self._span:
            self._memory = self._next
            self._before += self._span
            del self._looks[: self._span]
        if len(self._looks) == self._span:
            self._next = memory_of(visitor)

    def record(self, *, clock_ok: bool, has_left: bool = False) -> bytes:
        """The record of the visit that is said now: as many of the last looks as find room."""
        whole = Record(
            self._made_by, clock_ok, self._policy, tuple(self._looks), has_left, self._before, self._memory
        )
        packed = pack(whole)
        kept = len(whole.looks)
        while len(packed) > self._most and kept:
            kept = min(kept - 1, kept * self._most // len(packed))
            packed = pack(cut(whole, kept))
        return packed


def cut(record: Record, kept: int) -> Record:
    """The same with the last `kept` looks; the visitor's memory stands for the others."""
    gone = len(record.looks) - kept
    visitor = first_of(record)
    for look in record.looks[:gone]:
        visitor.see(look)
    return Record(
        record.made_by,
        record.clock_ok,
        record.policy,
        record.looks[gone:],
        record.has_left,
        record.before + gone,
        memory_of(visitor),
    )


def first_of(record: Record) -> Visitor:
    """The visitor as it was before the first look of the record. Raises ValueError."""
    return Visitor(record.policy) if record.memory is None else visitor_with(record.memory)
