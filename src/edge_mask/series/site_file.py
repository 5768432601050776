"""The `meta.json` of a recording: what is known of the site."""

import json
import math
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_mask.errors import Refused
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import SeriesKey, Site


def meta_of(path: Path) -> dict[str, Any]:
    """Refused when it is no JSON object."""
    try:
        meta = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path}: is not JSON: {error}") from error
    if not isinstance(meta, dict):
        raise Refused(f"{path}: is not a JSON object")
    return meta


def site_of(name: str, meta: dict[str, Any], where: str) -> Site:
    """Refused with a sentence about what cannot be."""
    if missing := [key for key in ("unit", "zone") if key not in meta]:
        raise Refused(f"{where}: {missing[0]} is missing")
    resolution = _number(meta.get("resolution"), f"{where}: resolution")
    if resolution is not None and resolution <= 0:
        raise Refused(f"{where}: resolution is {resolution:g}: it must be above 0")
    return Site(
        key=SeriesKey(name, str(meta.get("quantity", "value"))),
        unit=str(meta["unit"]),
        zone=_zone(str(meta["zone"]), where),
        limits=_limits(meta, where),
        resolution=resolution,
        quiet_hours=_quiet_hours(meta.get("quiet_hours"), where),
        shipped=_shipped(meta.get("shipped_criteria"), f"{where}: shipped_criteria"),
    )


def _limits(meta: dict[str, Any], where: str) -> tuple[float, float]:
    """`limits: [min, max]`, or `physical_min` and `physical_max`; null is no limit."""
    limits = meta.get("limits")
    if limits is None:
        low, high = (_number(meta.get(key), f"{where}: {key}") for key in ("physical_min", "physical_max"))
        named = ("physical_min", "physical_max")
    elif isinstance(limits, list) and len(limits) == 2:
        low, high = (_number(each, f"{where}: limits") for each in limits)
        named = ("the first of limits", "the second")
    else:
        raise Refused(f"{where}: limits are {limits!r}, not two numbers as in [0, 60]")
    if low is not None and high is not None and low >= high:
        raise Refused(f"{where}: {named[0]} is {low:g} and {named[1]} {high:g}: it must be less")
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{what} is {value!r}, not a number")
    return float(value)


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(f"{where}: there is no zone {name}") from error


def _quiet_hours(hours: Any, where: str) -> tuple[time, time] | None:
    if hours is None:
        return None
    try:
        begin, end = (time.fromisoformat(each) for each in hours)
    except (TypeError, ValueError) as error:
        raise Refused(f'{where}: quiet_hours are {hours!r}, not two times as in ["22:00", "05:00"]') from error
    if begin == end or begin.tzinfo or end.tzinfo:
        raise Refused(f'{where}: quiet_hours are {hours!r}, not two different local times as in ["22:00", "05:00"]')
    return begin, end


def _shipped(values: Any, what: str) -> Criteria | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise Refused(f'{what} is {values!r}, not an object as in {{"min": 0, "max": 40}}')
    return Criteria.from_data(values, what)
