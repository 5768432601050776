"""The worker of what speaks by itself: one alert when a sensor goes silent or mad, one line when it is back."""

import logging
import random
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from tests.sense.trees import Heard

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished, Worker
from edge_mask.sense.feed import Back, Crowd, Gone, Nonsense, Said, Utterance
from edge_mask.sense.feed_meter import FeedMeter, Voice
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.scale import Range
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

UNPLUGGED = TryLater("the port was unplugged")

Item = tuple[str, str, float] | tuple[str, float] | Nonsense | Crowd | Gone | Back | Exception | float | None


class ScriptedFeed:
    """A Feed: (name, quantity, value) or (name, value) is said, a number is that many seconds of silence."""

    name = "port"

    def __init__(self, script: Iterable[Item], clock: ManualClock, each: float) -> None:
        self.script = list(script)
        self.listened_at: list[float] = []
        self.is_closed = self.is_back = False
        self._clock = clock
        self._each = each

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        self.listened_at.append(self._clock.now().mono)
        match self.script.pop(0):
            case Exception() as error:
                raise error
            case float(silence):
                if silence > timeout:
                    self.script.insert(0, silence - timeout)
                self._clock.advance(min(silence, timeout))
                return ()
            case (str(name), str(quantity), float(value)):
                pass
            case (str(name), float(value)):
                quantity = "flow"
            case Nonsense() | Crowd() | Gone() | Back() as utterance:
                self._clock.advance(self._each)
                return [utterance]
        at = self._clock.advance(self._each)
        return [Said(name.partition("-")[0], Identity(name, quantity, "m3/h").reading_at(value, "m3/h", at))]

    def may_be_back(self) -> bool:
        return self.is_back

    def wake(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.is_closed = True


class Stage:
    """A meter on a clock that is turned by hand."""

    def __init__(
        self,
        script: Iterable[Item],
        *,
        silent_after: float = 30.0,
        keep_every: float = 0.0,
        each: float = 1.0,
        names: Sequence[str] = ("line",),
    ) -> None:
        self.clock = ManualClock()
        self.feed = ScriptedFeed(script, self.clock, each)
        self.heard = Heard()
        policies = {name: QualityPolicy(range=Range(0.0, 500.0)) for name in ("flow", "pressure")}
        voices = [Voice(name, policies, Seconds(silent_after), Seconds(keep_every)) for name in names]
        self.meter = FeedMeter(self.feed, voices, self.clock, self.heard, rng=random.Random(1))
        for name in ("line", "line-001", "line-002"):
            self.meter.tap("line", name, "flow")
        self.meter.tap("line", "line-001", "pressure")

    def run(self, look: Callable[[], object] = lambda: None) -> list[tuple[str, str]]:
        """Until the script has ended; sensor and code of each fault."""
        stop = threading.Event()
        with suppress(Finished):
            while self.feed.script:
                self.meter.step(stop)
                look()
        return [(each.component, each.code) for each in self.heard.events if isinstance(each, Fault)]

    def usable(self, sensor: str = "line", quantity: str = "flow") -> list[float]:
        """What decisions get."""
        tap = self.meter.tap(sensor.partition("-")[0], sensor, quantity)
        return [each.value for each in tap.take(self.clock.now().mono)]


LOST = ("sensor line", "sensor_lost")
MAD = ("sensor line", "sensor_out_of_range")
BROKEN = Nonsense("line", "the line '?' does not fit the pattern")


def test_every_quantity_of_every_id_is_a_series_of_its_own() -> None:
    stage = Stage([("line-001", "flow", 1.0), ("line-002", "flow", 9.0), ("line-001", "pressure", 5.0)])
    assert stage.run() == []
    assert stage.heard.values == [1.0, 9.0, 5.0]
    assert (stage.usable("line-001"), stage.usable("line-002"), stage.usable()) == ([1.0], [9.0], [])
    assert stage.usable("line-001", "pressure") == [5.0]


def test_half_lines_and_noise_between_good_lines_are_no_trouble() -> None:
    stage = Stage([each for value in range(1, 200) for each in (BROKEN, BROKEN, ("line", float(value)))], each=0.01)
    assert stage.run() == []
    assert len(stage.heard.values) == 199


def test_nothing_but_nonsense_is_a_lost_sensor_that_is_said_once_with_the_reason() -> None:
    stage = Stage([("line", 1.0), *[BROKEN] * 30, ("line", 2.0)])
    assert stage.run() == [LOST]
    text = next(event.text for event in stage.heard.events if isinstance(event, Fault))
    assert text == "10 times in a row nothing that gives a value; the line '?' does not fit the pattern"


def test_a_burst_of_noise_is_nothing_but_a_burst() -> None:
    assert Stage([("line", 1.0), *[BROKEN] * 300, ("line", 2.0)], each=0.01).run() == []


def test_silence_is_one_alert_and_one_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([("line", 1.0), 90.0, ("line", 2.0), 5.0, ("line", 3.0)])
    assert stage.run() == [LOST]
    lines = [record.getMessage().split(";")[0] for record in caplog.records]
    assert lines[:2] == ["sensor line: no reading for 30 s", "sensor line: back after 60.0 s"]


def test_a_sensor_that_has_never_spoken_is_silent_too() -> None:
    assert Stage([40.0]).run() == [LOST]


def test_a_sensor_may_be_silent_for_ever_where_that_means_nothing() -> None:
    assert Stage([("line", 1.0), 90_000.0], silent_after=0.0).run() == []


def test_one_id_that_falls_silent_among_others_is_said_of_that_one() -> None:
    stage = Stage(
        [("line-001", 1.0), *[each for _ in range(5) for each in (("line-002", 1.0), 10.0)], ("line-001", 2.0)]
    )
    assert stage.run() == [("sensor line-001", "sensor_lost")]


def test_a_port_that_is_lost_is_one_alert_for_each_sensor_and_not_for_each_id() -> None:
    stage = Stage([("line-001", 1.0), ("tank", 2.0), *[UNPLUGGED] * 20, ("line-001", 3.0)], names=("line", "tank"))
    assert stage.run() == [LOST, ("sensor tank", "sensor_lost")]


def test_a_port_that_stays_away_is_opened_less_and_less_often() -> None:
    stage = Stage([UNPLUGGED] * 60)
    stage.run()
    at = stage.feed.listened_at
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert max(waits) <= 15.0
    assert sum(waits[-10:]) > 5 * sum(waits[:4])


def test_a_device_that_is_plugged_in_again_is_opened_within_two_turns_however_long_it_was_away() -> None:
    stage = Stage([UNPLUGGED] * 20)
    while stage.feed.script:
        stage.meter.step(threading.Event())
    stage.feed.script = [("line", 1.0)]
    while stage.meter._due - stage.clock.now().mono < 5.0:  # one of the long pauses
        stage.feed.script = [UNPLUGGED, ("line", 1.0)]
        while len(stage.feed.script) == 2:
            stage.meter.step(threading.Event())
    plugged_in, stage.feed.is_back = stage.clock.now().mono, True
    stage.run()
    assert stage.feed.listened_at[-1] - plugged_in <= 1.0


def test_a_flood_of_ids_that_falls_silent_is_one_trouble_and_one_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    noise: list[Item] = [(f"line-{number:03}", float(number)) for number in range(250)]
    calm: list[Item] = [(f"line-{number % 2:03}", float(number % 400)) for number in range(2000)]
    stage = Stage([*noise, *calm, *noise, ("line-000", 1.0)], each=0.05)
    named = [(f"sensor line-{number:03}", "sensor_lost") for number in range(2, 9)]
    assert stage.run() == [*named, LOST], "the first ones by name, all others as one"
    text = [event.text for event in stage.heard.events if isinstance(event, Fault)][-1]
    assert re.fullmatch(r"\d+ of 250 ids gave no reading for 30 s: line-002 …", text)
    stage.feed.script = [*noise, 1.5]
    assert stage.run() == [*named, LOST]
    assert sum("sensor line: back after" in line for line in caplog.messages) == 1
    assert sum("back after" in line for line in caplog.messages) == len(named) + 1


def test_more_ids_than_a_port_may_have_are_one_trouble_and_one_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    crowd = Crowd("line", "line-999 would be one more than the 256 ids that /dev/ttyUSB0 may have")
    stage = Stage([each for value in range(60) for each in (crowd, ("line-001", float(value)))], each=0.1)
    assert stage.run() == [("sensor line", "sensor_crowded")]
    stage.feed.script = [("line-001", float(value % 400)) for value in range(700)]
    assert stage.run() == [("sensor line", "sensor_crowded")]
    assert sum("sensor line: back after" in line for line in caplog.messages) == 1


def test_the_time_of_an_outage_is_not_counted_as_silence_of_the_ids() -> None:
    stage = Stage([("line-001", 1.0), ("line-002", 1.0), *[UNPLUGGED] * 20, ("line-001", 1.0), 2.0, ("line-002", 1.0)])
    assert stage.run() == [LOST]


def test_a_mad_sensor_is_one_alert_however_often_it_speaks() -> None:
    script: list[Item] = [("line", value) for _ in range(1000) for value in (9.0, 999.0, 9.0, 9.0, 9.0, 9.0)]
    stage = Stage(script, each=0.005)
    assert stage.run() == [MAD]
    assert 999.0 not in stage.heard.values
    assert set(stage.usable()) == {9.0}


def test_a_mad_sensor_that_was_calm_for_a_while_is_told_of_again() -> None:
    stage = Stage([("line", 999.0), *[("line", float(n)) for n in range(12)], ("line", 999.0)])
    assert stage.run() == [MAD, MAD]


def test_what_says_that_it_is_away_is_lost_at_once_and_decides_nothing_any_more() -> None:
    stage = Stage([("line", 1.0), Gone("line", "t/availability says that it is offline"), 1.0, Back("line")])
    assert stage.run() == [LOST]
    assert stage.usable() == []


def test_what_is_back_gets_its_time_to_speak() -> None:
    stage = Stage([("line", 1.0), Gone("line", "offline"), 100.0, Back("line"), 25.0, ("line", 2.0)])
    assert stage.run() == [LOST]


def test_readings_are_thinned_but_all_of_them_are_judged() -> None:
    stage = Stage([("line", float(n)) for n in range(100)], keep_every=10.0, each=1.0)
    stage.run()
    assert stage.heard.values == [float(n) for n in range(0, 100, 10)]
    assert stage.usable() == [float(n) for n in range(100)]


def test_each_sensor_says_how_it_is() -> None:
    stage = Stage(
        [("line-001", 1.0), ("line-002", 999.0), ("tank", 1.0), Gone("tank", "offline")], names=("line", "tank")
    )
    stop = threading.Event()
    for _ in range(4):
        stage.meter.step(stop)
    assert stage.meter.states("line") == {"line": "ok", "line-001": "ok", "line-002": "out_of_range"}
    assert stage.meter.states("tank") == {"tank": "away"}
    stage.feed.script = [UNPLUGGED]
    stage.run()
    assert set(stage.meter.states("line").values()) == {"away"}


def test_a_device_that_can_never_work_ends_its_worker_only() -> None:
    stage = Stage([Refused("a sensor of kind serial needs a package"), ("line", 1.0)])
    assert stage.run() == [("sensor line", "sensor_refused")]
    assert stage.feed.script, "it is not listened to any more"


def test_a_device_that_hangs_is_reported_once_while_it_hangs() -> None:
    clock, is_in, let_go, heard = ManualClock(), threading.Event(), threading.Event(), Heard()

    class Hanging(ScriptedFeed):
        def listen(self, timeout: Seconds) -> Sequence[Utterance]:
            is_in.set()
            assert let_go.wait(30.0)
            return super().listen(timeout)

    feed = Hanging([1.0] * 9, clock, 1.0)
    meter = FeedMeter(feed, [Voice("line", {})], clock, heard, hung_after=Seconds(10.0))
    worker = Worker(meter, clock, lambda failed: None)
    worker.start()
    assert is_in.wait(5.0)
    for _ in range(3):
        meter.check(clock.advance(11.0).mono)
    assert heard.codes == ["sensor_hung"]
    worker.request_stop()
    let_go.set()
    assert worker.join(5.0)
    assert feed.is_closed


def test_a_full_mailbox_keeps_nobody_from_asking_for_a_reading() -> None:
    clock, is_full, let_go = ManualClock(), threading.Event(), threading.Event()

    def emit(_event: object) -> None:
        is_full.set()
        assert let_go.wait(30.0)

    feed = ScriptedFeed([("line", 999.0)], clock, 1.0)
    meter = FeedMeter(feed, [Voice("line", {"flow": QualityPolicy(range=Range(0.0, 500.0))})], clock, emit)
    tap = meter.tap("line", "line", "flow")
    step = threading.Thread(target=meter.step, args=(threading.Event(),))
    step.start()
    assert is_full.wait(10.0)
    assert tap.take(clock.now().mono) == []
    assert meter.states("line") == {"line": "out_of_range"}
    let_go.set()
    step.join(10.0)


def test_each_name_is_told_of_once_when_it_first_speaks() -> None:
    stage = Stage([("line-001", 1.0), ("line", 2.0), ("line-001", 3.0), UNPLUGGED, ("line", 4.0), ("line-002", 5.0)])
    told: list[tuple[str, str]] = []
    stage.meter.on_newcomer = lambda *names: told.append(names)
    stage.run()
    assert told == [("line", "line-001"), ("line", "line"), ("line", "line-002")]
