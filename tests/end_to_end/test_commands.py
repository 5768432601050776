"""What a person types: sentences and exit codes, never a traceback."""

import argparse
import csv
import io
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from tests.broker import Mosquitto
from tests.end_to_end.daemon import (
    BARE,
    COMMAND,
    MASKED,
    Daemon,
    edge_mask,
    lines,
    write_config,
    write_model,
    write_readings,
    write_scene,
)
from tests.waiting import until

from edge_mask import cli

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "run",
    "demo",
    "check",
    "detect",
    "rules",
    "outbox",
    "history",
    "replay",
    "stats",
    "shadow",
    "model",
    "aws",
    "bench",
    "schema",
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 4 + [None] * 45 + [MASKED] * 4)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    ended = edge_mask(command, "--help", cwd=tmp_path)
    assert ended.code == 0
    assert "usage: edge-mask" in ended.out


def test_the_command_names_its_version(tmp_path: Path) -> None:
    assert edge_mask("--version", cwd=tmp_path).out.startswith("edge-mask 0.")


def test_wrong_usage_is_exit_2(tmp_path: Path) -> None:
    for words in ([], ["runn"], ["run"], ["run", "--config", "x.yaml", "--max-seconds", "-1"]):
        assert edge_mask(*words, cwd=tmp_path).code == 2


def test_an_output_that_is_full_is_a_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, "schema", "config"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == "edge-mask: No space left on device\n"


def test_what_nobody_expected_is_a_sentence_without_secrets_and_exit_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_arguments: object) -> int:
        raise ArithmeticError("rtsp://u:hunter2@camera")

    found = argparse.ArgumentParser()
    found.set_defaults(function=fail)
    monkeypatch.setattr(cli, "parser", lambda: found)
    assert cli.main([]) == 70
    said = capsys.readouterr().err
    assert said.startswith("edge-mask: an internal fault: ArithmeticError: rtsp://***@camera (test_commands.py line ")


def test_a_file_whose_name_is_not_utf8_does_not_keep_the_next_from_being_looked_at(site: Path) -> None:
    name = site / os.fsdecode(b"caf\xe9.png")
    name.write_bytes(b"x")
    good = site / "scene" / "0000.png"
    ended = subprocess.run(
        [COMMAND, "detect", "--model", site / "model", name, good], capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    assert ended.returncode == 1
    assert rb"caf\udce9.png" in ended.stderr
    assert b"0000.png: no_mask" in ended.stdout


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("camras: []\n", 'config.yaml:1: camras: unknown key; did you mean "cameras"?'),
        ("cameras:\n  - {name: a, source: usb:0}\nmqtt:\n  port: abc\n", "config.yaml:4: mqtt.port:"),
        ("cameras:\n  - {name: a, source: usb:0, interval: 3 parsecs}\n", "config.yaml:2: cameras[0].interval:"),
        ("cameras:\n  - {name: a, source: usb:0}\nmqtt: {tls: {ca: /no/such.pem}}\n", "config.yaml:3: mqtt.tls.ca:"),
        ("cameras: [{name: a, source: 'usb:0'}]\nrules: [no-such-rules.yaml]\n", "no-such-rules.yaml"),
        ("cameras: [\n", "config.yaml:"),
        ("cameras: [{name: a, source: '${CAMERA_OF_NOBODY}'}]\n", "CAMERA_OF_NOBODY"),
    ],
    ids=["unknown key", "wrong type", "bad unit", "unreadable certificate", "missing rules", "broken YAML", "variable"],
)
def test_a_wrong_configuration_is_a_sentence_with_file_line_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    for command in ("run", "check"):
        ended = edge_mask(command, "--config", "config.yaml", cwd=tmp_path)
        assert ended.code == 2, ended
        assert sentence in ended.err
        assert "Traceback" not in ended.err


@pytest.mark.parametrize("damage", ["missing", "truncated", "wrong shape", "no card"])
def test_a_model_that_cannot_be_trusted_is_exit_3(site: Path, damage: str) -> None:
    config = write_config(site, None)
    graph, card = site / "model/model.tflite", site / "model/model.yaml"
    match damage:
        case "missing":
            graph.unlink()
        case "truncated":
            graph.write_bytes(graph.read_bytes()[:700])
        case "wrong shape":
            content = yaml.safe_load(card.read_text())
            content["input"]["size"] = [96, 96]
            card.write_text(yaml.safe_dump(content))
        case _:
            card.unlink()
    ended = edge_mask("run", "--config", config, cwd=site)
    assert ended.code == 3, ended
    assert ended.err.startswith("model: ")
    assert "Traceback" not in ended.err
    checked = edge_mask("check", "--config", config, cwd=site)
    assert checked.code == 1
    assert "model                  failed" in checked.out


