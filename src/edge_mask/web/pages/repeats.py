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


@dataclass(slots=True)
class Repeats:
    """The same alert or fault once or more often, newest first."""

    rows: list[Row] = field(default_factory=list)

    @property
    def newest(self) -> Row:
        return self.rows[0]

    @property
    def first(self) -> Row:
        """Whose id stays the group's while it grows."""
        return self.rows[-1]

    @property
    def listed(self) -> Sequence[Row]:
        """Those that are shown one by one."""
        return self.rows[:_LISTED] if len(self.rows) > 1 else ()

    @property
    def is_unseen(self) -> bool:
        """Whether one of them was not seen."""
        return any(row["seen"] is None for row in self.rows)

    def since(self, words: Words) -> str:
        """When it began: the time, with its day where that is another."""
        first, newest = float(self.first["at"]), float(self.newest["at"])
        time = words.time(first)[:5]
        return time if words.day(first) == words.day(newest) else f"{words.day(first)} {time}"


def grouped(rows: Sequence[Row], table: Table, most: int) -> tuple[list[Repeats], int]:
    """At most so many groups, and how many of the rows are in them. Rows come newest first."""
    groups: list[Repeats] = []
    open_ones: dict[tuple[Any, ...], Repeats] = {}
    for place, row in enumerate(rows):
        key = tuple(row[name] for name in ALIKE[table])
        group = open_ones.get(key)
        if group is None or float(group.first["at"]) - float(row["at"]) > _PAUSE:
            if len(groups) == most:
                return groups, place
            group = open_ones[key] = Repeats()
            groups.append(group)
        group.rows.append(row)
    return groups, len(rows)


def page_of(reader: Reader, table: Table, cursor: str | None, most: int) -> tuple[list[Repeats], str | None]:
    """A page of groups, and the cursor of the next. Raises Refused for a cursor that is none of ours."""
    with reader.held() as held:
        found = held.event_page(table, cursor, MOST)
        groups, used = grouped(found.rows, table, most)
        return groups, found.next if used == len(found.rows) else held.event_page(table, cursor, used).next
