"""A package that cannot be loaded: everything else goes on, and the daemon restores what looked."""

import signal
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.control.test_models import write
from tests.end_to_end.daemon import (
    BARE,
    Daemon,
    edge_mask,
    lines,
    topic,
    write_config,
    write_readings,
    write_scene,
)
from tests.waiting import until

from edge_mask.packages.store import Store

pytestmark = pytest.mark.broker
PATIENCE = 60.0
"""Seconds: the machine may be busy."""


def site(folder: Path, port: int | None, *versions: str, **changes: Any) -> Path:
    """A looping camera and a sensor; the packages tiny of these versions, the last of which is `current`."""
    store = Store(folder / "models")
    for version in versions:
        store.install(write(folder / f"made-{version}", version))
        store.activate(f"tiny-{version}")
    scene = write_scene(folder / "scene", [BARE, BARE, BARE, None])
    camera = {"name": "front", "source": f"images:{scene}", "loop": True, "interval": "0.05s"}
    readings = write_readings(folder / "t.csv", [36.5])
    sensor = {"name": "hall", "kind": "replay", "path": str(readings), "loop": True}
    keys: dict[str, Any] = {
        "cameras": [camera],
        "detector": {"model": str(folder / "models" / "current"), "threads": 1},
        "sensors": [sensor],
        "health": {"interval": "1s"},
        "detections": "all",
        "snapshots": {"dir": str(folder / "snapshots")},
    }
    return write_config(folder, port, **{**keys, **changes})


def break_(folder: Path, version: str) -> None:
    (folder / "models" / f"tiny-{version}" / "model.tflite").write_bytes(b"a bad sector")


def models_seen(heard: Subscriber) -> list[str]:
    return [each.json()["model"] for each in heard.on(topic("detections"))]


def test_a_model_broken_at_start_leaves_sensors_health_and_commands_running(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0")
    break_(tmp_path, "1.0")
    with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
        heard.wait_for_count(topic("temperature"), 1, PATIENCE)
        (fault,) = heard.wait_for_count(topic("errors"), 1, PATIENCE)
        assert (fault.json()["component"], fault.json()["code"]) == ("model", "package_broken")
        assert "its sha256 is" in fault.json()["text"]
        health = heard.wait_for_count(topic("health"), 2, PATIENCE)[-1].json()
        assert health["cameras"]["front"]["state"] in ("ok", "opening")
        heard.publish(topic("commands/status"), b"{}")
        told = heard.wait_for_count(topic("commands/status/response"), 1, PATIENCE)[0].json()
        assert next(part for part in told["parts"] if part["part"] == "model")["state"] == "failed"
        until(lambda: "cannot be restored yet" in daemon.stderr)
        assert daemon.stop() == 0
    assert not heard.on(topic("detections"))
    assert daemon.stderr.count("nothing is looked at") == 1


def test_a_model_broken_at_start_is_restored_from_the_one_before(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0", "1.1")
    break_(tmp_path, "1.1")
    with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
        heard.wait_for_count(topic("detections"), 1, PATIENCE)
        assert set(models_seen(heard)) == {"tiny 1.0"}
        faults = [each.json()["code"] for each in heard.on(topic("errors")) if each.json()["component"] == "model"]
        assert faults == ["package_broken"]
        until(lambda: "model: back after" in daemon.stderr)
        assert daemon.stop() == 0
    assert (tmp_path / "models" / "current").readlink() == Path("tiny-1.0")


def test_a_model_broken_while_it_looks_is_restored_when_the_configuration_is_read_again(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = site(tmp_path, broker.port, "1.0", "1.1")
    with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
        heard.wait_for(lambda _all: "tiny 1.1" in models_seen(heard), PATIENCE)
        break_(tmp_path, "1.1")
        daemon.send(signal.SIGHUP)
        heard.wait_for(lambda _all: "tiny 1.0" in models_seen(heard), PATIENCE)
        assert daemon.stop() == 0


def test_a_broken_model_that_is_installed_again_looks_again(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0")
    break_(tmp_path, "1.0")
    with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
        until(lambda: "cannot be restored yet" in daemon.stderr)
        where = ("--models", tmp_path / "models")
        assert edge_mask("model", "install", tmp_path / "made-1.0", *where, cwd=tmp_path).out.startswith("repaired")
        heard.wait_for_count(topic("detections"), 1, PATIENCE)
        assert daemon.stop() == 0


def test_a_name_under_which_nothing_ever_stood_is_exit_3(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, detector={"model": str(tmp_path / "modles" / "current")})
    ended = edge_mask("run", "--config", config, cwd=tmp_path, timeout=110)
    assert ended.code == 3, ended
    assert "no such model package" in ended.err


def test_a_run_that_is_to_end_by_itself_does_not_wait_for_a_model(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0")
    break_(tmp_path, "1.0")
    assert edge_mask("run", "--config", config, "--until-idle", cwd=tmp_path, timeout=110).code == 3


def test_check_says_what_is_broken(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0")
    break_(tmp_path, "1.0")
    checked = edge_mask("check", "--config", config, "--json", cwd=tmp_path, timeout=110)
    assert checked.code == 1
    assert [each["state"] for each in lines(checked.out) if each["part"] == "model"] == ["failed"]
