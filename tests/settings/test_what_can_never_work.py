"""A value that can never work is refused before anything runs, and not found out by what stays away."""

from pathlib import Path

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, load, parse

CAMERA = "cameras: [{name: front, source: 'usb:0'}]\n"
HALL = "cameras: [{name: hall, source: 'usb:0', role: cctv, interval: 0.1s}]\n"
METER = "sensors: [{name: s, kind: w1, interval: 2s}]\n"


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "gate.yaml", {})
    return caught.value.problems


def settings(text: str) -> Settings:
    return parse(text, "gate.yaml", {})


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (":memory:", 'found ":memory:"; allowed: the name of a file on this device, such as'),
        ("file:edge-mask.db", 'found "file:edge-mask.db"; allowed: the name of a file on this device'),
        ("file:x?mode=memory&cache=shared", "allowed: the name of a file on this device"),
        ("data/", 'found "data/"; allowed: the name of a file on this device'),
        (".", 'found "."; allowed: the name of a file on this device'),
        ("..", 'found ".."; allowed: the name of a file on this device'),
        ("", 'found ""; allowed: the name of a file on this device'),
        ("  ", "found '  '; allowed: a path"),
        ("a\\0b", "found 'a\\x00b'; allowed: a path"),
    ],
)
def test_a_database_that_cannot_be_a_file_on_the_disk_is_refused(path: str, sentence: str) -> None:
    found = complaints(f'{CAMERA}outbox: {{path: "{path}"}}\n')
    assert [line for line in found if line.startswith("gate.yaml:2: outbox.path: ") and sentence in line], found


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("mqtt: {username: u, password_file: both}", "mqtt.password_file"),
        ("rules: [both]", "rules[0]"),
        ("sensors: [{name: s, kind: replay, path: both}]", "sensors[0].path"),
        ("cameras: [{name: c, source: 'file:both'}]", "cameras[0].source"),
    ],
)
def test_a_database_cannot_be_a_file_that_is_read_for_something_else(
    text: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("both").write_text("secret\n")
    cameras = "" if "cameras" in text else CAMERA
    expected = f'outbox.path: "both" is read for {key} already; give the database a file of its own'
    assert expected in complaints(f"{cameras}{text}\noutbox: {{path: both}}\n")[0]


def test_a_database_cannot_be_the_configuration_itself(tmp_path: Path) -> None:
    config = tmp_path / "gate.yaml"
    config.write_text(f"{CAMERA}outbox: {{path: '{config}'}}\n")
    with pytest.raises(ConfigurationError, match=r"gate.yaml:2: outbox.path: is this configuration itself"):
        load(config, {})


@pytest.mark.parametrize("key", ["detector: {model: ''}", "snapshots: {dir: ''}", "mqtt: {password_file: ''}"])
def test_an_empty_path_is_not_the_current_folder(key: str) -> None:
    assert "found ''; allowed: a path" in complaints(CAMERA + key)[0]


@pytest.mark.parametrize(
    "host",
    [
        *("broker:1883", "[::1]", "[::1]:1883", "mqtt://broker", "10.0.0.1:1883", "a b", "broker..example", ".broker"),
        *("x" * 64, ".".join(["x" * 60] * 5), "broker?x", "broker#1", "a\\tb"),
    ],
)
def test_a_host_that_no_resolver_can_take_is_refused(host: str) -> None:
    assert "allowed: a name or an address alone" in complaints(f'{CAMERA}mqtt: {{host: "{host}"}}\n')[0]


@pytest.mark.parametrize(
    "host", ["broker", "broker.example.", "10.0.0.1", "::1", "fe80::1%eth0", "müller.local", "a_b"]
)
def test_hosts_of_every_kind_are_taken(host: str) -> None:
    assert settings(f"{CAMERA}mqtt: {{host: '{host}'}}\n").mqtt.host == host


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('mqtt: {client_id: "a\\0b"}', "mqtt.client_id: found"),
        ('mqtt: {username: "a\\nb"}', "mqtt.username: found"),
        ('topics: {visits: "a\\0b"}', "topics.visits: 'a\\x00b' holds a control character"),
        ('topics: {visits: "a\\tb"}', "topics.visits: 'a\\tb' holds a control character"),
        ('topics: {root: "a\\x7f"}', "topics.root: 'a\\x7f' holds a control character"),
    ],
)
def test_what_a_broker_hangs_up_on_is_refused(text: str, sentence: str) -> None:
    assert sentence in complaints(CAMERA + text)[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("snapshots: {keep: 0s}", "snapshots.keep: 0s is too small"),
        ("snapshots: {max_bytes: 0}", "snapshots.max_bytes: 0 is too small"),
        ("health: {interval: 300d}", "health.interval: 300d is too large"),
        ("device: {labels: {description: '" + "x" * 1025 + "'}}", "device.labels.description: found"),
        ("forward: rules-only", "forward: rules-only sends nothing, as there are no rules"),
        ("outputs: [{name: a, kind: gpio, chip: 0, line: '²'}]", "outputs[0].line: found"),
        ("gate: {pass_score: 1}", "gate.pass_score: found 1; allowed: a number from 0 to 0.95"),
        ("gate: {min_face: 1}", "gate.min_face: found 1; allowed: a number from 0 to 0.8"),
        ("snapshots: {temp_ttl: 8d}", "snapshots.temp_ttl: found 8d; allowed: at most snapshots.keep, 7d"),
        ("mqtt: {protocol: 3.1.1, require_subscriber: true}", "mqtt.require_subscriber: mqtt.protocol is 3.1.1"),
        ("mqtt: {transport: greengrass, require_subscriber: true}", "mqtt.transport is greengrass, which does not say"),
        ("snapshots: {keep: 30m, temp_ttl: 1h}", "snapshots.temp_ttl: found 1h; allowed: at most snapshots.keep, 30m"),
    ],
)
def test_other_values_that_leave_nothing_to_do(text: str, sentence: str) -> None:
    assert sentence in complaints(CAMERA + text)[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [("usb:0", "usb:0"), ("usb:0", "usb:/dev/video0"), ("picamera2", "picamera2:0"), ("USB:1", "usb:01")],
)
def test_one_device_cannot_be_two_cameras(first: str, second: str) -> None:
    found = complaints(f"cameras: [{{name: a, source: '{first}'}}, {{name: b, source: '{second}'}}]\n")
    assert found == ['gate.yaml:1: cameras[1].source: is the camera of "a" already; one device serves one camera']


