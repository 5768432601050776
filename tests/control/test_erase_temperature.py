"""Erasing a visitor with a fever, through the installed command: nothing tells temperature or verdict any more."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber, free_port
from tests.control.asker import Asker
from tests.control.conftest import wait_until_online
from tests.control.test_erase import on_disk, visits, waiting
from tests.end_to_end.daemon import (
    MASKED,
    Daemon,
    edge_mask,
    topic,
    write_config,
    write_model,
    write_readings,
    write_scene,
)
from tests.waiting import until

FEVER = 38.77
RULE = """
door:
  sql: "SELECT verdict AS state.reported.last, temperature AS state.reported.how_warm FROM 'edge-mask/gate-01/visits'"
  actions: [{republish: {topic: "$$aws/things/door/shadow/update"}}]
"""


def write_gate(folder: Path, port: int | None, **more: Any) -> Path:
    """One with a fever; a rule tells the door's shadow. The air of the room is nobody's."""
    write_scene(folder / "scene", [MASKED] * 12 + [None] * 10)
    write_model(folder)
    write_readings(folder / "fever.csv", [FEVER] * 4)
    write_readings(folder / "air.csv", [51.5] * 4)
    (folder / "rules.yaml").write_text(RULE)
    return write_config(
        folder,
        port,
        sensors=[
            {"name": "forehead", "kind": "replay", "path": str(folder / "fever.csv"), "loop": True},
            {"name": "air", "kind": "replay", "path": str(folder / "air.csv"), "quantity": "humidity", "unit": "%",
             "loop": True},
        ],
        gate={"votes": 3, "still": "ignore", "temperature_sensor": "forehead"},
        rules=[str(folder / "rules.yaml")],
        snapshots={"dir": str(folder / "snapshots")},
        **more,
    )  # fmt: skip


def reported(config: Path, *more: str) -> Any:
    ended = edge_mask("shadow", *more, "--json", "--config", config, cwd=config.parent)
    return json.loads(ended.out)["state"].get("reported", {}) if ended.out else {}


def readings(config: Path) -> set[str]:
    with closing(sqlite3.connect(config.parent / "edge-mask.db")) as connection:
        return {sensor for (sensor,) in connection.execute("SELECT sensor FROM readings")}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    config = write_gate(tmp_path, free_port())
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    assert [visit["reasons"] for visit in visits(config)] == [["fever"]]
    shadow = reported(config)
    assert shadow["cameras"]["front"]["visit"]["temperature"] == shadow["highest"]["temperature"] == FEVER
    assert shadow["alert"]["kind"] == "fever"
    assert reported(config, "--thing", "door")["how_warm"] == FEVER
    assert on_disk(tmp_path, str(FEVER))
    return config


@pytest.mark.parametrize("which", ["before", "visit"])
def test_by_hand_neither_file_nor_shadow_nor_what_waits_tells_the_temperature(recorded: Path, which: str) -> None:
    words = ("--before", "2999-01-01") if which == "before" else ("--visit", visits(recorded)[0]["id"])
    ended = edge_mask("erase", *words, "--json", "--config", recorded, cwd=recorded.parent)
    assert json.loads(ended.out)["readings"] >= 3
    shadow = reported(recorded)
    assert (shadow["cameras"], shadow["highest"]) == ({"front": {}}, {"humidity": 51.5})
    assert (shadow["sensors"]["forehead"], "alert" in shadow) == ({}, False)
    assert shadow["sensors"]["air"]["humidity"] == 51.5
    assert reported(recorded, "--thing", "door") == {}
    assert readings(recorded) == {"air"}
    assert not on_disk(recorded.parent, str(FEVER))
    left = {each["topic"] for each in waiting(recorded)}
    assert left.isdisjoint({topic("visits"), topic("alerts"), topic("temperature"), "$aws/things/door/shadow/update"})
    assert (topic("humidity") in left) == (which == "visit")


@pytest.mark.broker
def test_by_hand_beside_a_running_daemon_the_erased_does_not_come_back_from_its_memory(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = write_gate(tmp_path, broker.port)
    with Subscriber(broker.port) as heard, Daemon(config) as daemon:
        heard.wait_for_count(topic("visits"), 1)
        wait_until_online(broker.port)
        ended = edge_mask("erase", "--before", "2999-01-01", "--config", config, cwd=tmp_path)
        assert ended.code == 0
        before = len(heard.on(topic("humidity")))
        until(lambda: len(heard.on(topic("humidity"))) > before + 1)
        assert daemon.stop() == 0
    shadow = reported(config)
    assert (shadow["cameras"], "alert" in shadow) == ({"front": {}}, False)
    assert not on_disk(tmp_path, "no_pass")


@pytest.mark.broker
def test_the_command_takes_out_the_highest_temperature_too(tmp_path: Path, broker: Mosquitto) -> None:
    config = write_gate(tmp_path, broker.port)
    (tmp_path / "fever.csv").write_text(f"seconds,value\n0.0,{FEVER}\n0.1,{FEVER}\n0.5,{FEVER}\n6.0,36.1\n900.0,36.1\n")
    with Subscriber(broker.port) as heard, Daemon(config) as daemon, Asker(broker.port) as asker:
        wait_until_online(broker.port)
        heard.wait_for_count(topic("visits"), 1)
        until(lambda: heard.on(topic("temperature"))[-1].json()["temperature"] == 36.1)
        assert asker.ask("erase", {"before": "2999-01-01"})["ok"]
        assert daemon.stop() == 0
    shadow = reported(config)
    assert "highest" not in shadow["sensors"]["forehead"]
    assert "temperature" not in shadow["highest"]
    assert not on_disk(tmp_path, str(FEVER))
