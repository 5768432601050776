"""What is wrong with a configuration is said in sentences: file, line, key, what was found, what is allowed."""

from pathlib import Path

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, load, parse

CAMERA = "cameras: [{name: front, source: 'usb:0'}]\n"


def complaints(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "gate.yaml", environ)
    return caught.value.problems


def settings(text: str, **environ: str) -> Settings:
    return parse(text, "gate.yaml", environ)


def test_a_misspelt_key_is_answered_with_the_one_that_was_meant() -> None:
    text = "cameras:\n  - name: front\n    source: usb:0\n    intervall: 1s\n"
    assert complaints(text) == ['gate.yaml:4: cameras[0].intervall: unknown key; did you mean "interval"?']


def test_a_key_like_no_other_is_answered_with_all_of_them() -> None:
    assert complaints(CAMERA + "homeassistant: {xyzzy: 1}\n") == [
        "gate.yaml:2: homeassistant.xyzzy: unknown key; allowed here: enabled, prefix"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mqtt: {port: 70000}", "mqtt.port: found 70000; allowed: a whole number from 1 to 65535"),
        ("mqtt: {port: x}", 'mqtt.port: found "x"; allowed: a whole number from 1 to 65535'),
        ("mqtt: {port: true}", "mqtt.port: found true; allowed: a number"),
        ("mqtt: {port: [1]}", "mqtt.port: found a list of 1; allowed: a whole number from 1 to 65535"),
        ("mqtt: {host: 5}", "mqtt.host: found the number 5 (put it in quotes); allowed: a name or an address alone"),
        ("mqtt: 5", "mqtt: found 5; allowed: a mapping with transport, host,"),
        (
            "mqtt: {transport: greengrass, host: broker.example}",
            "mqtt.host: means nothing with mqtt.transport: greengrass; the nucleus has the connection",
        ),
        ("aws: {jobs: true}\nmqtt: {transport: none}", "aws.jobs: found true; it needs a connection"),
        (
            "aws: {greengrass: {local: ['a']}}",
            "aws.greengrass: goes with mqtt.transport: greengrass only; found mqtt",
        ),
        ("mqtt: {transport: amqp}", 'mqtt.transport: found "amqp"; allowed: mqtt, aws-iot, greengrass, none'),
        ("gate: {window: 2 fortnights}", "gate.window: '2 fortnights' is not a duration; allowed: a duration such as"),
        (
            "outbox: {max_bytes: 256XB}",
            "outbox.max_bytes: '256XB' is not a size; allowed: a size such as 256MB or 1GiB",
        ),
        (
            "outbox: {drain_rate: fast}",
            "outbox.drain_rate: 'fast' is not a rate; allowed: a rate such as 100/s or 30/m",
        ),
        ("detector: {score_threshold: 1.5}", "detector.score_threshold: found 1.5; allowed: a number from 0 to 1"),
        ("detector: {score_threshold: .nan}", "detector.score_threshold: found nan; allowed: a number from 0 to 1"),
        (
            "sensors: [{name: a, kind: serial, path: /dev/ttyS0, pattern: 'x', quantities: {x: {}}, ask: ''}]",
            'sensors[0].ask: found ""; allowed: a text of 1 to 256 characters',
        ),
        ("gate: {fever_above: .inf}", "gate.fever_above: found inf; allowed: a number"),
        (
            "gate: {passage_sensor: door}",
            'gate.passage_sensor: there is no sensor "door"; allowed: nothing',
        ),
        ("web: {enabled: maybe}", 'web.enabled: found "maybe"; allowed: true or false'),
        ("log: {level: loud}", 'log.level: found "loud"; allowed: debug, info, warning, error'),
        ("detections: some", 'detections: found "some"; allowed: faces, all, off'),
        ("rules: one.yaml", 'rules: found "one.yaml"; allowed: a list'),
        ("device: {timezone: Mars/Olympus}", 'device.timezone: there is no time zone "Mars/Olympus" on this machine'),
        ("device: {timezone: ../../etc/passwd}", "device.timezone: there is no time zone"),
        ("device: {thing_name: 'a b'}", 'device.thing_name: found "a b"; allowed: 1 to 128 letters, digits'),
        ("device: {labels: {latitude: 91}}", "device.labels.latitude: found 91; allowed: a number from -90 to 90"),
        ("health: {interval: 0s}", "health.interval: 0s is too small; allowed: a duration such as"),
        ("topics: {visit: a/b}", 'topics.visit: no message or sensor has this name; did you mean "visits"?'),
        ("topics: {visits: 'a/#'}", 'topics.visits: "a/#" holds a wildcard; allowed: a topic without + and #'),
        ("topics: {visits: '/a'}", 'topics.visits: "/a" is not a topic'),
        ("topics: {visits: '$SYS/a'}", 'topics.visits: "$SYS/a" belongs to the broker'),
        ("topics: {root: 'x/{camera}'}", 'topics.root: "x/{camera}" holds an unknown placeholder; allowed: {thing}'),
        ("topics: {visits: a/b/c/d/e/f/g/h/i}", "has 8 slashes; allowed: at most 7"),
        ("topics: {root: a/b/c/d/e/f}", "together with /commands/snapshot/response has 8 slashes; allowed: at most 7"),
        (f"topics: {{visits: {'x' * 257}}}", "has 257 bytes; allowed: at most 256"),
        ("topics: {visits: [1]}", "topics.visits: found a list of 1; allowed: a text"),
        ("gate: {temperature_sensor: nose}", 'gate.temperature_sensor: there is no sensor "nose"; allowed: nothing'),
        (r'rules: ["a\0b"]', "is not a path"),
        ("rules: [no/such/file.yaml]", 'rules[0]: "no/such/file.yaml": there is no such file (looked in '),
        (
            "mqtt: {password_file: no-such-file, username: u}",
            'mqtt.password_file: "no-such-file": there is no such file',
        ),
        ("mqtt: {tls: {cert: a.pem}}", "mqtt.tls.key: is missing; cert needs key"),
    ],
)
def test_each_mistake_has_its_sentence(text: str, sentence: str) -> None:
    found = complaints(CAMERA + text)
    assert [line for line in found if line.startswith("gate.yaml:2: ") and sentence in line], found


