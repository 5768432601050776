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
from edge_mask.runtime.worker import Finished, Worker
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

    def run(self) -> Heard:
        """Until the script has ended."""
        stop = threading.Event()
        while True:
            try:
                self.meter.step(stop)
            except Finished:
                return self.heard

    def latest(self, max_age: float = 10.0) -> float | None:
        reading = self.meter.latest(self.clock.now().mono, Seconds(max_age))
        return None if reading is None else reading.value


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
    assert stage.heard.codes == ["sensor_out_of_range", "sensor_out_of_range"]
    assert stage.latest() == 36.6


def test_without_configured_limits_the_physical_ones_hold() -> None:
    stage = Stage([36.5, 200.0, 36.6])
    assert stage.run().values == [36.5, 36.6]
    assert stage.heard.codes == ["sensor_out_of_range"]


def test_a_value_that_never_moves_is_stuck_and_nothing_is_decided_on_it_until_it_moves() -> None:
    policy = QualityPolicy(stuck_after=Seconds(4.0), stuck_reads=3)
    stage = Stage([36.5] * 8, policy)
    assert stage.run().values == [36.5] * 8, "what was measured is kept"
    assert stage.heard.codes == ["sensor_stuck"]
    assert stage.latest() is None
    stage = Stage([*[36.5] * 8, 36.6], policy)
    stage.run()
    assert stage.latest() == 36.6


def test_a_steady_value_is_not_stuck_before_its_time_nor_ever_with_a_limit_of_0() -> None:
    assert Stage([36.5] * 20).run().codes == []
    assert Stage([36.5] * 20, QualityPolicy(stuck_after=Seconds(0.0))).run().codes == []


def test_a_single_spike_decides_nothing() -> None:
    stage = Stage([36.5, 36.6, 41.0])
    stage.run()
    assert stage.latest() == 36.6
    stage = Stage([36.5, 36.6, 41.0, 41.1])
    stage.run()
    assert stage.latest() == 41.0


def test_the_first_readings_count_at_once_and_with_a_median_of_one_each_does() -> None:
    stage = Stage([36.5, 36.9])
    stage.run()
    assert stage.latest() == 36.9
    stage = Stage([36.5, 36.6, 41.0], QualityPolicy(median_of=1))
    stage.run()
    assert stage.latest() == 41.0


def test_nobody_decides_on_a_stale_value() -> None:
    stage = Stage([36.5, 36.6])
    assert stage.latest() is None
    stage.run()
    assert stage.latest(max_age=5.0) == 36.6
    stage.clock.advance(10.0)
    assert stage.latest(max_age=5.0) is None


@given(st.lists(st.one_of(st.floats(-100, 200), st.just(GONE)), max_size=30), st.floats(0.0, 20.0))
def test_a_decision_only_ever_uses_a_young_reading_within_range(script: list[float | Exception], age: float) -> None:
    stage = Stage(script, QualityPolicy(range=Range(30.0, 45.0)))
    stage.run()
    now = stage.clock.now().mono
    reading = stage.meter.latest(now, Seconds(age))
    if reading is not None:
        assert 30.0 <= reading.value <= 45.0
        assert now - reading.at.mono <= age
        assert reading.value in script


class SilentSensor(ScriptedSensor):
    """Hangs in its first read until it is let go."""

    def __init__(self, script: Iterable[float | Exception], clock: ManualClock) -> None:
        super().__init__(script, clock)
        self.is_reading = threading.Event()
        self.let_go = threading.Event()

    def read(self) -> Reading | None:
        self.is_reading.set()
        assert self.let_go.wait(30.0)
        return super().read()


def test_a_sensor_says_how_it_is() -> None:
    policy = QualityPolicy(Range(30, 45), stuck_after=Seconds(1.5), stuck_reads=3)
    stage = Stage([36.5, GONE, 36.6, 99.0, *[36.7] * 5], policy)
    seen = [stage.meter.state]
    while stage.sensor.script:
        stage.meter.step(threading.Event())
        if stage.meter.state != seen[-1]:
            seen.append(stage.meter.state)
    assert seen == ["ok", "away", "ok", "out_of_range", "ok", "stuck"]


def test_a_read_that_hangs_is_reported_once_while_it_hangs() -> None:
    clock = ManualClock()
    sensor = SilentSensor([36.5], clock)
    heard = Heard()
    meter = Meter(sensor, clock, heard, hung_after=Seconds(10.0))
    worker = Worker(meter, clock, lambda failed: None)
    worker.start()
    assert sensor.is_reading.wait(5.0)
    meter.check(clock.advance(5.0).mono)
    assert heard.codes == []
    for _ in range(3):
        meter.check(clock.advance(10.0).mono)
    assert heard.codes == ["sensor_hung"]
    sensor.let_go.set()
    assert worker.join(5.0)
    assert worker.is_finished
    assert heard.values == [36.5]
    assert sensor.is_closed
    assert not meter.is_hung(clock.advance(60.0).mono)
