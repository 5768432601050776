"""The kinds of sensors: each takes its own keys, and what two of them cannot share is a sentence."""

import json
from typing import Any

import pytest
import yaml

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, parse
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor

SERIAL = (
    "{name: line, kind: serial, path: /dev/ttyUSB0, pattern: '^(?P<id>\\d{3}) (?P<flow>[\\d.]+)$',"
    " quantities: {flow: {unit: m3/h, min: 0, max: 500}}}"
)
MQTT = "{name: hall, kind: mqtt, topic: zigbee2mqtt/hall, value: temperature}"
GPIO = "{name: beam, kind: gpio, chip: gpiochip0, line: 27, quantity: passage, debounce: 50ms}"


def settings(*sensors: str, more: str = "") -> Settings:
    return parse(f"sensors: [{', '.join(sensors)}]\n{more}", "gate.yaml", {})


def complaints(*sensors: str, more: str = "") -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings(*sensors, more=more)
    return caught.value.problems


def changed(sensor: str, **keys: str) -> str:
    """The sensor with other keys; JSON is YAML too."""
    return json.dumps(yaml.safe_load(sensor) | {key: yaml.safe_load(value) for key, value in keys.items()})


def only(kind: type[Any], *sensors: str) -> Any:
    (found,) = settings(*sensors).sensors
    assert isinstance(found, kind)
    return found


def test_the_example_of_a_serial_sensor_is_taken_with_the_usual_defaults() -> None:
    found = only(SerialSensor, SERIAL)
    assert (found.baud, found.bytesize, found.parity, found.stopbits, found.ask) == (9600, 8, "none", 1.0, None)
    assert (found.measured["flow"].unit, found.measured["flow"].max) == ("m3/h", 500.0)
    assert found.has_ids
    assert found.speaks_as("line-001")
    assert not found.speaks_as("line")


def test_the_examples_of_the_other_kinds_are_taken() -> None:
    assert only(MqttSensor, MQTT).availability is None
    found = only(GpioSensor, GPIO)
    assert (found.chip, found.line, found.debounce, found.measured["passage"].unit) == ("gpiochip0", "27", 0.05, "")


@pytest.mark.parametrize(("written", "meant"), [("N", "none"), ("e", "even"), ("Odd", "odd"), ("space", "space")])
def test_parity_is_a_letter_or_a_word(written: str, meant: str) -> None:
    assert only(SerialSensor, changed(SERIAL, parity=written)).parity == meant


def test_a_state_has_no_unit_whichever_kind_measures_it() -> None:
    found = settings(
        "{name: m, kind: mqtt, topic: t, quantity: occupancy}", "{name: r, kind: replay, path: p, quantity: passage}"
    )
    assert [next(iter(each.measured.values())).unit for each in found.sensors] == ["", ""]


def test_a_correction_beside_the_only_quantity_is_that_quantitys() -> None:
    found = only(SerialSensor, changed(SERIAL, calibration="{offset: 1}"))
    assert found.measured["flow"].calibration.offset == 1.0


def test_the_gates_thermometer_may_be_one_id_of_a_port() -> None:
    serial = SERIAL.replace("flow", "temperature").replace("m3/h", "C")
    camera = "cameras: [{name: front, source: 'usb:0'}]\n"
    assert settings(serial, more=camera + "gate: {temperature_sensor: line-007}").gate.temperature_sensor == "line-007"
    found = complaints(serial, more=camera + "gate: {temperature_sensor: line}")
    assert found == ['gate.yaml:3: gate.temperature_sensor: there is no sensor "line"; allowed: line']


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"pattern": "'(?P<flow>'"}, "pattern: is no regular expression: missing )"),
        ({"pattern": "'^(?P<flux>.+)$'"}, 'pattern: has no group for "flow"; write (?P<flow>…) where its value stands'),
        ({"pattern": "'(?P<flow>.)(?P<x>.)'"}, 'pattern: has a group "x", which is no quantity; allowed: id, flow'),
        (
            {"pattern": "'(?P<flow>(a{9999}){9999})'"},
            "is longer than 10000 characters when its repeats are written out",
        ),
        ({"quantities": "{}"}, "quantities: found a mapping; allowed: a mapping such as {flow:"),
        ({"quantities": "{Flow: {}}"}, 'quantities: found "Flow"; allowed: lower-case letters'),
        ({"quantities": "{visits: {}}"}, '"visits" means something else'),
        ({"quantities": "{flow: {units: x}}"}, 'quantities.flow.units: unknown key; did you mean "unit"?'),
        ({"quantities": "{flow: {min: 5, max: 4}}"}, "quantities.flow.min: found 5; allowed: less than max, 4"),
        ({"unit": "C"}, "unit: does not belong to a sensor of kind serial"),
        ({"ask": "'R\\r\\n'"}, 'ask: holds a backslash; in double quotes, as "R\\r\\n", it means the end of a line'),
        ({"ask": '"\\u20ac"'}, "ask: holds a character of more than one byte"),
        ({"baud": "1"}, "baud: found 1; allowed: a whole number from 50 to 4000000"),
        ({"bytesize": "9"}, "bytesize: found 9; allowed: 5, 6, 7, 8"),
        ({"parity": "Q"}, 'parity: found "q"; allowed: none, even, odd, mark, space'),
        ({"stopbits": "3"}, "stopbits: found 3; allowed: 1, 1.5 or 2"),
        ({"checksum": "md5"}, 'checksum: found "md5"; allowed: nmea, xor, sum8, crc16-modbus'),
        ({"path": "ttyUSB0"}, 'path: found "ttyUSB0"; allowed: a device such as /dev/serial/by-id/usb-…'),
    ],
)
def test_each_mistake_in_a_serial_sensor_has_its_sentence(keys: dict[str, str], sentence: str) -> None:
    found = complaints(changed(SERIAL, **keys))
    assert [line for line in found if f"sensors[0].{sentence}" in line or sentence in line], found


