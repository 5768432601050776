"""A folder of recorded minutes: what was stored, what came then, and what is known of the site."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from edge_mask.errors import Refused
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Minutes, SeriesKey, Site


@dataclass(frozen=True, slots=True)
class Recording:
    """Minutes of one series: `history` to learn from, `live` to be seen one by one."""

    name: str
    site: Site
    history: Minutes
    live: Minutes


def read(folder: Path) -> Recording:
    """Read a folder; Refused with a sentence about what is wrong in it."""
    meta = _meta(folder / "meta.json")
    name = str(meta.get("series", folder.name))
    try:
        site = _site(name, meta)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"{folder / 'meta.json'}: {type(error).__name__}: {error}") from error
    history, live = (_minutes(_either(folder, part)) for part in ("history", "live"))
    return Recording(name, site, history, live)


def origins(path: Path, series: str) -> list[int]:
    """The minutes of which forecasts of this series are wanted, in order."""
    try:
        with _open(path) as lines:
            return sorted(_minute(row["origin"]) for row in csv.DictReader(lines) if row["series"] == series)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise Refused(f"{path}: wanted are the columns series,origin: {error}") from error


def _meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path}: is not JSON: {error}") from error
    if not isinstance(meta, dict):
        raise Refused(f"{path}: is not a JSON object")
    return meta


def _site(name: str, meta: dict[str, Any]) -> Site:
    limits = meta.get("limits") or (meta.get("physical_min"), meta.get("physical_max"))
    low, high = limits
    quiet, shipped = meta.get("quiet_hours"), meta.get("shipped_criteria")
    return Site(
        key=SeriesKey(name, str(meta.get("quantity", "value"))),
        unit=str(meta["unit"]),
        zone=ZoneInfo(str(meta["zone"])),
        limits=(float("-inf") if low is None else float(low), float("inf") if high is None else float(high)),
        resolution=meta.get("resolution"),
        quiet_hours=None if quiet is None else (time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])),
        shipped=None if shipped is None else Criteria.from_data(shipped, "shipped_criteria"),
    )


def _either(folder: Path, part: str) -> Path:
    for name in (f"{part}.csv.gz", f"{part}.csv"):
        if (folder / name).exists():
            return folder / name
    raise Refused(f"{folder}: has neither {part}.csv nor {part}.csv.gz")


def _open(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _minutes(path: Path) -> Minutes:
    """The rows of a file; several of one minute are averaged, minutes without a row are NaN."""
    try:
        rows = list(_rows(path))
    except (OSError, EOFError) as error:
        raise Refused(f"{path}: {error}") from error
    if not rows:
        return Minutes(0, np.empty(0, np.float32))
    first, last = min(row[0] for row in rows), max(row[0] for row in rows)
    if last - first > 20 * 366 * 1440:
        raise Refused(f"{path}: its times are more than twenty years apart")
    at = np.array([row[0] for row in rows]) - first
    total = np.bincount(at, weights=[row[1] for row in rows], minlength=last - first + 1)
    count = np.bincount(at, minlength=last - first + 1)
    with np.errstate(invalid="ignore"):
        return Minutes(first, (total / np.where(count, count, np.nan)).astype(np.float32))


def _rows(path: Path) -> Iterator[tuple[int, float]]:
    with _open(path) as lines:
        for number, row in enumerate(csv.DictReader(lines), 2):
            try:
                if row["value"]:
                    yield _minute(row["time"]), float(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise Refused(f"{path} line {number}: wanted is time,value in UTC: {error}") from error


def _minute(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 60)
