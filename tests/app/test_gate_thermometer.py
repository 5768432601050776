"""Each kind of sensor as a gate's thermometer: mad or silent it is told of once, and never makes a verdict."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.decide.scenes import HEIGHT, WIDTH, track
from tests.sense.ports import Device
from tests.sense.trees import YES, Heard, write

from edge_mask.app.instruments import Instruments
from edge_mask.app.thermometer import readings_for, thermometer_of, with_thermometer
from edge_mask.decide import GatePolicy, GateWatch, Sight
from edge_mask.messages import MASK, Message, Priority, Visit
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished
from edge_mask.settings.load import parse
from edge_mask.units import Seconds

GOOD, MAD = (36.4, 36.5, 36.6), (999.0,)
W1, IIO, HWMON = "bus/w1/devices/28-01/w1_slave", "bus/iio/devices/iio:device0/", "class/hwmon/hwmon0/temp1_input"
ZONE = "class/thermal/thermal_zone0/temp"
PATTERN = r"^(?P<id>\d{3}) (?P<temperature>[\d.]+)$"
QUIET = 0.8
"""Seconds between two looks at the gate: three of them decide."""


class Speaker:
    """What a sensor of one kind measures, said before each turn; None is silence of its own kind."""

    settings = ""
    name = "s"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def say(self, value: float | None) -> None:
        raise NotImplementedError

    def connect(self, instruments: Instruments) -> None:
        """Most need nothing."""

    def close(self) -> None:
        """Most hold nothing."""


class File(Speaker):
    """The kernel's."""

    path = ""
    text: Callable[[float], str] = staticmethod(lambda value: f"{value * 1000:.0f}\n")

    def say(self, value: float | None) -> None:
        if value is None:
            (self.folder / self.path).unlink(missing_ok=True)
        else:
            write(self.folder, {self.path: self.text(value)})


class OneWire(File):
    settings = "kind: w1, path: 28-01, interval: 1s"
    path = W1
    text = staticmethod(lambda value: YES.format(round(value * 1000)))


class Iio(File):
    settings = "kind: iio, interval: 1s"
    path = IIO + "in_temp_input"


class Hwmon(File):
    settings = "kind: hwmon, interval: 1s"
    path = HWMON


class Thermal(File):
    settings = "kind: thermal, interval: 1s"
    path = ZONE


class Serial(Speaker):
    settings = f"kind: serial, path: {{folder}}/usb, pattern: '{PATTERN}', quantities: {{temperature: {{unit: C}}}}"
    name = "s-001"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.device: Device | None = Device(folder / "usb")

    def say(self, value: float | None) -> None:
        if value is None:
            self.close()
            return
        if self.device is None:
            self.device = Device(self.folder / "usb")
        self.device.say(b"001 %.1f\r\n002 50.0\r\n" % value)

    def close(self) -> None:
        if self.device is not None:
            self.device.unplug()
            self.device = None


class Mqtt(Speaker):
    settings = "kind: mqtt, topic: t/s, value: temperature, availability: t/s/availability"

    def connect(self, instruments: Instruments) -> None:
        self.hear: Callable[[Message], None] = lambda _message: None

        def subscribe(_topic: str, hear: Callable[[Message], None]) -> None:
            self.hear = hear

        instruments.subscribe_with(subscribe)

    def say(self, value: float | None) -> None:
        self._publish("t/s/availability", b"offline" if value is None else b"online")
        self._publish("t/s", json.dumps({"temperature": 50.0 if value is None else value}).encode())

    def _publish(self, topic: str, payload: bytes) -> None:
        self.hear(Message(topic=topic, payload=payload, priority=Priority.TELEMETRY, qos=0))