def test_a_database_that_cannot_be_opened_is_exit_4(site: Path) -> None:
    config = write_config(site, None, outbox={"path": str(site / "scene")})
    ended = edge_mask("run", "--config", config, cwd=site)
    assert ended.code == 4
    assert ended.err.startswith("database: ")
    assert "Traceback" not in ended.err


def test_a_camera_that_is_not_there_does_not_keep_the_daemon_from_running(site: Path) -> None:
    cameras = [
        {"name": "gone", "source": f"images:{site / 'nowhere'}", "role": "cctv"},
        {"name": "cut", "source": f"file:{site / 'model/model.yaml'}", "role": "cctv"},
        {"name": "front", "source": f"images:{site / 'scene'}", "role": "gate", "interval": "0.05s"},
    ]
    config = write_config(site, None, cameras=cameras)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    assert len(lines(edge_mask("history", "--json", "--config", config, cwd=site).out)) == 2
    with closing(sqlite3.connect(site / "edge-mask.db")) as database:
        faults = database.execute("SELECT component, count(*) FROM faults GROUP BY component").fetchall()
    assert dict(faults) == {"camera gone": 1, "camera cut": 1}


def test_a_folder_with_a_text_file_named_jpg_and_an_empty_one_is_looked_at_all_the_same(site: Path) -> None:
    (site / "scene/0002a.jpg").write_text("not a picture")
    (site / "scene/0002b.jpg").write_bytes(b"")
    config = write_config(site, None)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    history = lines(edge_mask("history", "--json", "--config", config, cwd=site).out)
    assert [v["verdict"] for v in history] == ["no_pass", "pass"]


@pytest.mark.parametrize(
    "content",
    ["seconds,value\n0,NaN\n", "seconds,value\n0,warm\n", ""],
    ids=["NaN", "text", "empty"],
)
def test_a_sensor_that_talks_nonsense_takes_nobody_down(site: Path, content: str) -> None:
    (site / "t.csv").write_text(content)
    sensor = {"name": "forehead", "kind": "replay", "path": str(site / "t.csv"), "rate": "max"}
    config = write_config(
        site, None, sensors=[sensor], gate={"votes": 3, "still": "ignore", "temperature_sensor": "forehead"}
    )
    with Daemon(config) as daemon:
        until(lambda: "temperature_missing" in edge_mask("history", "--config", config, "--csv", cwd=site).out)
        assert daemon.stop() == 0


@pytest.mark.broker
def test_check_says_of_every_part_how_it_is(site: Path, broker: Mosquitto) -> None:
    sensor = {"name": "forehead", "kind": "replay", "path": str(write_readings(site / "t.csv", [36.5]))}
    config = write_config(site, broker.port, sensors=[sensor])
    ended = edge_mask("check", "--config", config, cwd=site)
    assert ended.code == 0, ended
    findings = lines(edge_mask("check", "--json", "--config", config, cwd=site).out)
    assert {f["part"]: f["state"] for f in findings} == {
        "clock": "ok", "rules": "ok", "model": "ok", "camera front": "ok", "sensor forehead": "ok",
        "database": "ok", "snapshots": "ok", "broker": "ok", "broker keeps": "ok",
    }  # fmt: skip
    broker.stop()
    ended = edge_mask("check", "--config", config, cwd=site)
    assert ended.code == 1
    assert "broker                 failed   not here:" in ended.out


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_the_example_configurations_pass_but_for_what_is_not_here(example: str, tmp_path: Path) -> None:
    for needed in ("config", "models"):
        (tmp_path / needed).symlink_to(ROOT / needed)
    for extra in ("src", "samples"):
        if (ROOT / extra).exists():
            (tmp_path / extra).symlink_to(ROOT / extra)
    ended = edge_mask("check", "--json", "--config", f"config/{example}", cwd=tmp_path, timeout=120)
    assert ended.code in (0, 1), ended
    for finding in lines(ended.out):
        if finding["state"] == "failed":
            assert finding["part"].split()[0] in ("camera", "broker", "sink"), finding
            assert finding["text"].startswith("not here: "), finding


