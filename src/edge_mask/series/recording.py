"""A folder of recorded minutes: what was stored, what came then, and what is known of the site."""

import csv
import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    path = folder / "meta.json"
    meta = _meta(path)
    name = str(meta.get("series", folder.name))
    site = _site(name, meta, str(path))
    history, live = (_minutes(_either(folder, part)) for part in ("history", "live"))
    if not len(live.values):
        raise Refused(f"{_either(folder, 'live')}: has no rows")
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


def _site(name: str, meta: dict[str, Any], where: str) -> Site:
    if missing := [key for key in ("unit", "zone") if key not in meta]:
        raise Refused(f"{where}: {missing[0]} is missing")
    shipped = meta.get("shipped_criteria")
    resolution = _number(meta, "resolution", where)
    low, high = (_number(meta, key, where) for key in ("physical_min", "physical_max"))
    return Site(
        key=SeriesKey(name, str(meta.get("quantity", "value"))),
        unit=str(meta["unit"]),
        zone=_zone(str(meta["zone"]), where),
        limits=(-math.inf if low is None else low, math.inf if high is None else high),
        resolution=resolution,
        quiet_hours=_quiet_hours(meta.get("quiet_hours"), where),
        shipped=None if shipped is None else Criteria.from_data(shipped, f"{where}: shipped_criteria"),
    )


def _number(meta: dict[str, Any], key: str, where: str) -> float | None:
    if key.startswith("physical_") and meta.get("limits") is not None:
        value = meta["limits"][key == "physical_max"]
    else:
        value = meta.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"{where}: {key} is {value!r}, not a number")
    return float(value)


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused(f"{where}: there is no zone {name}") from error


def _quiet_hours(hours: Any, where: str) -> tuple[time, time] | None:
    if hours is None:
        return None
    try:
        begin, end = hours
        return time.fromisoformat(begin), time.fromisoformat(end)
    except (TypeError, ValueError) as error:
        raise Refused(f'{where}: quiet_hours are {hours!r}, not two times as in ["22:00", "05:00"]') from error


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
                    yield _minute(row["time"]), _finite(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise Refused(f"{path} line {number}: wanted is time,value in UTC: {error}") from error


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is no reading")
    return value


def _minute(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 60)
