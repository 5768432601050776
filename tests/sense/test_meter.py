"""The sense worker: every reading is judged, every trouble is said once, and nobody decides on a stale value."""

import logging
import random
import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sense.trees import Heard

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished
from edge_mask.sense import Identity, Meter, QualityPolicy, Range
from edge_mask.units import Seconds

GONE = TryLater("the sensor does not answer")


class ScriptedSensor:
    """A Sensor that gives what the script says, and then ends like a replay."""

    def __init__(self, script: Iterable[float | Exception], clock: ManualClock, interval: float = 1.0) -> None:
        self.script = list(script)
        self.is_closed = False
        self.read_at: list[float] = []
        self._clock = clock
        self._identity = Identity("forehead", interval=Seconds(interval))

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def interval(self) -> Seconds:
        return self._identity.interval

    def read(self) -> Reading | None:
        self.read_at.append(self._clock.now().mono)
        if not self.script:
            return None
        item = self.script.pop(0)
        if isinstance(item, Exception):
            raise item
        return self._identity.reading(item, "C", self._clock)

    def close(self) -> None:
        self.is_closed = True


class Stage:
    """A meter on a clock that is turned by hand."""

    def __init__(self, script: Iterable[float | Exception], policy: QualityPolicy | None = None) -> None:
        self.clock = ManualClock()
        self.sensor = ScriptedSensor(script, self.clock)
        self.heard = Heard()
        self.meter = Meter(self.sensor, self.clock, self.heard, policy=policy, rng=random.Random(1))
        self.tap = self.meter.tap()

    def run(self) -> Heard:
        """Until the script has ended."""
        stop = threading.Event()
        while True:
            try:
                self.meter.step(stop)
            except Finished:
                return self.heard

    def usable(self) -> list[float]:
        """What decisions get."""
        return [each.value for each in self.tap.take(self.clock.now().mono)]


def test_readings_are_passed_on_at_the_sensors_interval_until_a_replay_ends() -> None:
    stage = Stage([36.5, 36.6, 36.7])
    assert stage.run().values == [36.5, 36.6, 36.7]
    assert stage.sensor.read_at == [1000.0, 1001.0, 1002.0, 1003.0]
    assert stage.heard.codes == []


def test_a_sensor_that_is_missing_is_said_once_when_it_goes_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([GONE, GONE, GONE, 36.5, GONE, 36.6])
    assert stage.run().values == [36.5, 36.6]
    assert stage.heard.codes == ["sensor_lost", "sensor_lost"]
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert [line.split(":")[1].split()[0] for line in lines] == ["the", "back", "the", "back"]


def test_a_sensor_that_stays_away_is_asked_less_and_less_often() -> None:
    stage = Stage([GONE] * 60)
    stage.run()
    waits = [later - earlier for earlier, later in zip(stage.sensor.read_at, stage.sensor.read_at[1:], strict=False)]
    assert min(waits) >= 1.0, "never more often than a healthy one"
    assert max(waits) <= 60.0
    assert sum(waits[-4:]) > 5 * sum(waits[:4])


def test_a_sensor_that_will_never_work_ends_its_worker_only() -> None:
    stage = Stage([36.5, Refused("there is no such recording")])
    assert stage.run().codes == ["sensor_refused"]


def test_a_value_out_of_range_is_not_used_and_said_once() -> None:
    stage = Stage([36.5, 85.0, 85.0, 36.6, -40.0], QualityPolicy(range=Range(20.0, 45.0)))
    assert stage.run().values == [36.5, 36.6]
    assert stage.heard.codes == ["sensor_out_of_range"]
    assert stage.usable() == [36.5, 36.6]


def test_a_sensor_that_alternates_between_sense_and_nonsense_is_one_trouble_until_it_is_calm() -> None:
    stage = Stage([36.5, *[85.0, 36.6] * 20, 36.5, 36.6, 36.7, 85.0], QualityPolicy(range=Range(20.0, 45.0)))
    assert stage.run().codes == ["sensor_out_of_range", "sensor_out_of_range"]


def test_without_configured_limits_the_physical_ones_hold() -> None:
    stage = Stage([36.5, 200.0, 36.6])
    assert stage.run().values == [36.5, 36.6]
    assert stage.heard.codes == ["sensor_out_of_range"]


def test_a_value_that_never_moves_is_stuck_and_nothing_is_decided_on_it_until_it_moves() -> None:
    policy = QualityPolicy(stuck_after=Seconds(4.0), stuck_reads=3)
    stage = Stage([36.5] * 8, policy)
    assert stage.run().values == [36.5] * 8, "what was measured is kept"
    assert stage.heard.codes == ["sensor_stuck"]
    assert stage.usable() == []
    stage = Stage([*[36.5] * 8, 36.6], policy)
    stage.run()
    assert stage.usable() == [36.6]


def test_a_steady_value_is_not_stuck_before_its_time_nor_ever_with_a_limit_of_0() -> None:
    assert Stage([36.5] * 20).run().codes == []
    assert Stage([36.5] * 20, QualityPolicy(stuck_after=Seconds(0.0))).run().codes == []


def test_each_reading_is_given_out_once_and_none_from_after_the_look() -> None:
    stage = Stage([36.5, 36.6, 36.7])
    stage.run()
    assert [each.value for each in stage.tap.take(Seconds(1001.0))] == [36.5, 36.6]
    assert stage.usable() == [36.7]
    assert stage.usable() == []


def test_when_nobody_looks_for_long_the_newest_readings_wait() -> None:
    stage = Stage([float(number % 100) for number in range(700)])
    stage.run()
    assert stage.usable() == [float(number % 100) for number in range(700 - 512, 700)]


@given(st.lists(st.one_of(st.floats(-100, 200), st.just(GONE)), max_size=30))
def test_a_decision_only_ever_gets_readings_within_range(script: list[float | Exception]) -> None:
    stage = Stage(script, QualityPolicy(range=Range(30.0, 45.0)))
    stage.run()
    assert stage.usable() == [each for each in script if isinstance(each, float) and 30.0 <= each <= 45.0]