def test_history_and_stats_tell_what_happened(site: Path) -> None:
    config = write_config(site, None, device={"thing_name": "gate-01", "timezone": "Asia/Seoul"})
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    history = lines(edge_mask("history", "--json", "--config", config, cwd=site).out)
    assert [v["ispass"] for v in history] == [0, 1]
    assert all(v["visited"].endswith("+09:00") for v in history)
    on_the_wall = history[1]["visited"].removesuffix("+09:00")  # without a zone: the site's, as it is shown
    later = edge_mask("history", "--json", "--since", on_the_wall, "--config", config, cwd=site)
    assert [v["ispass"] for v in lines(later.out)] == [1]
    table = list(csv.DictReader(io.StringIO(edge_mask("history", "--csv", "--config", config, cwd=site).out)))
    assert [row["verdict"] for row in table] == ["no_pass", "pass"]
    assert "refused" in edge_mask("history", "--config", config, cwd=site).out
    assert edge_mask("history", "--until", "2020-01-01", "--json", "--config", config, cwd=site).out == ""
    stats = json.loads(edge_mask("stats", "--json", "--config", config, cwd=site).out)
    assert (stats["judged"], stats["passed"], stats["refused"]) == (2, 1, 1)
    assert sum(hour["passed"] + hour["refused"] for hour in stats["by_hour"]) == 2


@pytest.mark.broker
def test_the_outbox_can_be_listed_exported_purged_and_repaired(site: Path, broker: Mosquitto) -> None:
    broker.stop()
    config = write_config(site, broker.port)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    listed = lines(edge_mask("outbox", "list", "--json", "--config", config, cwd=site).out)
    assert {row["topic"].rpartition("/")[2] for row in listed} == {"visits", "errors"}
    exported = lines(edge_mask("outbox", "export", "--config", config, cwd=site).out)
    assert [row["payload"]["verdict"] for row in exported if "verdict" in row["payload"]] == ["no_pass", "pass"]
    assert edge_mask("outbox", "purge", "--config", config, cwd=site).code == 2
    assert edge_mask("outbox", "purge", "--yes", "--config", config, cwd=site).out.startswith("deleted 3 ")
    status = json.loads(edge_mask("outbox", "status", "--json", "--config", config, cwd=site).out)
    assert status == {
        "pending": 0, "bytes": 0, "oldest_s": 0.0, "refused": 0, "dropped": {"age": 0, "space": 0, "refused": 0},
    }  # fmt: skip
    assert "is sound" in edge_mask("outbox", "repair", "--config", config, cwd=site).out


def test_a_secret_never_stands_in_a_log(site: Path) -> None:
    cameras = [{"name": "far", "source": "rtsp://viewer:s3cr3t-pass@127.0.0.1:9/stream", "role": "cctv"}]
    config = write_config(site, None, cameras=cameras, log={"format": "json", "level": "debug"})
    with Daemon(config, "--max-seconds", "3") as daemon:
        assert daemon.wait() == 0
    assert "s3cr3t-pass" not in daemon.stderr
    assert "127.0.0.1:9/stream" in daemon.stderr
    for line in daemon.stderr.splitlines():
        json.loads(line)
    assert b"s3cr3t-pass" not in (site / "edge-mask.db").read_bytes()


@pytest.mark.parametrize(
    "command",
    [["detect", ""], ["detect", "scene", "--draw", ""], ["detect", "scene", "--model", ""], ["bench", "--model", ""],
     ["model", "verify", ""], ["check", "--config", ""]],
)  # fmt: skip
def test_an_empty_name_as_of_a_variable_that_is_not_set_is_wrong_usage(site: Path, command: list[str]) -> None:
    ended = edge_mask(*command, cwd=site)
    assert ended.code == 2
    assert "the name is empty" in ended.err
    assert not list(site.glob("*.jpg"))


def test_one_file_of_a_package_can_be_measured(site: Path) -> None:
    file = ROOT / "models" / "mask-detector" / "model.int8.tflite"
    ended = edge_mask("bench", "--quick", "--json", "--model", str(file), cwd=site)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["model"]["file"] == "model.int8.tflite"
