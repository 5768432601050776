"""Who went through, through the installed command: a topic as the passage sensor, a recording, kill -9 and SIGTERM."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Received, Subscriber
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
from tests.waiting import until

BEAM: dict[str, Any] = {
    "name": "beam",
    "kind": "mqtt",
    "topic": "door/beam",
    "quantity": "passage",
    "availability": "door/beam/availability",
}
COPY = """
copies:
  sql: "SELECT id, passed_through FROM 'edge-mask/gate-01/visits'"
  actions: [{republish: {topic: copies, qos: 1}}]
"""


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "edge-mask.db")) as connection:
        return connection.execute(query).fetchall()


def held(folder: Path) -> list[str]:
    try:
        return [row[0] for row in rows(folder, "SELECT id FROM held")]
    except sqlite3.OperationalError:  # not there yet
        return []


def camera(folder: Path, **more: Any) -> dict[str, Any]:
    return {"name": "front", "source": f"images:{folder / 'scene'}", "role": "gate", "interval": "0.05s", **more}


def ends(received: list[Received]) -> list[bool | None]:
    return [each.json()["passed_through"] for each in received if each.topic == topic("visits")]


def documented() -> dict[str, Any]:
    """The alert in docs/passage.md."""
    page = (Path(__file__).parents[2] / "docs" / "passage.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    found: dict[str, Any] = json.loads(example)
    return found


def shape(message: dict[str, Any]) -> dict[str, Any]:
    """What each such message has in common: times and ids are another one's each time."""
    moment = re.sub(r"\d", "0", message["ts"])
    picture = re.sub(r"\d", "0", message["snapshot"])
    return {**message, "id": len(message["id"]), "ts": moment, "snapshot": picture}


def tailgaters(received: list[Received]) -> list[Any]:
    return [each.json() for each in received if each.topic == topic("alerts")]


def test_a_topic_tells_who_went_through_who_did_not_and_when_nobody_knows(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [None] * 20 + [MASKED] * 8 + [None] * 30)
    config = write_config(
        tmp_path, broker.port, cameras=[camera(tmp_path, loop=True)], sensors=[BEAM],
        gate={"votes": 3, "passage_sensor": "beam", "passage_window": "1s", "still": "ignore"},
    )  # fmt: skip
    with Daemon(config) as daemon:
        first = until(lambda: held(tmp_path))
        assert ends(subscriber.messages) == []
        subscriber.publish("door/beam", b"1")  # its first word: a topic tells of changes
        subscriber.publish("door/beam", b"0")
        got = subscriber.wait_for(lambda got: ends(got) == [True])
        assert next(each.json()["id"] for each in got if each.topic == topic("visits")) == first[0]
        subscriber.wait_for(lambda got: False in ends(got))
        subscriber.publish("door/beam/availability", b"offline")
        subscriber.wait_for(lambda got: None in ends(got))
        assert tailgaters(subscriber.messages) == []
        assert daemon.stop() == 0
    seqs = [each.json()["seq"] for each in subscriber.on(topic("visits"))]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_passage_without_a_verdict_and_a_second_one_on_a_verdict_are_alerts(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [None] * 40 + [MASKED] * 8)
    config = write_config(
        tmp_path, broker.port, cameras=[camera(tmp_path)], sensors=[BEAM],
        gate={"votes": 3, "passage_sensor": "beam", "passage_window": "30s", "still": "ignore"},
    )  # fmt: skip
    subscriber.publish("door/beam", b"1")
    with Daemon(config) as daemon:
        subscriber.wait_for_count(topic("status"), 1)
        until(lambda: held(tmp_path))
        for _ in range(2):
            for value in (b"1", b"0"):
                subscriber.publish("door/beam", value)
                count = len(subscriber.on(topic("passage")))
                subscriber.wait_for_count(topic("passage"), count + 1)
        got = subscriber.wait_for(lambda got: bool(tailgaters(got)))
        (alert,) = tailgaters(got)
        assert shape(alert) == shape(documented()), "the page shows what is sent"
        assert "front-tailgating" in alert["snapshot"]
        until(lambda: (tmp_path / "snapshots" / alert["snapshot"]).exists())
        assert daemon.stop() == 0
    assert ends(subscriber.messages) == [True]


