"""A reading that is an outlier: it is kept and told as one, and decides nothing."""

import contextlib
import threading

from tests.sense.test_meter import ScriptedSensor
from tests.sense.trees import Heard

from edge_mask.messages import Fault, Quality, Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished
from edge_mask.sense import Meter, QualityPolicy, Range
from edge_mask.units import Seconds


def run(
    values: list[float], policy: QualityPolicy | None = None
) -> tuple[list[Reading], list[Fault], list[float], list[float]]:
    """Readings, faults, what decisions get, and what was asked about."""
    clock, heard, asked = ManualClock(), Heard(), []

    def is_outlier(reading: Reading) -> bool:
        asked.append(reading.value)
        return reading.value > 40.0

    meter = Meter(ScriptedSensor(values, clock), clock, heard, policy=policy, is_outlier=is_outlier)
    tap = meter.tap()
    with contextlib.suppress(Finished):
        while True:
            meter.step(threading.Event())
    decided = [each.value for each in tap.take(Seconds(float("inf")))]
    readings = [each for each in heard.events if isinstance(each, Reading)]
    return readings, [each for each in heard.events if isinstance(each, Fault)], decided, asked


def test_it_is_kept_and_decides_nothing() -> None:
    readings, faults, decided, _ = run([36.5, 41.0, 36.6])
    assert [each.quality for each in readings] == [Quality.GOOD, Quality.OUTLIER, Quality.GOOD]
    assert decided == [36.5, 36.6]
    assert faults == [], "an alert tells of it, not a fault"


def test_whoever_looks_for_outliers_sees_bad_readings_too_and_they_stay_bad() -> None:
    readings, faults, decided, asked = run([36.5, 300.0], QualityPolicy(Range(0.0, 100.0)))
    assert asked == [36.5, 300.0]
    assert [each.value for each in readings] == [36.5]
    assert [each.code for each in faults] == ["sensor_out_of_range"]
    assert decided == [36.5]
