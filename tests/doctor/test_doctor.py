"""The doctor: one bad part is one finding, and the rest is examined all the same."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.act.trees import led
from tests.broker import free_port
from tests.deliver.web_server import WebServer
from tests.detect import packages
from tests.papers import A_DAY, Papers
from tests.sense.trees import YES, write

from edge_mask.cli import main
from edge_mask.doctor import Finding, examine
from edge_mask.errors import ConfigurationError
from edge_mask.ledger.database import Lock
from edge_mask.settings import parse

SENSOR = "sensors: [{name: t, kind: replay, path: t.csv}]\nmqtt: {transport: none}\n"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a recording, and the kernel's tree in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_MASK_SYSFS", str(tmp_path / "sys"))
    (tmp_path / "t.csv").write_text("seconds,value\n0,36.5\n")
    return tmp_path


def findings(text: str) -> list[Finding]:
    return list(examine(parse(text, "f", {})))


def of(part: str, text: str) -> list[tuple[str, str]]:
    return [(finding.state, finding.text) for finding in findings(text) if finding.part == part]


def test_a_sound_site_is_ok_and_nothing_is_made_in_it(site: Path) -> None:
    assert {finding.part: finding.state for finding in findings(SENSOR)} | {"clock": "ok"} == {
        "clock": "ok", "rules": "ok", "sensor t": "ok", "database": "ok", "broker": "ok",
    }  # fmt: skip
    assert [path.name for path in site.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", ["a\\0b", "x" * 5000], ids=["zero byte", "5000 characters"])
def test_a_name_that_can_be_no_files_fails_its_part_alone(name: str) -> None:
    found = findings(
        f'cameras: [{{name: c, source: "images:{name}"}}]\nsensors: [{{name: t, kind: replay, path: "{name}"}}]\n'
        f'outbox: {{path: "{"y" * 5000}"}}\nmqtt: {{transport: none}}\ndetector: {{model: nowhere}}'
    )
    states = {finding.part: finding.state for finding in found if finding.part != "clock"}
    assert states == {
        "rules": "ok", "model": "failed", "camera c": "failed", "sensor t": "failed", "database": "failed",
        "snapshots": "ok", "broker": "ok",
    }  # fmt: skip
    assert all(finding.text.isprintable() for finding in found)


@pytest.mark.parametrize(
    ("part", "function", "state"),
    [
        ("rules", "rules.rules", "failed"), ("model", "examination._model", "failed"),
        ("camera c", "devices.camera", "failed"), ("sensor t", "sensors.sensor", "warning"),
        ("output lamp", "devices.output", "warning"), ("database", "storage.database", "failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "/dev/x"), RuntimeError("boom")])
def test_whatever_an_examination_raises_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, part: str, function: str, state: str, error: Exception
) -> None:
    def fail(*_anything: object) -> None:
        raise error

    text = SENSOR + "cameras: [{name: c, source: 'images:none'}]\noutputs: [{name: lamp, kind: led, path: ACT}]\n"
    monkeypatch.setattr(f"edge_mask.doctor.{function}", fail)
    expected = (
        (state, "not here: /dev/x: Permission denied")
        if isinstance(error, OSError)
        else ("failed", "cannot be examined: RuntimeError: boom")
    )
    assert of(part, text + "detector: {model: nowhere}") == [expected]
    assert of("broker", text) == [("ok", "none configured: everything stays on the device")]


def test_a_running_daemon_is_a_warning_and_a_place_that_cannot_be_used_a_failure(site: Path) -> None:
    path = site / "edge-mask.db"
    with closing(sqlite3.connect(path)):
        path.touch()
    lock = Lock(path)
    lock.acquire()
    ((state, text),) = of("database", SENSOR)
    assert (state, f"(process {os.getpid()})" in text) == ("warning", True)
    lock.release()
    assert of("database", SENSOR + "outbox: {path: t.csv/x.db}") == [("failed", "t.csv/x.db: Not a directory")]
    (site / "other").write_text("no database")
    ((state, text),) = of("database", SENSOR + "outbox: {path: other}")
    assert (state, "is no database, and never was one of edge-mask" in text) == ("failed", True)


def test_each_output_has_its_line(site: Path) -> None:
    folder = led(site / "sys", "ACT")
    text = SENSOR + "outputs: [{name: lamp, kind: led, path: ACT}, {name: horn, kind: led, path: none}]\n"
    assert of("output lamp", text) == [("ok", str(folder))]
    ((state, sentence),) = of("output horn", text)
    assert (state, sentence.startswith("not here: ")) == ("warning", True)


RULE = """
gate:
  sql: "SELECT * FROM 'edge-mask/+/visits'"
  ruleDisabled: {disabled}
  actions:
    - edgeMask: {{output: {{line: horn, pulse: 1s}}}}
    - edgeMask: {{output: {{line: lamp, pulse: 1s}}}}
    - edgeMask: {{output: {{line: "${{line}}", pulse: 1s}}}}
    - edgeMask: {{log: {{text: seen}}}}
  errorAction:
    edgeMask: {{snapshot: {{camera: bakc}}}}