def test_streams_and_films_can_be_looked_at_twice() -> None:
    for source in ("rtsp://10.0.0.1/s", "file:a.mp4", "images:a"):
        assert settings(f"cameras: [{{name: a, source: '{source}'}}, {{name: b, source: '{source}'}}]\n").cameras


def test_only_what_has_an_end_can_start_again() -> None:
    found = complaints("cameras: [{name: a, source: 'usb:0', loop: true}]\n")
    assert found == ["gate.yaml:1: cameras[0].loop: only a file or a folder can start again at the end; remove it"]


@pytest.mark.parametrize("zone", ["[[0, 0], [1, 1], [0.5, 0.5]]", "[[0.2, 0.2], [0.2, 0.2], [0.2, 0.2]]"])
def test_a_zone_that_encloses_nothing_is_refused(zone: str) -> None:
    assert "encloses nothing" in complaints(f"cameras: [{{name: a, source: 'usb:0', zone: {zone}}}]\n")[0]


@pytest.mark.parametrize(
    ("text", "chips"),
    [("{name: b, kind: gpio, chip: gpiochip0, line: 17}", True), ("{name: b, kind: gpio, chip: 0, line: 18}", False)],
)
def test_one_line_cannot_be_two_outputs_whatever_the_chip_is_called(text: str, chips: bool) -> None:
    outputs = f"{CAMERA}outputs: [{{name: a, kind: gpio, chip: /dev/gpiochip0, line: '017'}}, {text}]\n"
    if chips:
        assert complaints(outputs) == ['gate.yaml:2: outputs[1]: is the same line as "a"; remove one of them']
    else:
        assert len(settings(outputs).outputs) == 2


