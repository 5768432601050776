"""Criteria of the gate's thermometer by which a fever is an outlier: it would decide nothing there."""

from collections.abc import Iterator

from edge_mask.settings.criteria_file import read
from edge_mask.settings.model import Settings
from edge_mask.settings.person import warmth_of_a_person
from edge_mask.settings.series_checks import measured_series
from edge_mask.yaml_file import Path as Key


def series_remarks(settings: Settings) -> Iterator[tuple[Key, str, bool]]:
    """Key, text, and that it is no fault."""
    at_gate = settings.gate.temperature_sensor or ""
    for index, sensor in enumerate(settings.sensors):
        outliers = sensor.outliers
        if outliers is None or outliers.criteria is None or sensor.name not in (at_gate, at_gate.rpartition("-")[0]):
            continue
        try:
            limits = read(outliers.criteria, list(measured_series(sensor)))
        except (OSError, ValueError):  # a complaint by itself
            continue
        for name, each in limits.items():
            unit = sensor.measured[name].unit
            hottest = warmth_of_a_person(settings.gate, unit)[1]
            if each.max is not None and each.max < hottest:
                text = f"{name} is usual up to {each.max:g} there; a reading above it is an outlier and decides nothing"
                fever = f"fever_above is {settings.gate.fever_above:g}"
                more = f"at the gate, and {fever}; better a max of at least {hottest:g} {unit}"
                yield ("sensors", index, "outliers", "criteria"), f"{text} {more}", False
