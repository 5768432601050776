"""What a good configuration becomes."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings, load, parse

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))


def settings(text: str, **environ: str) -> Settings:
    return parse("cameras: [{name: front, source: 'usb:0'}]\n" + text, "gate.yaml", environ)


def test_the_smallest_configuration_has_a_default_for_everything_else() -> None:
    found = settings("")
    assert found.mqtt.port == 1883
    assert found.outbox.commit_interval == 0.05
    assert found.outbox.max_bytes == 256_000_000
    assert found.topics.root == "edge-mask/{thing}"
    assert found.device.thing_name


def test_a_sensor_alone_is_enough() -> None:
    assert list(parse("sensors: [{name: s, kind: thermal}]", "f", {}).sensors[0].measured) == ["temperature"]


def test_a_camera_may_hang_in_four_ways_and_be_mirrored() -> None:
    text = "cameras: [{name: c, source: 'usb:0', rotate: '${TURN:-270}', mirror: yes}]"
    found = parse(text, "f", {}).cameras[0]
    assert (found.rotate, found.mirror) == (270, True)
    assert (settings("").cameras[0].rotate, settings("").cameras[0].mirror) == (0, False)


def test_a_section_with_nothing_in_it_is_as_good_as_none() -> None:
    assert settings("gate:\nmqtt:\n  tls:\n  host:\n") == settings("")


def test_the_example_of_the_contract_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("password").write_text("x\n", encoding="ascii")
    found = parse(
        """
device:
  thing_name: gate-01
  timezone: Asia/Seoul
  labels: {name: EdgeCCTV01, address: "here", latitude: 37.57, longitude: 126.98, description: "there"}
cameras:
  - {name: front, source: picamera2, role: gate, interval: 0.2s, zone: [[0, 0], [1, 0], [1, 1], [0, 1]], loop: false}
detector: {model: models/mask-detector, threads: 2, score_threshold: 0.5}
sensors: [{name: forehead, kind: replay, path: readings.csv, quantity: temperature, unit: C}]
gate:  {votes: 5, window: 2s, min_face: 0.12, fever_above: 37.5, temperature_sensor: forehead, passage_sensor: null}
cctv:  {streak: 6, rearm_after: 60s}
mqtt: {transport: mqtt, host: 127.0.0.1, port: 1883, username: gate, password_file: password}
topics: {root: "edge-mask/{thing}", temperature: kf99/topic, errors: kf99/error}
outbox: {path: edge-mask.db, max_bytes: 256MB, max_age: 30d, drain_rate: 100/s}
rules: [config/rules/*.yaml]
snapshots: {dir: snapshots, keep: 7d, max_bytes: 1GB, temp_ttl: 1h, blur_faces: false}
web: {enabled: false, host: 127.0.0.1, port: 8080}
""",
        "contract.yaml",
        {},
    )
    assert [*(found.cameras[0].zone or ())] == [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert found.topics.renames == {"temperature": "kf99/topic", "errors": "kf99/error"}
    assert found.snapshots.temp_ttl == 3600.0
    assert found.rules == ("config/rules/*.yaml",)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_example_loads(path: Path) -> None:
    assert load(path, {}).device.thing_name


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"gate.yaml", "cctv.yaml", "pi-gate.yaml", "replay.yaml"}


def test_settings_cannot_be_changed() -> None:
    found = settings("")
    with pytest.raises(ValidationError, match="frozen"):
        found.mqtt.port = 1


def test_tls_moves_the_default_port_and_nothing_else() -> None:
    assert settings("mqtt: {tls: {}}").mqtt.port == 8883
    assert settings("mqtt: {tls: {}, port: 1884}").mqtt.port == 1884


def test_numbers_can_come_from_the_environment() -> None:
    found = settings(
        "mqtt: {port: '${PORT}'}\nsnapshots: {blur_faces: '${BLUR:-yes}'}\ngate: {window: '${W}'}", PORT="1999", W="3s"
    )
    assert (found.mqtt.port, found.snapshots.blur_faces, found.gate.window) == (1999, True, 3.0)


@pytest.mark.parametrize("word", ["off", "false"])
def test_detections_can_be_switched_off_in_any_yaml(word: str) -> None:
    assert settings(f"detections: {word}").detections == "off"


@pytest.mark.parametrize(("written", "protocol"), [("5", "5"), ('"5"', "5"), ("3.1.1", "3.1.1")])
def test_the_protocol_may_be_written_as_a_number(written: str, protocol: str) -> None:
    assert settings(f"mqtt: {{protocol: {written}}}").mqtt.protocol == protocol


def test_a_quantity_of_a_sensor_can_have_a_topic_of_its_own() -> None:
    text = "sensors: [{name: s, kind: iio, quantity: humidity, unit: '%'}]\ntopics: {humidity: house/humidity}"
    assert settings(text).topics.renames == {"humidity": "house/humidity"}


@pytest.mark.parametrize(
    "source",
    [
        *("picamera2", "picamera2:1", "usb:0", "usb:/dev/v4l/by-id/usb-cam-video-index0", "file:clip.mp4"),
        *("rtsp://10.0.0.1/s", "rtsps://u:p@cam:322/s", "http://cam/mjpeg", "images:my pictures"),
    ],
)
def test_sources_of_every_kind_are_taken(source: str) -> None:
    assert parse(f"cameras: [{{name: a, source: '{source}'}}]", "f", {}).cameras[0].source == source


def test_local_midnight_needs_no_zone_database_for_utc() -> None:
    assert str(settings("").device.zone) == "UTC"
    assert str(settings("device: {timezone: Asia/Seoul}").device.zone) == "Asia/Seoul"


def test_loading_pulls_in_no_more_than_pydantic_and_yaml() -> None:
    code = "import sys, edge_mask.settings; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"pydantic", "yaml"} <= set(loaded)
    assert not {"numpy", "cv2", "sqlalchemy", "paho", "pydantic_settings"} & set(loaded)


@pytest.mark.parametrize(
    ("section", "is_kept"),
    [
        ("{}", True),
        ("{blur_faces: true}", True),
        ("{blur_faces: true, latest: off}", False),
        ("{blur_faces: true, latest: auto}", True),
        ("{blur_faces: false}", False),
        ("{blur_faces: false, latest: on}", True),
    ],
)
def test_everybodys_face_is_kept_only_when_that_was_asked_for(section: str, is_kept: bool) -> None:
    text = f"cameras: [{{name: c, source: 'usb:0'}}]\nmqtt: {{transport: none}}\nsnapshots: {section}\n"
    assert parse(text, "test.yaml", {}).snapshots.keeps_latest == is_kept


@pytest.mark.parametrize("text", ["1_0", "38_4", "1_000.5"])
def test_an_underscore_in_a_text_makes_no_number_of_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(f'gate: {{votes: "{text}", fever_above: "{text}"}}', "config.yaml", {})
    assert [each.partition("; allowed")[0] for each in raised.value.problems] == [
        f'config.yaml:1: gate.votes: found "{text}"',
        f'config.yaml:1: gate.fever_above: found "{text}"',
    ]