@pytest.mark.parametrize(
    ("sensor", "sentence"),
    [
        (changed(MQTT, topic="a/+"), 'topic: found "a/+"; allowed: a topic without + and #'),
        (changed(MQTT, availability="'#'"), 'availability: found "#"; allowed: a topic without + and #'),
        (changed(MQTT, value="'a[x'"), 'value: found "a[x"; allowed: keys and positions such as temperature, a.b'),
        (changed(MQTT, topic="edge-mask/edge-mask/temperature"), "is where this device publishes itself"),
        (changed(GPIO, line="'²'"), "line: found"),
        (changed(GPIO, bias="up"), 'bias: found "up"; allowed: pull-up, pull-down, disabled'),
        (changed(GPIO, debounce="1h"), "debounce: 1h is too large"),
    ],
)
def test_each_mistake_in_the_other_kinds_has_its_sentence(sensor: str, sentence: str) -> None:
    found = complaints(sensor, more="device: {thing_name: edge-mask}")
    assert [line for line in found if "sensors[0]." in line and sentence in line], found


@pytest.mark.parametrize(
    ("calibration", "sentence"),
    [
        ("{scale: 0}", "scale: found 0; allowed: any other number"),
        ("{offset: 1, points: [[0, 0], [1, 1]]}", "points: say the same as offset and scale"),
        ("{points: [[1, 0], [1, 1]]}", "points: give no line"),
        ("{points: [[1, 2]]}", "points[1]: is missing"),
        ("{emissivity: 0.98}", "surroundings: is missing; emissivity and surroundings need each other"),
        ("{emissivity: 2, surroundings: 1}", "emissivity: found 2; allowed: a number from 0.1 to 1"),
        ("{ofset: 1}", 'ofset: unknown key; did you mean "offset"?'),
    ],
)
@pytest.mark.parametrize("sensor", ["{name: s, kind: w1}", changed(MQTT)])
def test_each_mistake_in_a_correction_has_its_sentence(sensor: str, calibration: str, sentence: str) -> None:
    found = complaints(changed(sensor, calibration=calibration))
    assert [line for line in found if f"sensors[0].calibration.{sentence}" in line], found


def test_emissivity_corrects_temperatures_only() -> None:
    sensor = changed(GPIO, calibration="{emissivity: 0.9, surroundings: 20}")
    assert "calibration.emissivity: corrects a temperature, not passage; remove it" in complaints(sensor)[0]


def test_a_port_has_one_speed_whoever_reads_it() -> None:
    other = changed(SERIAL, name="other", pattern="'(?P<flow>.)'", baud="19200")
    assert complaints(SERIAL, other) == [
        'gate.yaml:1: sensors[1].baud: is 9600 for "line" on the same port; make them equal'
    ]
    assert len(settings(SERIAL, changed(other, baud="9600")).sensors) == 2


def test_a_line_serves_one_sensor_or_one_output() -> None:
    twice = complaints(GPIO, changed(GPIO, name="b", chip="/dev/gpiochip0", line="'027'"))
    assert twice == ['gate.yaml:1: sensors[1].line: is the line of "beam" already; remove one of them']
    output = "outputs: [{name: gate, kind: gpio, chip: 0, line: 27}]"
    assert complaints(GPIO, more=output) == ['gate.yaml:2: outputs[0]: is the same line as "beam"; remove one of them']


def test_a_name_that_could_be_an_id_of_a_port_is_refused() -> None:
    found = complaints(SERIAL, changed(MQTT, name="line-2"))
    assert found[0].endswith(
        'sensors[1].name: "line-2" could be an id of "line", whose pattern has a group id; choose another'
    )


def test_a_correction_of_one_of_several_quantities_stands_beside_it() -> None:
    two = changed(
        SERIAL, pattern="'(?P<flow>.) (?P<level>.)'", quantities="{flow: {}, level: {}}", calibration="{offset: 1}"
    )
    assert "calibration: could mean each of flow, level; write it below one of them in quantities" in complaints(two)[0]


def test_topics_need_a_broker() -> None:
    assert "needs a broker, and mqtt.transport is none" in complaints(MQTT, more="mqtt: {transport: none}")[0]


def test_a_topic_that_another_part_of_the_device_hears_is_refused() -> None:
    sensor = changed(MQTT, availability="homeassistant/status")
    found = complaints(sensor, more="homeassistant: {enabled: true}")
    assert 'availability: "homeassistant/status" is heard by another part of this device' in found[0]
    assert settings(sensor).sensors
    assert "is heard by another part" in complaints(changed(MQTT, topic="$aws/things/x/jobs/notify"))[0]


def test_a_quantity_of_a_line_may_have_a_topic_of_its_own() -> None:
    assert settings(SERIAL, more="topics: {flow: water/flow}").topics.renames["flow"] == "water/flow"