class Site:
    """A gate with this thermometer, turn by turn."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker, self.clock, self.heard = speaker, ManualClock(), Heard()
        sensor = speaker.settings.replace("{folder}", str(speaker.folder))
        text = (
            "cameras: [{name: front, source: 'usb:0'}]\nmqtt: {host: 127.0.0.1}\n"
            f"sensors: [{{name: s, {sensor}}}]\ngate: {{temperature_sensor: {speaker.name}}}\n"
        )
        settings = parse(text, "gate.yaml", {})
        instruments = Instruments(settings, self.clock, self.heard)
        found = thermometer_of(settings, settings.cameras[0])
        self.policy = with_thermometer(GatePolicy(), settings, found)
        self.take = readings_for(settings, found, instruments)
        speaker.connect(instruments)
        self.instruments, self.said = instruments, 0

    def turn(self, values: tuple[float, ...]) -> None:
        """The sensor measures, and its worker reads."""
        self.said += 1
        self.speaker.say(values[self.said % len(values)] if values else None)
        for job in self.instruments.jobs:
            with suppress(Finished):
                job.step(threading.Event())

    def until(self, values: tuple[float, ...], is_enough: Callable[[], bool]) -> None:
        for _ in range(100):
            self.turn(values)
            self.clock.advance(QUIET)
            if is_enough():
                self.take(self.clock.now().mono)
                return
        raise AssertionError(f"never came: {self.heard.codes}, {self.instruments.states()}")

    def verdict(self, values: tuple[float, ...]) -> tuple[str, float | None]:
        """What is said of somebody who stands there for a while."""
        watch, came = GateWatch("front", self.policy), self.clock.now()
        for number in range(8):  # at a pace of their own: a worker that waits turns the clock on
            self.turn(values)
            self.clock.advance(QUIET)
            at = replace(came, mono=Seconds(came.mono + number * QUIET))
            sight = Sight(tracks=[track(MASK)], width=WIDTH, height=HEIGHT, at=at, readings=self.take(at.mono))
            for event in watch.observe(sight):
                assert isinstance(event, Visit)
                return " ".join((event.verdict, *event.reasons)), event.temperature
        raise AssertionError("nothing was said")


@pytest.fixture(params=[OneWire, Iio, Hwmon, Thermal, Serial, Mqtt])
def speaker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Speaker]:
    monkeypatch.setenv("EDGE_MASK_SYSFS", str(tmp_path))
    made: Speaker = request.param(tmp_path)
    yield made
    made.close()


def test_mad_or_silent_it_is_told_of_once_and_makes_no_verdict(
    speaker: Speaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    site = Site(speaker)
    silence: tuple[float, ...] = ()

    def is_well() -> bool:
        return site.instruments.states().get(speaker.name) == "ok" and bool(site.take(site.clock.now().mono))

    site.until(GOOD, is_well)
    verdict, temperature = site.verdict(GOOD)
    assert verdict == "pass"
    assert temperature is not None
    assert 36.4 <= temperature <= 36.6
    site.until(MAD, lambda: bool(site.heard.codes))
    assert site.verdict(MAD) == ("no_pass temperature_missing", None)
    site.until(GOOD, is_well)
    assert site.verdict(GOOD)[0] == "pass"
    site.until(silence, lambda: "sensor_lost" in site.heard.codes)
    assert site.verdict(silence) == ("no_pass temperature_missing", None)
    site.until(GOOD, is_well)
    assert site.verdict(GOOD)[0] == "pass"
    assert site.heard.codes == ["sensor_out_of_range", "sensor_lost"]
    assert sum("back after" in line for line in caplog.messages) == 2


def test_a_recording_ends_and_nobody_is_measured_any_more(tmp_path: Path) -> None:
    class Recording(Speaker):
        settings = "kind: replay, path: '{folder}/t.csv'"

        def say(self, value: float | None) -> None:
            """It is written already."""

    rows = [*GOOD * 4, *MAD * 3, *GOOD * 2]
    (tmp_path / "t.csv").write_text("seconds,value\n" + "".join(f"{n},{value}\n" for n, value in enumerate(rows)))
    site = Site(Recording(tmp_path))
    assert site.verdict(GOOD)[0] == "pass"
    site.until(GOOD, lambda: bool(site.heard.codes))
    site.until(GOOD, lambda: site.instruments.states()["s"] == "ok")
    for _ in range(10):
        site.turn(GOOD)
        site.clock.advance(QUIET)
    site.take(site.clock.now().mono)
    assert site.verdict(GOOD) == ("no_pass temperature_missing", None)
    assert site.heard.codes == ["sensor_out_of_range"]


@pytest.mark.parametrize(
    ("gate", "sensor", "wait", "max_age"),
    [
        ("", "kind: w1, interval: 1s", 2.0, 10.0),
        ("", "kind: w1, interval: 8s", 8.0, 16.0),
        ("", "kind: w1, interval: 60s", 10.0, 120.0),
        ("", "kind: mqtt, topic: t/s, interval: 60s", 2.0, 120.0),
    ],
)
def test_the_pace_of_a_sensor_says_how_long_is_waited_and_what_is_too_old(
    gate: str, sensor: str, wait: float, max_age: float
) -> None:
    text = f"cameras: [{{name: front, source: 'usb:0'}}]\nsensors: [{{name: s, {sensor}, unit: F}}]\n"
    settings = parse(f"{text}gate: {{temperature_sensor: s, fever_above: 99.5{gate}}}\n", "gate.yaml", {})
    policy = with_thermometer(GatePolicy(), settings, thermometer_of(settings, settings.cameras[0]))
    assert (policy.temperature_wait, policy.temperature_max_age) == (Seconds(wait), Seconds(max_age))
    assert (policy.fever_above, policy.unit, policy.without_temperature) == (99.5, "F", "refuse")


def test_a_thermometer_hangs_at_the_gate_that_is_named() -> None:
    cameras = "cameras: [{name: in, source: 'usb:0'}, {name: out, source: 'usb:1'}]\nsensors: [{name: s, kind: w1}]\n"
    gate = "gate: {temperature_sensor: s, temperature_camera: out, without_temperature: ignore}\n"
    settings = parse(cameras + gate, "gate.yaml", {})
    policies = [with_thermometer(GatePolicy(), settings, thermometer_of(settings, each)) for each in settings.cameras]
    assert [each.fever_above for each in policies] == [None, 37.5]
    assert policies[1].without_temperature == "ignore"
