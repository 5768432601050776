"""Reading a damaged file: past its bad pages, and without its table of contents."""

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from edge_mask.ledger.schema import KEYS, lacking

log = logging.getLogger(__name__)

FIRST_ROW: Final = -(2**63)
_BEYOND = 2**62
_HEADER = 100
_INNER, _LEAF = 5, 13
_FIRST_CELL = 112


# -- past bad pages --------------------------------------------------------------------------------------


def readable_rows(source: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Each row once, sorted by key."""
    if table in KEYS:
        yield from _from_both_ends(source, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {KEYS[table]}")
        return
    select = f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid"
    start = FIRST_ROW
    while True:
        last = start - 1
        try:
            for row in source.execute(select, (start,)):
                last = row[0]
                yield row[1:]
        except sqlite3.Error as error:
            log.debug("table %s is not readable behind row %d: %s", table, last, error)
        else:
            return
        if (row := _behind_the_damage(source, select, last)) is None:
            return
        yield row[1:]  # not by the next query: a cursor reads one row ahead, and fails on the last row before damage
        start = row[0] + 1


def _from_both_ends(source: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    """For a small table, which seldom has more than one page."""
    seen = []
    for order in ("ASC", "DESC"):
        try:
            for row in source.execute(f"{select} {order}"):
                if row not in seen:
                    seen.append(row)
                    yield row
        except sqlite3.Error as error:
            log.debug("not readable to its end: %s: %s", select, error)
        else:
            return


def _behind_the_damage(source: sqlite3.Connection, select: str, last: int) -> tuple[Any, ...] | None:
    """The first row behind number `last` that can be read; None when there is none.

    Doubles its steps until one lands on a sound page, then searches back to the edge of the damage by halves.
    """

    def first_from(number: int) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = source.execute(f"{select} LIMIT 1", (number,)).fetchone()
        return found

    step = 1
    while (probe := last + step) < _BEYOND:
        try:
            landed = first_from(probe)
        except sqlite3.Error:
            step *= 2
            continue
        damaged = last + step // 2
        while probe - damaged > 1:
            middle = (damaged + probe) // 2
            try:
                landed, probe = first_from(middle), middle
            except sqlite3.Error:
                damaged = middle
        return landed
    return None


# -- without the table of contents -----------------------------------------------------------------------
#
# When `sqlite_master` is damaged, SQLite finds no table, though all of them are there. A fresh database of the same
# version has the same contents on the same pages. If all of these pages but one are equal, the damaged one is taken
# from the fresh file.


def is_readable(database: Path) -> bool:
    """Whether SQLite finds all that there should be."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            return not lacking(connection)
    except sqlite3.Error:
        return False


def with_fresh_contents(damaged: Path, fresh: Path, copy: Path) -> bool:
    """Write `damaged` (and its WAL) to `copy` with the one bad page replaced; False when something else is wrong."""
    size = _page_size(fresh)
    if not size or _page_size(damaged) != size or _version(damaged) != _version(fresh):
        return False
    pages = _pages_of_contents(fresh.read_bytes(), size)
    with damaged.open("rb") as old, fresh.open("rb") as new:
        bad = [n for n in pages if _page(old.fileno(), n, size) != _page(new.fileno(), n, size)]
        right = {n: _page(new.fileno(), n, size) for n in bad}
    if len(bad) != 1 or not pages:
        return False
    shutil.copyfile(damaged, copy)
    wal = Path(f"{damaged}-wal")
    if wal.exists():
        shutil.copyfile(wal, f"{copy}-wal")
    with copy.open("r+b") as file:
        for number, content in right.items():
            file.seek((number - 1) * size + (_HEADER if number == 1 else 0))
            file.write(content)
    return is_readable(copy)


def _page(file: int, number: int, size: int) -> bytes:
    """Without the header of the file, which counts changes."""
    start = _HEADER if number == 1 else 0
    return os.pread(file, size - start, (number - 1) * size + start)


def _page_size(database: Path) -> int:
    with database.open("rb") as file:
        return int.from_bytes(file.read(18)[16:18], "big")


def _version(database: Path) -> int:
    with database.open("rb") as file:
        return int.from_bytes(file.read(64)[60:64], "big")


def _pages_of_contents(data: bytes, size: int) -> list[int]:
    """Page 1 and the leaves that it names; our schema never needs more levels."""
    kind, cells = data[_HEADER], int.from_bytes(data[_HEADER + 3 : _HEADER + 5], "big")
    if kind == _LEAF:
        return [1]
    if kind != _INNER:
        return []
    at = [int.from_bytes(data[_FIRST_CELL + 2 * n : _FIRST_CELL + 2 * n + 2], "big") for n in range(cells)]
    leaves = [int.from_bytes(data[start : start + 4], "big") for start in at]
    leaves.append(int.from_bytes(data[_HEADER + 8 : _HEADER + 12], "big"))
    is_flat = all(data[(leaf - 1) * size] == _LEAF for leaf in leaves)
    return [1, *leaves] if is_flat else []