@pytest.mark.parametrize(
    ("camera", "sentence"),
    [
        ("{source: 'usb:0'}", "cameras[0].name: is missing; allowed: up to 64 letters"),
        ("{name: a}", "cameras[0].source: is missing; allowed: picamera2, usb:0"),
        ("{name: a, source: webcam}", 'cameras[0].source: "webcam" is not a source; allowed: picamera2, usb:0'),
        ("{name: a, source: 'usb:0', role: door}", 'cameras[0].role: found "door"; allowed: gate, cctv'),
        (
            "{name: a, source: 'usb:0', zone: [[0, 0], [1, 1]]}",
            "cameras[0].zone: found a list of 2; allowed: at least three",
        ),
        (
            "{name: a, source: 'usb:0', zone: [[0, 0], [1, 2], [1, 1]]}",
            "cameras[0].zone[1][1]: found 2; allowed: a number",
        ),
        ("{name: a, source: 'usb:0', zone: [[0, 0], [1], [1, 1]]}", "cameras[0].zone[1][1]: is missing"),
        ("{name: a, source: 'usb:0', rotate: 45}", "cameras[0].rotate: found 45; allowed: 0, 90, 180, 270"),
        ("{name: a, source: 'usb:0', rotate: false}", 'cameras[0].rotate: found "false"; allowed: 0, 90, 180, 270'),
        ("{name: a, source: 'usb:0', mirror: left}", 'cameras[0].mirror: found "left"; allowed: true or false'),
        ("{name: a, source: 'http://u:hunter#2@h/x'}", "cameras[0].source: holds no proper address; allowed: a host"),
        ("{name: a, source: 'http://u:hunter/2@h/x'}", "in user and password, # is written as %23, / as %2F"),
        ("{name: a, source: 'rtsp://u:hun ter@h/x'}", "blanks are written as %20"),
        ("{name: a, source: 'rtsp://h:99999/x'}", "cameras[0].source: holds no proper address"),
        ("{name: a/b, source: 'usb:0'}", 'cameras[0].name: found "a/b"; allowed: up to 64 letters'),
        ("{name: a, source: 'usb:0'}, {name: a, source: 'usb:1'}", 'cameras[1].name: "a" is taken by cameras[0]'),
    ],
)
def test_each_mistake_in_a_camera_has_its_sentence(camera: str, sentence: str) -> None:
    found = complaints(f"cameras: [{camera}]\n")
    assert [line for line in found if sentence in line], found