"""


def test_a_rule_that_names_what_is_not_configured_is_warned_of(site: Path) -> None:
    (site / "r.yaml").write_text(RULE.format(disabled="false"))
    text = SENSOR + "rules: [r.yaml]\noutputs: [{name: lamp, kind: led, path: ACT}]\n"
    assert of("rules", text) == [
        ("ok", "1 run here, 0 only in AWS or disabled"),
        ("warning", 'the rule gate names the output "horn", which is not configured; there are: lamp'),
        ("warning", 'the rule gate names the camera "bakc", which is not configured; there are: none'),
    ]
    (site / "r.yaml").write_text(RULE.format(disabled="true"))
    assert len(of("rules", text)) == 1


def test_a_pattern_without_a_file_is_warned_of(site: Path) -> None:
    assert of("rules", SENSOR + "rules: ['nix*.yaml']") == [("ok", "none"), ("warning", "no file matches nix*.yaml")]


def test_rules_that_cannot_be_used_are_a_wrong_configuration(site: Path) -> None:
    (site / "r.yaml").write_text("a: {sql: x}\nb: {sql: x}\n")
    with pytest.raises(ConfigurationError):
        of("rules", SENSOR + "rules: [r.yaml]")


def test_a_folder_is_here_though_its_first_file_is_no_picture(site: Path) -> None:
    (site / "pictures").mkdir()
    (site / "pictures" / "a.jpg").write_bytes(b"x")
    packages.write_picture(site / "pictures" / "b.png", packages.picture((64, 48), ((0, 0, 9, 9), (90, 90, 90))))
    found = of("camera c", "cameras: [{name: c, source: 'images:pictures'}]\nmqtt: {transport: none}\n")
    assert found == [("ok", "images:pictures: a picture of 64 x 48")]


@pytest.mark.parametrize(
    ("sensor", "text"),
    [
        ("kind: w1", ": is outside of -55 to 125 C: the value is not used"),
        ("kind: w1, unit: F", ": is outside of -67 to 257 F: the value is not used"),
        ("kind: w1, max: 200", ""),
        ("kind: thermal, min: 50", ": is outside of 50 to 125 C: the value is not used"),
        ("kind: replay, path: t.csv, max: 36", ": is outside of -55 to 36 C: the value is not used"),
        ("kind: replay, path: t.csv", ""),
        ("kind: iio, quantity: humidity, unit: '%'", ": is outside of 0 to 100 %: the value is not used"),
        ("kind: replay, path: t.csv, name: forehead", ": is above gate.fever_above, 30 C: nobody passes"),
        (
            "kind: thermal, name: forehead",
            (
                ": is outside of 25 to 43 C, the warmth of a person (gate.temperature_range): right while nobody stands"
                " there, and such a reading measures nobody"
            ),
        ),
    ],
)
def test_a_reading_that_the_daemon_does_not_use_is_no_sound_sensor(site: Path, sensor: str, text: str) -> None:
    answer = YES.replace("4b 01", "ff 07").format("127937")
    write(site / "sys", {"bus/w1/devices/28-01/w1_slave": answer, "class/thermal/thermal_zone0/temp": "48000"})
    write(site / "sys", {"bus/iio/devices/iio:device0/in_humidityrelative_input": "104000"})
    name = "" if "name:" in sensor else "name: t, "
    gate = "cameras: [{name: c, source: 'images:nowhere'}]\n"
    found = [
        finding
        for finding in findings(
            f"sensors: [{{{name}{sensor}}}, {{name: forehead2, kind: thermal}}]\nmqtt: {{transport: none}}\n"
            + (f"{gate}gate: {{temperature_sensor: forehead, fever_above: 30}}\n" if not name else "")
        )
        if finding.part in ("sensor t", "sensor forehead")
    ]
    assert [(finding.state, finding.text.partition(":")[2]) for finding in found] == [
        ("warning" if text else "ok", text[1:])
    ]


def test_black_pictures_are_no_sound_camera(site: Path) -> None:
    (site / "dark").mkdir()
    for name in ("a", "b"):
        packages.write_picture(site / f"dark/{name}.png", packages.picture((64, 48)))
    text = "cameras: [{name: c, source: 'images:dark'}]\nmqtt: {transport: none}\n"
    ((state, sentence),) = of("camera c", text)
    assert (state, "a picture of 64 x 48, but it is black: nothing is judged" in sentence) == ("warning", True)
    packages.write_picture(site / "dark/c.png", packages.picture((64, 48), ((0, 0, 9, 9), (90, 90, 90))))
    assert of("camera c", text) == [("ok", "images:dark: a picture of 64 x 48")]


IMPOSSIBLE = """
never:
  sql: "SELECT * FROM 'edge-mask/+/visits'"
  actions: [{action}]
