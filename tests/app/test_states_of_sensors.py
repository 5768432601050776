"""What a sensor of a state says: 0, 1 and the words for them, and no other number."""

import threading
from collections.abc import Callable

import pytest
from tests.sense.trees import Heard

from edge_mask.app.instruments import Instruments
from edge_mask.messages import Message, Priority, Reading
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.load import parse
from edge_mask.units import Moment

Value = float | str


class Ears:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Value] = []

    def said(self, reading: Reading) -> None:
        self.heard.append(reading.value)

    def stands(self, reading: Reading) -> None:
        self.heard.append(f"stands {reading.value:g}")

    def gone(self, at: Moment) -> None:
        self.heard.append("gone")


def hear(sensor: str, *payloads: bytes, retain: bool = False) -> tuple[list[Value], list[str]]:
    """What a listener hears of an mqtt sensor, and the codes of the faults that are told."""
    text = f"cameras: []\nmqtt: {{host: 127.0.0.1}}\nsensors: [{{name: s, kind: mqtt, topic: t, value: v, {sensor}}}]\n"
    ears, told = Ears(), Heard()
    instruments = Instruments(parse(text, "gate.yaml", {}), ManualClock(), told, listeners={"s": ears})
    subscribed: dict[str, Callable[[Message], None]] = {}
    instruments.subscribe_with(subscribed.__setitem__)
    for payload in payloads:
        subscribed["t"](Message(topic="t", payload=payload, priority=Priority.LIVE, qos=1, retain=retain))
    for job in instruments.jobs:
        job.step(threading.Event())
    return ears.heard, told.codes


@pytest.mark.parametrize("quantity", ["passage", "contact", "motion", "occupancy", "presence", "vibration", "smoke"])
@pytest.mark.parametrize("number", [b"7", b"-4", b"0.5", b"2", b"1e300", b"-0.001"])
def test_a_number_that_is_no_state_is_out_of_range(quantity: str, number: bytes) -> None:
    heard, codes = hear(f"quantity: {quantity}", b'{"v": 0}', b'{"v": ' + number + b"}", b'{"v": true}')
    assert heard == [0.0, "gone", 1.0]
    assert codes == ["sensor_out_of_range"]


def test_a_contact_that_is_turned_round_says_0_and_1_too() -> None:
    turned = "quantity: contact, calibration: {scale: -1, offset: 1}"
    assert hear(turned, b'{"v": true}', b'{"v": 5}', b'{"v": 0}') == ([0.0, "gone", 1.0], ["sensor_out_of_range"])


def test_limits_do_not_make_a_state_of_another_number() -> None:
    assert hear("quantity: occupancy, min: 0, max: 9", b'{"v": 7}') == (["gone"], ["sensor_out_of_range"])


def test_what_the_broker_has_kept_of_a_state_is_0_or_1_too() -> None:
    heard, _ = hear("quantity: occupancy", b'{"v": 7}', b'{"v": 1}', b'{"v": -1}', retain=True)
    assert heard == ["stands 1"]


def test_a_vibration_with_a_unit_is_measured() -> None:
    assert hear("quantity: vibration, unit: mm/s", b'{"v": 7.5}') == ([7.5], [])


@pytest.mark.parametrize("word", [b"true", b"false", b'"ON"', b'"open"', b'"closed"'])
@pytest.mark.parametrize(
    "sensor", ["quantity: temperature", "quantity: humidity, unit: '%'", "quantity: flow, unit: l"]
)
def test_true_is_no_temperature(word: bytes, sensor: str) -> None:
    assert hear(sensor, b'{"v": ' + word + b"}")[0] == []


def test_true_is_a_value_of_what_has_no_unit() -> None:
    assert hear("quantity: valve, unit: ''", b'{"v": true}', b'{"v": "OFF"}') == ([1.0, 0.0], [])
