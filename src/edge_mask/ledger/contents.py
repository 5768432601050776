"""A file whose table of contents (`sqlite_master`) is damaged: without it no table can be found, though all are there.

A fresh database of the same version has the same contents on the same pages. Where all of these pages but one are
equal, the damaged one is taken from the fresh file.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

_HEADER = 100
_INNER, _LEAF = 5, 13
_FIRST_CELL = 112


def is_readable(database: Path) -> bool:
    """Whether SQLite finds the tables."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.Error:
        return False


def with_fresh_contents(damaged: Path, fresh: Path, copy: Path) -> bool:
    """Write `damaged` (and its WAL) to `copy` with the one bad page replaced; False when that is not what is wrong."""
    size = _page_size(fresh)
    if not size or _page_size(damaged) != size:
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
    """Without the header, which counts what has changed."""
    start = _HEADER if number == 1 else 0
    return os.pread(file, size - start, (number - 1) * size + start)


def _page_size(database: Path) -> int:
    with database.open("rb") as file:
        return int.from_bytes(file.read(18)[16:18], "big")


def _pages_of_contents(data: bytes, size: int) -> list[int]:
    """Page 1 and the leaves that it names; more levels than these no schema of ours has."""
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
