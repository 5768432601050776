"""Erasing what is kept of people, by a command and by hand: afterwards nothing of them is on the device."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber, free_port
from tests.control.asker import Asker
from tests.control.conftest import wait_until_online
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    Daemon,
    edge_mask,
    lines,
    topic,
    write_config,
    write_model,
    write_scene,
)

SCENE = [MASKED] * 8 + [None] * 40 + [BARE] * 8 + [None] * 20
RULE = """
all_visits:
  sql: "SELECT * FROM 'edge-mask/gate-01/visits'"
  actions: [{republish: {topic: copies, qos: 1}}, {edgeMask: {snapshot: {camera: front, reason: visit}}}]
"""


def write_gate(folder: Path, port: int | None, **more: Any) -> Path:
    """A gate that two people pass; a rule copies each visit and keeps a picture."""
    write_scene(folder / "scene", SCENE)
    write_model(folder)
    (folder / "rules.yaml").write_text(RULE)
    return write_config(
        folder, port, rules=[str(folder / "rules.yaml")], snapshots={"dir": str(folder / "snapshots")}, **more
    )


def visits(config: Path) -> list[Any]:
    ended = edge_mask("history", "--json", "--config", config, cwd=config.parent)
    return [row for row in lines(ended.out) if "verdict" in row]


def waiting(config: Path) -> list[Any]:
    return lines(edge_mask("outbox", "list", "--json", "--config", config, cwd=config.parent).out)


def on_disk(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.glob("edge-mask.db*"))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """What two people leave on a device whose broker is away."""
    config = write_gate(tmp_path, free_port())
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    assert len(visits(config)) == 2
    return config


def test_one_visit_is_erased_and_then_everything_before_a_time(recorded: Path) -> None:
    pictures = recorded.parent / "snapshots"
    first, second = sorted(visit["id"] for visit in visits(recorded))
    assert on_disk(recorded.parent, first)
    ended = edge_mask("erase", "--visit", first, "--json", "--config", recorded, cwd=recorded.parent)
    counts = json.loads(ended.out)
    assert (counts["visits"], counts["messages"]) == (1, 2), "the visit, and the copy that a rule has made"
    assert [visit["id"] for visit in visits(recorded)] == [second]
    assert not on_disk(recorded.parent, first)
    assert on_disk(recorded.parent, second)
    again = edge_mask("erase", "--visit", first, "--config", recorded, cwd=recorded.parent)
    assert (again.code, "there is no such visit" in again.err) == (1, True)
    assert list(pictures.glob("*.jpg"))
    ended = edge_mask("erase", "--before", "2999-01-01", "--config", recorded, cwd=recorded.parent)
    assert ended.code == 0
    assert ended.out.startswith("erased 1 visit, 0 looks, 0 alerts, ")
    assert (visits(recorded), waiting(recorded), list(pictures.glob("*.jpg"))) == ([], [], [])
    assert not on_disk(recorded.parent, second)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--visit", "nobody"), 4, "there is no such database"),
        ((), 2, "--before --visit is required"),
        (("--before", "2026", "--visit", "x"), 2, "is not a time|not allowed with"),
        (("--before", "yesterday"), 2, "is not a time"),
    ],
)
def test_what_cannot_be_erased_is_a_sentence(tmp_path: Path, words: tuple[str, ...], code: int, sentence: str) -> None:
    ended = edge_mask("erase", *words, "--config", write_gate(tmp_path, None), cwd=tmp_path)
    assert ended.code == code
    assert any(part in ended.err.replace("arguments ", "") for part in sentence.split("|")), ended


@pytest.mark.broker
def test_a_command_erases_what_is_kept_and_what_the_shadow_shows(tmp_path: Path, broker: Mosquitto) -> None:
    config = write_gate(tmp_path, broker.port)
    with Subscriber(broker.port) as heard, Daemon(config) as daemon:
        wait_until_online(broker.port)
        heard.wait_for_count(topic("visits"), 2)
        with Asker(broker.port) as asker:
            [first, second] = [each.json()["id"] for each in heard.on(topic("visits"))]
            one = asker.ask("erase", {"visit": first})
            assert (one["ok"], one["counts"]["visits"]) == (True, 1)
            everything = asker.ask("erase", {"before": "2999-01-01"})
            assert everything["counts"]["visits"] == 1
            assert asker.refused("erase", {"visit": first})[0] == "failed"
            assert asker.refused("erase", {})[0] == "bad_request"
            assert asker.refused("erase", {"before": "soon"}) == (
                "bad_request", 'before: found "soon"; allowed: a time such as 2026-11-20T09:30:00Z, or a date',
            )  # fmt: skip
        assert daemon.stop() == 0
    assert not on_disk(tmp_path, first)
    assert not on_disk(tmp_path, second)
    shadow = edge_mask("shadow", "--config", config, cwd=tmp_path)
    assert "verdict" not in shadow.out


@pytest.mark.broker
def test_what_was_erased_while_the_broker_was_away_is_never_sent(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        config = write_gate(tmp_path, broker.port)
        broker.stop()
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0
        assert edge_mask("erase", "--before", "2999-01-01", "--config", config, cwd=tmp_path).code == 0
        shutil.rmtree(tmp_path / "scene")
        write_scene(tmp_path / "scene", [None])
        broker.start()
        with Subscriber(broker.port) as heard:
            with Daemon(config, "--until-idle") as daemon:
                assert daemon.wait() == 0
            assert [each for each in heard.messages if each.topic in (topic("visits"), "copies")] == []
