"""The doctor: one bad part is one finding, and the rest is examined all the same."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.act.trees import led
from tests.detect import packages

from edge_mask import doctor
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
        f'outbox: {{path: "{name}"}}\nmqtt: {{transport: none}}\ndetector: {{model: nowhere}}'
    )
    states = {finding.part: finding.state for finding in found if finding.part != "clock"}
    assert states == {
        "rules": "ok", "model": "failed", "camera c": "failed", "sensor t": "failed", "database": "failed",
        "broker": "ok",
    }  # fmt: skip
    assert all(finding.text.isprintable() for finding in found)


@pytest.mark.parametrize(
    ("part", "function", "state"),
    [
        ("rules", "_rules", "failed"), ("model", "_model", "failed"), ("camera c", "_camera", "failed"),
        ("sensor t", "_sensor", "warning"), ("output lamp", "_output", "warning"), ("database", "_database", "failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "/dev/x"), RuntimeError("boom")])
def test_whatever_an_examination_raises_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, part: str, function: str, state: str, error: Exception
) -> None:
    def fail(*_anything: object) -> None:
        raise error

    text = SENSOR + "cameras: [{name: c, source: 'images:none'}]\noutputs: [{name: lamp, kind: led, path: ACT}]\n"
    monkeypatch.setattr(doctor, function, fail)
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
    ((state, text),) = of("database", SENSOR + "outbox: {path: t.csv}")
    assert (state, "is no database, and never was one of edge-mask" in text) == ("failed", True)


def test_each_output_has_its_line(site: Path) -> None:
    folder = led(site / "sys", "ACT")
    text = SENSOR + "outputs: [{name: lamp, kind: led, path: ACT}, {name: horn, kind: led, path: none}]\n"
    assert of("output lamp", text) == [("ok", str(folder))]
    ((state, sentence),) = of("output horn", text)
    assert (state, sentence.startswith("not here: ")) == ("warning", True)


RULE = """
gate:
  sql: "SELECT * FROM 'a/b'"
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
    packages.write_picture(site / "pictures" / "b.png", packages.picture((64, 48)))
    found = of("camera c", "cameras: [{name: c, source: 'images:pictures'}]\nmqtt: {transport: none}\n")
    assert found == [("ok", "images:pictures: a picture of 64 x 48")]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_stands_in_what_check_prints(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    def fail(*_anything: object) -> None:
        raise RuntimeError("the viewer's hunter2 and s3cret did not do")

    monkeypatch.setenv("PW", "s3cret")
    monkeypatch.setattr(doctor, "_camera", fail)
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
