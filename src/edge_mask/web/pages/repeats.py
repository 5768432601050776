"""What repeats itself is shown once: `12 times since 22:29`, with each of them beneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edge_mask.ledger.pages import MOST
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import ALIKE, Table
from edge_mask.web.words import Words

Row = Mapping[str, Any]

_PAUSE: Final = 600.0
"""Seconds without it, and it is told anew."""
_LISTED: Final = 20
_READS: Final = 10
"""Of the database for one page, each of so many rows as it gives: the rest of a storm is told on the next page."""


@dataclass(slots=True)
class Repeats:
    """The same alert or fault once or more often, newest first."""

    newest: Row
    first: Row
    """Whose id stays the group's while it grows."""
    rows: list[Row] = field(default_factory=list)
    """The newest, which are shown one by one."""
    count: int = 0
    is_unseen: bool = False
    """Whether one of them was not seen."""
    is_more: bool = False
    """Whether it may go on behind what was read."""

    def add(self, row: Row) -> None:
        """One more, older than all others."""
        self.first = row
        self.count += 1
        self.is_unseen = self.is_unseen or row["seen"] is None
        if len(self.rows) < _LISTED:
            self.rows.append(row)

    def goes_on_at(self, at: float) -> bool:
        """Whether the same at that time, which is not later, belongs to it."""
        return float(self.first["at"]) - at <= _PAUSE

    @property
    def listed(self) -> Sequence[Row]:
        """Those that are shown one by one."""
        return self.rows if self.count > 1 else ()

    def since(self, words: Words) -> str:
        """When it began: the time, with its day where that is another."""
        first, newest = float(self.first["at"]), float(self.newest["at"])
        time = words.time(first)[:5]
        return time if words.day(first) == words.day(newest) else f"{words.day(first)} {time}"


class Grouping:
    """Takes rows, newest first, until there are as many groups as a page has room for."""

    def __init__(self, table: Table, most: int) -> None:
        self.groups: list[Repeats] = []
        self._table = table
        self._most = most
        self._open: dict[tuple[Any, ...], Repeats] = {}

    def take(self, rows: Sequence[Row]) -> int:
        """How many of them it took: fewer when the page is full."""
        for place, row in enumerate(rows):
            key, at = tuple(row[name] for name in ALIKE[self._table]), float(row["at"])
            group = self._open.get(key)
            if group is None or not group.goes_on_at(at):
                if len(self.groups) == self._most:
                    self.cut(at)
                    return place
                group = self._open[key] = Repeats(row, row)
                self.groups.append(group)
            group.add(row)
        return len(rows)

    def cut(self, at: float) -> None:
        """Nothing older than that is read."""
        for group in self._open.values():
            group.is_more = group.goes_on_at(at)


def page_of(reader: Reader, table: Table, cursor: str | None, most: int) -> tuple[list[Repeats], str | None]:
    """A page of groups, and the cursor of the next. Raises Refused for a cursor that is none of ours."""
    grouping = Grouping(table, most)
    with reader.held() as held:
        for _ in range(_READS):
            found = held.event_page(table, cursor, MOST)
            used = grouping.take(found.rows)
            if used < len(found.rows):
                return grouping.groups, held.event_page(table, cursor, used).next if used else cursor
            if (cursor := found.next) is None:
                return grouping.groups, None
    grouping.cut(float(found.rows[-1]["at"]))
    return grouping.groups, cursor
