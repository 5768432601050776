"""Checks of `series` and of the outliers of each sensor."""

from collections.abc import Iterator

from edge_mask.quantities import duration
from edge_mask.settings.criteria_file import parse
from edge_mask.settings.measures import is_state
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, unreadable
from edge_mask.settings.sensors import Sensor
from edge_mask.settings.series import Outliers
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Path as Key

_FLOWS = ("flow", "consumption", "draw")
_PER_TIME = ("/s", "/sec", "/min", "/h", "/hr", "/d", "gpm", "gph", "mgd", "cfm")


def is_flow(quantity: str, unit: str) -> bool:
    """Whether a leak would show in it."""
    return any(word in quantity for word in _FLOWS) or unit.lower().endswith(_PER_TIME)


def measured_series(sensor: Sensor) -> dict[str, str]:
    """Quantity → unit of what makes a series; a state (open or shut) makes none."""
    return {name: each.unit for name, each in sensor.measured.items() if not is_state(name, each.unit)}


def leaky(sensor: Sensor) -> frozenset[str]:
    """The quantities in whose quiet hours a leak is looked for."""
    outliers = sensor.outliers
    if outliers is None or outliers.quiet is False:
        return frozenset()
    measured = measured_series(sensor)
    if outliers.quiet and len(measured) == 1:  # whoever says so of the only one means it
        return frozenset(measured)
    return frozenset(name for name, unit in measured.items() if is_flow(name, unit))


def series_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem; reads the criteria files."""
    for index, sensor in enumerate(settings.sensors):
        if sensor.outliers is not None:
            yield from _outliers(("sensors", index, "outliers"), sensor, sensor.outliers)
    if settings.series is not None:
        yield from _section(settings)


def _outliers(key: Key, sensor: Sensor, outliers: Outliers) -> Iterator[Complaint]:
    measured = measured_series(sensor)
    listed = ", ".join(measured)
    if not measured:
        what = " and ".join(sensor.measured)
        yield key, f"are looked for in numbers, and {what} is a state, 1 or 0; remove them"
        return
    if not (outliers.system or outliers.value or outliers.forecast or leaky(sensor)):
        yield key, "look for nothing, as every kind is off; switch one on, or remove them"
        return
    if outliers.quiet and not leaky(sensor):
        yield (*key, "quiet"), f"looks for leaks in a flow, and none of {listed} is one by its name or unit; remove it"
    if outliers.criteria is not None and not outliers.value:
        yield (*key, "criteria"), "does nothing, as value is false, which compares with it; remove one of them"
    elif outliers.criteria is not None:

        def problem(text: str) -> str | None:
            return "; ".join(parse(text, list(measured))[1]) or None

        yield from unreadable((*key, "criteria"), outliers.criteria, problem)


def _section(settings: Settings) -> Iterator[Complaint]:
    series = settings.series
    assert series is not None
    quantities = {name for sensor in settings.sensors for name in measured_series(sensor)}
    if not quantities:
        yield ("series",), "keeps what sensors measure, and none of them measures a number; remove it, or add a sensor"
    if series.raw > series.keep:
        raw, keep = (duration().show(each) for each in (series.raw, series.keep))
        yield ("series", "raw"), f"found {raw}; allowed: at most series.keep, {keep}"
    if series.dead_band is not None and series.send != "changes":
        yield ("series", "dead_band"), f"belongs to send: changes, and send is {series.send}; change one of them"
    if isinstance(series.dead_band, dict):
        for name in series.dead_band:
            if name not in quantities:
                hint = did_you_mean(name, quantities)
                text = f"no sensor measures it{hint}; allowed: {', '.join(sorted(quantities))}"
                yield ("series", "dead_band", name), text
    if series.send == "summaries" and settings.homeassistant.enabled:
        text = "found summaries; Home Assistant shows readings: allowed while homeassistant is enabled: all, changes"
        yield ("series", "send"), text
