"""A folder of recorded minutes: what was stored, what came then, and what is known of the site."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_mask.errors import Refused
from edge_mask.series.nouns import Minutes, Site
from edge_mask.series.site_file import meta_of, site_of

_DAY: Final = 1440
_YEAR: Final = 366 * _DAY
_MOST: Final = 1e15
"""Larger than anything that is measured: squares of it still fit into what is learned with."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Minutes of one series: `history` to learn from, `live` to be seen one by one."""

    name: str
    site: Site
    history: Minutes
    live: Minutes


def read(folder: Path) -> Recording:
    """Read a folder; Refused with a sentence about what is wrong in it."""
    path = folder / "meta.json"
    meta = meta_of(path)
    name = str(meta.get("series", folder.name))
    site = site_of(name, meta, str(path))
    history, live = (_minutes(_either(folder, part)) for part in ("history", "live"))
    if not len(live.values):
        raise Refused(f"{_either(folder, 'live')}: has no rows")
    if len(history.values):
        _follows(history, live, _either(folder, "live"))
    return Recording(name, site, history, live)


def _follows(history: Minutes, live: Minutes, path: Path) -> None:
    if live.first < history.first:
        raise Refused(f"{path}: begins on {_day(live.first)}, before its history, {_day(history.first)}")
    if live.first - history.end > _YEAR:
        raise Refused(f"{path}: begins on {_day(live.first)}, more than a year after its history, {_day(history.end)}")


def origins(path: Path, series: str) -> list[int]:
    """The minutes of which forecasts of this series are wanted, in order."""
    with _rows(path, ("series", "origin")) as rows:
        found = []
        for number, row in rows:
            try:
                if row["series"] == series:
                    found.append(_minute(row["origin"]))
            except (TypeError, ValueError, OverflowError) as error:
                raise Refused(f"{path} line {number}: wanted is series,origin in UTC: {_reason(error)}") from error
        return sorted(found)


def remarks(path: Path, wanted: list[int], recording: Recording) -> list[str]:
    """Why there are fewer forecasts than whoever gave this file of origins may think."""
    live = recording.live
    if not wanted:
        return [f"{path}: names no origin of {recording.name}"]
    outside = sum(not live.first <= each <= live.end for each in wanted)
    if outside:
        span = f"{_day(live.first)} to {_day(live.end)}"
        return [f"{path}: {outside} of {len(wanted)} origins of {recording.name} are outside of its live part, {span}"]
    return []


def _either(folder: Path, part: str) -> Path:
    for name in (f"{part}.csv.gz", f"{part}.csv"):
        if (folder / name).exists():
            return folder / name
    raise Refused(f"{folder}: has neither {part}.csv nor {part}.csv.gz")


@contextmanager
def _rows(path: Path, columns: tuple[str, str]) -> Iterator[Iterator[tuple[int, dict[str, str]]]]:
    """The rows with their line numbers; Refused when the file is none, or lacks a column."""
    try:
        with _open(path) as lines:
            reader = csv.DictReader(lines)
            if reader.fieldnames is not None and not set(columns) <= set(reader.fieldnames):
                listed = ",".join(name or "" for name in reader.fieldnames)
                raise Refused(f"{path} line 1: wanted are the columns {','.join(columns)}; found {listed[:80]}")
            yield ((reader.line_num, row) for row in reader)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error, csv.Error) as error:
        raise Refused(f"{path}: {error}") from error


def _open(path: Path) -> Any:
    """Its lines; a byte that is no UTF-8 is found where the cell is read, whose line is known."""
    opened = gzip.open if path.suffix == ".gz" else open
    return opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _minutes(path: Path) -> Minutes:
    """The rows of a file; several of one minute are averaged, minutes without a row are NaN."""
    with _rows(path, ("time", "value")) as rows:
        known = list(_readings(path, rows))
    if not known:
        return Minutes(0, np.empty(0, np.float32))
    first, last = min(row[0] for row in known), max(row[0] for row in known)
    if last - first > 20 * _YEAR:
        raise Refused(f"{path}: its times are more than twenty years apart")
    at = np.array([row[0] for row in known]) - first
    total = np.bincount(at, weights=[row[1] for row in known], minlength=last - first + 1)
    count = np.bincount(at, minlength=last - first + 1)
    with np.errstate(invalid="ignore"):
        return Minutes(first, (total / np.where(count, count, np.nan)).astype(np.float32))


def _readings(path: Path, rows: Iterator[tuple[int, dict[str, str]]]) -> Iterator[tuple[int, float]]:
    for number, row in rows:
        try:
            if row["value"]:
                yield _minute(row["time"]), _finite(row["value"])
        except (TypeError, ValueError, OverflowError) as error:
            raise Refused(f"{path} line {number}: wanted is time,value in UTC: {_reason(error)}") from error


def _finite(text: str) -> float:
    if not abs(value := float(text)) <= _MOST:
        raise ValueError(f"{text} is no reading")
    return value


def _minute(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 60)


def _reason(error: Exception) -> str:
    """In which a byte that was no UTF-8 is a half of a surrogate pair."""
    text = str(error)
    return "it holds a byte that is no UTF-8" if "\\udc" in ascii(text) else text


def _day(minute: int) -> str:
    return str(np.datetime64(minute, "m")) + "Z"