@pytest.mark.parametrize(
    ("unit", "limit", "sentence"),
    [
        ("F", "37.5", "found 37.5; allowed: from 77 to 113 F, the sensor's unit"),
        ("C", "99", "found 99; allowed: from 25 to 45 C, the sensor's unit"),
        ("C", "375", "found 375; allowed: from 25 to 45 C, the sensor's unit"),
        ("K", "38", "found 38; allowed: from 298.15 to 318.15 K, the sensor's unit"),
    ],
)
def test_a_fever_that_everybody_or_nobody_has_is_refused(unit: str, limit: str, sentence: str) -> None:
    sensor = f"sensors: [{{name: s, kind: w1, unit: {unit}}}]\n"
    found = complaints(f"{CAMERA}{sensor}gate: {{temperature_sensor: s, fever_above: {limit}}}\n")
    assert found == [f"gate.yaml:3: gate.fever_above: {sentence}"]


def test_a_fever_above_what_the_sensor_may_say_is_refused() -> None:
    sensor = "sensors: [{name: s, kind: w1, min: 20, max: 37}]\n"
    found = complaints(f"{CAMERA}{sensor}gate: {{temperature_sensor: s}}\n")
    assert found == ["gate.yaml:3: gate.fever_above: found 37.5; allowed: less than the sensor's max, 37"]


@pytest.mark.parametrize(
    ("warmth", "found"), [("[38, 43]", "38 to 43"), ("[28, 37.5]", "28 to 37.5"), ("[43, 28]", "43 to 28")]
)
def test_a_warmth_of_people_that_has_no_room_for_the_fever_limit_is_refused(warmth: str, found: str) -> None:
    sensor = "sensors: [{name: s, kind: w1}]\n"
    said = complaints(f"{CAMERA}{sensor}gate: {{temperature_sensor: s, temperature_range: {warmth}}}\n")
    allowed = "allowed: from less than fever_above, 37.5, to more than it"
    assert said == [f"gate.yaml:3: gate.temperature_range: found {found}; {allowed}"]


TWO_GATES = (
    "cameras: [{name: in, source: usb:0}, {name: out, source: usb:1}, {name: hall, source: usb:2, role: cctv}]\n"
)
WARM = "sensors: [{name: s, kind: w1}]\n"


@pytest.mark.parametrize(
    ("cameras", "gate", "sentence"),
    [
        (
            TWO_GATES,
            "{temperature_sensor: s}",
            'is missing, and there are 2 gate cameras; "s" measures the visitors of one of them; allowed: in, out',
        ),
        (
            TWO_GATES,
            "{temperature_sensor: s, temperature_camera: hall}",
            'there is no gate camera "hall"; allowed: in, out',
        ),
        (
            TWO_GATES,
            "{temperature_camera: in}",
            "says where a thermometer hangs, and there is none; give temperature_sensor too, or remove this",
        ),
    ],
)
def test_a_thermometer_measures_the_visitors_of_one_gate(cameras: str, gate: str, sentence: str) -> None:
    found = complaints(f"{cameras}{WARM}gate: {gate}\n")
    assert found == [f"gate.yaml:3: gate.temperature_camera: {sentence}"]


@pytest.mark.parametrize(
    "text",
    [
        f"{TWO_GATES}{WARM}gate: {{temperature_sensor: s, temperature_camera: out}}\n",
        f"{CAMERA}{WARM}gate: {{temperature_sensor: s}}\n",
    ],
)
def test_the_gate_where_a_thermometer_hangs_is_named_or_the_only_one(text: str) -> None:
    assert parse(text, "gate.yaml", {}).gate.temperature_sensor == "s"


def test_a_rate_at_which_the_outbox_can_only_grow_is_refused() -> None:
    (found,) = complaints(HALL + METER + "outbox: {drain_rate: 10/s}\n")
    assert found.startswith(
        "gate.yaml:3: outbox.drain_rate: found 10/s, but sensors and cctv cameras make 10.5 messages"
    )
    assert settings(HALL + METER + "outbox: {drain_rate: 11/s}\n").outbox.drain_rate == 11
    assert settings(HALL + METER + "outbox: {drain_rate: 1/s}\nmqtt: {transport: none}\n").sensors