def test_killed_while_a_visit_is_held_it_is_a_visit_after_the_start_once_and_of_unknown_end(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [None] * 5 + [MASKED] * 8)
    (tmp_path / "rules.yaml").write_text(COPY)
    changes: dict[str, Any] = {
        "sensors": [{**BEAM, "name": "beam"}],
        "gate": {"votes": 3, "passage_sensor": "beam", "passage_window": "60s", "still": "ignore"},
        "rules": [str(tmp_path / "rules.yaml")],
    }
    config = write_config(tmp_path, broker.port, cameras=[camera(tmp_path)], **changes)
    with Daemon(config) as daemon:
        (visit,) = until(lambda: held(tmp_path))
        daemon.process.kill()
        daemon.wait()
    assert rows(tmp_path, "SELECT count(*) FROM visits") == [(0,)]
    config = write_config(tmp_path, broker.port, cameras=[], **{**changes, "gate": {}})  # nobody else comes
    with Daemon(config) as daemon:
        got = subscriber.wait_for(lambda got: any(each.topic == "copies" for each in got))
        assert [each.json() for each in got if each.topic == "copies"] == [{"id": visit, "passed_through": None}]
        assert daemon.stop() == 0
    (told,) = subscriber.on(topic("visits"))
    assert (told.json()["id"], told.json()["seq"], told.json()["passed_through"]) == (visit, 1, None)
    assert held(tmp_path) == []


def test_a_stop_settles_what_is_held_at_once(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 8)
    (tmp_path / "beam.csv").write_text("seconds,value\n0,0\n")
    beam = {"name": "beam", "kind": "replay", "path": str(tmp_path / "beam.csv"), "quantity": "passage"}
    config = write_config(
        tmp_path, None, cameras=[camera(tmp_path)], sensors=[beam],
        gate={"votes": 3, "passage_sensor": "beam", "passage_window": "60s"},
    )  # fmt: skip
    with Daemon(config) as daemon:
        (visit,) = until(lambda: held(tmp_path))
        assert daemon.stop() == 0
    (told,) = lines(edge_mask("history", "--json", "--config", config, cwd=tmp_path).out)
    assert (told["id"], told["verdict"], told["passed_through"]) == (visit, "no_pass", None)
    assert held(tmp_path) == []


def test_a_recording_tells_who_goes_through_and_the_daemon_is_not_idle_before(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED] * 6)
    (tmp_path / "beam.csv").write_text("seconds,value\n0,0\n3,1\n3.2,0\n")
    beam = {"name": "beam", "kind": "replay", "path": str(tmp_path / "beam.csv"), "quantity": "passage"}
    config = write_config(
        tmp_path, None, cameras=[camera(tmp_path)], sensors=[beam],
        gate={"votes": 3, "passage_sensor": "beam", "passage_window": "10s", "still": "ignore"},
    )  # fmt: skip
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    (told,) = lines(edge_mask("history", "--json", "--config", config, cwd=tmp_path).out)
    assert (told["verdict"], told["passed_through"]) == ("pass", True)


@pytest.mark.parametrize(
    ("sensor", "sentence"),
    [
        ({"name": "cpu", "kind": "thermal"}, '"beam"; allowed: nothing, as no sensor of a state is configured'),
        ({"name": "beam", "kind": "thermal"}, '"beam" is of kind thermal; allowed: a sensor of kind gpio, mqtt or'),
        ({**BEAM, "quantity": "humidity", "unit": "%"}, '"beam" tells of humidity; allowed: a sensor of passage, con'),
    ],
)
def test_what_sees_nobody_go_through_is_no_passage_sensor(tmp_path: Path, sensor: Any, sentence: str) -> None:
    write_model(tmp_path)
    config = write_config(tmp_path, 1883, sensors=[sensor], gate={"passage_sensor": "beam"})
    ended = edge_mask("check", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert f"gate.passage_sensor: {sentence}" in ended.err or sentence in ended.err, ended