@pytest.mark.parametrize(
    ("sensor", "sentence"),
    [
        ("5", "sensors[0]: found 5; allowed: a mapping with name and kind"),
        ("{name: s}", "sensors[0].kind: is missing; allowed: replay, iio, hwmon, w1, thermal, serial, mqtt, gpio"),
        ("{name: s, kind: nose}", 'sensors[0].kind: found "nose"; allowed: replay, iio, hwmon, w1, thermal'),
        ("{name: s, kind: [w1]}", "sensors[0].kind: found \"['w1']\"; allowed: replay, iio"),
        ("{name: s, kind: replay}", "sensors[0].path: is missing; allowed: a CSV file with the columns seconds,value"),
        ("{name: s, kind: w1, intervall: 1s}", 'sensors[0].intervall: unknown key; did you mean "interval"?'),
        ("{name: s, kind: w1, offset: 1}", "sensors[0].offset: stands one level deeper, in calibration: {offset: …}"),
        ("{name: s, kind: w1, quantity: visits}", 'sensors[0].quantity: "visits" means something else'),
        ("{name: s, kind: w1, quantity: highest}", 'sensors[0].quantity: "highest" means something else'),
        ("{name: s, kind: w1, quantity: Heat}", 'sensors[0].quantity: found "Heat"; allowed: lower-case letters'),
        ("{name: s, kind: w1, unit: X}", 'sensors[0].unit: found "X"; allowed for a temperature: C, F, K'),
        ("{name: s, kind: w1, loop: true}", "does not belong to a sensor of kind w1; remove it (it is for replay)"),
        (
            "{name: s, kind: iio, baud: 9600}",
            "baud: does not belong to a sensor of kind iio; remove it (it is for serial)",
        ),
        (
            "{name: s, kind: gpio, chip: 0, line: 1, topic: t}",
            "does not belong to a sensor of kind gpio; remove it (it is",
        ),
        ("{name: s, kind: mqtt, topic: t, pattern: x}", "sensors[0].pattern: does not belong to a sensor of kind mqtt"),
        ("{name: s, kind: iio, quantity: humidity}", 'sensors[0].unit: found "C"; allowed for humidity: % or another'),
        ("{name: s, kind: hwmon, quantity: voltage}", 'sensors[0].unit: found "C"; allowed for voltage: V or another'),
        ("{name: s, kind: w1, min: 5, max: 5}", "sensors[0].min: found 5; allowed: less than max, 5"),
        ("{name: s, kind: w1}, {name: s, kind: iio}", 'sensors[1].name: "s" is taken by sensors[0]'),
    ],
)
def test_each_mistake_in_a_sensor_has_its_sentence(sensor: str, sentence: str) -> None:
    found = complaints(f"sensors: [{sensor}]\n")
    assert [line for line in found if sentence in line], found


def test_a_gate_needs_a_sensor_that_measures_temperature() -> None:
    text = "sensors: [{name: s, kind: iio, quantity: humidity, unit: '%'}]\ngate: {temperature_sensor: s}\n"
    assert complaints(text) == [
        (
            'gate.yaml:2: gate.temperature_sensor: "s" measures humidity, not temperature; '
            "allowed: nothing, as no sensor of temperature is configured"
        )
    ]


def test_several_mistakes_are_all_said_in_the_order_of_the_file() -> None:
    text = "web: {port: 0}\ncameras:\n  - name: a\n    source: usb:x\n    zones: 1\nlog: {level: x}\n"
    assert [line.split(":")[1] for line in complaints(text)] == ["1", "4", "5", "6"]


def test_a_list_with_one_wrong_entry_is_not_also_called_too_short() -> None:
    text = "cameras: [{name: a, source: 'usb:0', zone: [[0, 0], [1, 2], [1, 1]]}]\n"
    assert complaints(text) == ["gate.yaml:1: cameras[0].zone[1][1]: found 2; allowed: a number from 0 to 1"]


def test_an_empty_file_says_what_only_the_user_can_know() -> None:
    assert complaints("") == [
        "gate.yaml: cameras: there is nothing to watch; give at least one camera here, or one sensor under sensors"
    ]


def test_a_component_without_cameras_is_told_where_they_come_from() -> None:
    (found,) = complaints("mqtt: {transport: greengrass}\n")
    assert "there is nothing to watch: a nucleus gives them to the component that it starts" in found


@pytest.mark.parametrize("text", ["- a\n- b\n", "hello", "5"])
def test_what_is_no_mapping_holds_no_settings(text: str) -> None:
    assert complaints(text) == ["gate.yaml:1: holds no settings; allowed: device, cameras, mqtt, …"]


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    for path, sentence in [
        (tmp_path / "none.yaml", "there is no such file"),
        (tmp_path, "is a folder"),
    ]:
        with pytest.raises(ConfigurationError, match=sentence):
            load(path, {})


def test_a_file_that_is_not_utf_8_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("device: {labels: {name: Tür}}".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="byte 26 is not UTF-8"):
        load(path, {})


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "gate.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + CAMERA.replace("\n", "\r\n").encode())
    assert load(path, {}).cameras[0].name == "front"


@pytest.mark.parametrize(
    "number", ["9" * 400, "9" * 6000, "0x" + "f" * 400, "0x" + "f" * 6000], ids=lambda n: n[:2] + str(len(n))
)
@pytest.mark.parametrize("key", ["outbox: {max_bytes", "gate: {window", "gate: {fever_above", "mqtt: {port"])
def test_a_number_of_hundreds_of_digits_is_a_sentence(key: str, number: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(f"cameras: [{{name: a, source: 'usb:0'}}]\n{key}: {number}}}", "f", {})
    assert str(caught.value).startswith(f"f:2: {key.replace(': {', '.')}: ")
    assert "allowed" in str(caught.value) or "thousands of digits" in str(caught.value)
    assert len(str(caught.value)) < 250
