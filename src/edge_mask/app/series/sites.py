"""What the settings say of each series: its site."""

import logging
from collections.abc import Iterable, Mapping
from datetime import time

from edge_mask.sense.scale import physical_range
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Kind, SeriesKey, Site
from edge_mask.settings import criteria_file
from edge_mask.settings.criteria_file import Limits
from edge_mask.settings.model import Settings
from edge_mask.settings.person import warmth_of_a_person
from edge_mask.settings.sensors import Sensor
from edge_mask.settings.series import Outliers, Series
from edge_mask.settings.series_checks import leaky, measured_series

log = logging.getLogger(__name__)


class Sites:
    """The sites of one configuration, by the names that readings come under."""

    def __init__(self, settings: Settings) -> None:
        kept = settings.kept_series
        assert kept is not None
        self._kept: Series = kept
        self._zone = settings.device.zone
        self._sensors = [sensor for sensor in settings.sensors if measured_series(sensor)]
        self._shipped = {sensor.name: _shipped(sensor) for sensor in self._sensors}
        self._gate = settings.gate

    def known(self) -> Iterable[SeriesKey]:
        """The series that are there before anything was heard: an id comes in a line."""
        for sensor in self._sensors:
            if sensor.speaks_as(sensor.name):
                yield from (SeriesKey(sensor.name, quantity) for quantity in measured_series(sensor))

    def of(self, key: SeriesKey) -> Site | None:
        """None for what makes no series: a state, or a sensor that is not configured any more."""
        sensor = next((each for each in self._sensors if each.speaks_as(key.sensor)), None)
        unit = None if sensor is None else measured_series(sensor).get(key.quantity)
        if sensor is None or unit is None:
            return None
        measured = sensor.measured[key.quantity]
        limits = physical_range(key.quantity, unit, measured.min, measured.max)
        begin, end = (time.fromisoformat(each) for each in self._kept.quiet_hours)
        return Site(
            key=key,
            unit=unit,
            zone=self._zone,
            limits=(limits.low, limits.high),
            quiet_hours=(begin, end) if key.quantity in leaky(sensor) else None,
            kinds=_kinds(sensor.outliers, is_leaky=key.quantity in leaky(sensor)),
            shipped=_criteria(self._shipped[sensor.name].get(key.quantity)),
            never_learned_out=self._of_people(key, unit),
        )

    def _of_people(self, key: SeriesKey, unit: str) -> tuple[float, float] | None:
        """What a person's skin may say to the thermometer of the gate: a fever must not be called an outlier."""
        is_asked = key == SeriesKey(self._gate.temperature_sensor or "", "temperature")
        return warmth_of_a_person(self._gate, unit) if is_asked else None


def _kinds(outliers: Outliers | None, *, is_leaky: bool) -> frozenset[Kind]:
    if outliers is None:
        return frozenset()
    wanted: dict[Kind, bool] = {
        "system": outliers.system,
        "value": outliers.value,
        "forecast": outliers.forecast,
        "quiet": is_leaky,
    }
    return frozenset(kind for kind, is_wanted in wanted.items() if is_wanted)


def _shipped(sensor: Sensor) -> Mapping[str, Limits]:
    """The file was right when the configuration was read."""
    if sensor.outliers is None or sensor.outliers.criteria is None:
        return {}
    try:
        return criteria_file.read(sensor.outliers.criteria, list(measured_series(sensor)))
    except (OSError, ValueError) as error:
        log.warning("sensor %s: its criteria are not used: %s: %s", sensor.name, sensor.outliers.criteria, error)
        return {}


def _criteria(limits: Limits | None) -> Criteria | None:
    return None if limits is None else Criteria(min=limits.min, max=limits.max, max_step=limits.max_step)