"""


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("republish: {topic: a/+}", "the topic 'a/+' contains a wildcard"),
        ("republish: {topic: a/b/c/d/e/f/g/h/i}", "the topic has 8 slashes; at most 7 are allowed"),
        ("republish: {topic: $SYS/x}", "the topic '$SYS/x' is reserved: write $$ for $ to mean it"),
        ("http: {url: 'http://127.0.0.1:99999/x'}", "'http://127.0.0.1:99999/x' is not an http or https address"),
        ("http: {url: 'htp://127.0.0.1/x'}", "'htp://127.0.0.1/x' is not an http or https address"),
        ("http: {url: 'http://127.0.0.1/', headers: [{key: 'a b', value: x}]}", "the header 'a b' cannot be sent"),
    ],
)
def test_an_action_that_never_works_is_warned_of(site: Path, action: str, why: str) -> None:
    (site / "r.yaml").write_text(IMPOSSIBLE.format(action=f"{{{action}}}"))
    states = of("rules", SENSOR + "rules: [r.yaml]\n")
    assert [state for state, _ in states] == ["ok", "warning"]
    assert states[1][1].startswith(f"the rule never: {action.partition(':')[0]} never works: {why}")


@pytest.mark.parametrize(
    ("text", "why"),
    [("FROM 'kf99/topic'", 'nothing is published on "kf99/topic"; there are: edge-mask/'), ("", "it has no FROM")],
)
def test_a_rule_about_a_topic_that_nothing_is_published_on_never_runs(site: Path, text: str, why: str) -> None:
    rule = '  sql: "SELECT * {}"\n  actions: [{{edgeMask: {{log: {{text: x}}}}}}, {{republish: {{topic: {}}}}}]\n'
    (site / "r.yaml").write_text("a:\n" + rule.format(text, "b"))
    states = of("rules", SENSOR + "rules: [r.yaml]\n")
    assert [state for state, _ in states] == ["ok", "warning"]
    assert states[1][1].startswith(f"the rule a never runs: {why}")
    if text:
        renamed = SENSOR + "rules: [r.yaml]\ntopics: {temperature: kf99/topic}\n"
        assert of("rules", renamed) == [("ok", "1 run here, 0 only in AWS or disabled")]


def test_what_a_rule_is_fed_by_another_is_known_unless_a_template_names_the_topic(site: Path) -> None:
    rule = "{}: {{sql: \"SELECT * FROM '{}'\", actions: [{{republish: {{topic: '{}'}}}}]}}\n"
    for topic, count in (("kf99/alarm", 1), ("other", 2), ("kf99/${topic()}", 1)):
        (site / "r.yaml").write_text(
            rule.format("a", "edge-mask/+/visits", topic) + rule.format("b", "kf99/alarm", "nowhere")
        )
        assert len(of("rules", SENSOR + "rules: [r.yaml]\n")) == count


def test_the_servers_that_rules_send_to_are_called_on(site: Path) -> None:
    gone = free_port()
    with WebServer() as server:
        there = server.port
        urls = [f"{{http: {{url: 'http://127.0.0.1:{port}/x'}}}}" for port in (there, gone, there)]
        (site / "r.yaml").write_text(IMPOSSIBLE.format(action=", ".join([*urls, "{http: {url: 'http://${x}/'}}"])))
        found = of("http 127.0.0.1", SENSOR + "rules: [r.yaml]\n")
    assert server.asked == [], "a check posts nothing"
    assert found == [
        ("ok", f"http://127.0.0.1:{there} answers"),
        ("warning", f"not here: http://127.0.0.1:{gone} cannot be reached: Connection refused"),
    ]


def test_the_folder_of_the_pictures_is_looked_at_when_a_rule_keeps_some(site: Path) -> None:
    (site / "r.yaml").write_text(IMPOSSIBLE.format(action="{edgeMask: {snapshot: {camera: c}}}"))
    text = SENSOR + "rules: [r.yaml]\ncameras: [{name: c, source: 'images:none'}]\ndetector: {model: nowhere}\n"
    assert of("snapshots", text) == [("ok", "snapshots will be made at the first picture")]
    assert not (site / "snapshots").exists()
    (site / "snapshots").write_text("")
    assert of("snapshots", text) == [("warning", "snapshots cannot be made: snapshots is not a folder")]
    assert of("snapshots", text + "snapshots: {dir: new/pictures}\n")[0][0] == "ok"
    assert of("snapshots", SENSOR) == []


@pytest.mark.parametrize(
    ("camera", "snapshots", "is_looked_at"),
    [
        ("role: gate", "visits: refused", True),
        ("role: gate", "visits: none, looks: all", False),
        ("role: gate", "visits: none, latest: on", True),
        ("role: cctv", "looks: no_mask, latest: off", True),
        ("role: cctv", "looks: none", True),  # the last picture
        ("role: cctv", "looks: none, latest: off, visits: all", False),
    ],
)
def test_the_folder_is_looked_at_where_visits_looks_or_last_pictures_are_kept(
    site: Path, camera: str, snapshots: str, is_looked_at: bool
) -> None:
    (site / "snapshots").write_text("")
    text = f"cameras: [{{name: c, source: 'images:none', {camera}}}]\ndetector: {{model: nowhere}}\n"
    found = of("snapshots", f"{text}snapshots: {{{snapshots}}}\n")
    assert [state for state, _ in found] == (["warning"] if is_looked_at else [])


def test_a_disk_that_is_full_before_the_bounds_are_reached_is_warned_of(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=3_000_000))
    text = SENSOR + "history: {max_bytes: 1MB}\noutbox: {path: x.db, max_bytes: "
    assert of("database", text + "1MB}\n") == [("ok", "x.db will be made at the first start")]
    _, (state, sentence) = of("database", text + "4MB}\n")
    assert state == "warning"
    assert sentence.startswith(
        ". has 3 MB left, and outbox.max_bytes and history.max_bytes allow 5 MB more: the disk will"
    )


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_stands_in_what_check_prints(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    def fail(*_anything: object) -> None:
        raise RuntimeError("the viewer's hunter2 and s3cret did not do")

    monkeypatch.setenv("PW", "s3cret")
    monkeypatch.setattr("edge_mask.doctor.devices.camera", fail)
    (site / "c.yaml").write_text(
        "cameras: [{name: c, source: 'file:rtsp://u:hunter2@127.0.0.1/x'}]\ndetector: {model: nowhere}\n"
        "mqtt: {transport: none, username: u, password: '${PW}'}\noutbox: {path: 'rtsp://u:letmein@h/x/y.db'}\n"
        + SENSOR.partition("mqtt")[0]
    )
    assert main(["check", "--config", "c.yaml", *form]) == 1
    shown = capsys.readouterr().out
    assert "the viewer's *** and *** did not do" in shown
    assert not [secret for secret in ("hunter2", "s3cret", "letmein") if secret in shown]
    if form:
        assert [json.loads(line)["part"] for line in shown.splitlines()][-1] == "broker"


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [(31, "ok", "30 days from now"), (29, "warning", "28 days from now"), (-1, "failed", "expired on")],
)
def test_the_certificate_is_judged_by_the_days_it_holds(site: Path, days: int, state: str, words: str) -> None:
    papers = Papers(site / "papers")
    paper = papers.issue("mine", begins=-40 * A_DAY, ends=days * A_DAY)
    tls = f"{{ca: {papers.ca}, cert: {paper.cert}, key: {paper.key}}}"
    ((found, text),) = of("certificate", SENSOR.replace("transport: none", f"port: {free_port()}, tls: {tls}"))
    assert found == state
    assert text.startswith(f"{paper.cert} ")
    assert words in text
