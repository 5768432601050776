"""Second looks through the installed command and a real broker: what leaves, what is said, kept, erased."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import (
    MASKED,
    Daemon,
    edge_mask,
    lines,
    topic,
    write_config,
    write_model,
    write_scene,
)
from tests.fleet.responder import Asked, Reply, Responder, seen
from tests.waiting import until

from edge_mask.errors import Refused
from edge_mask.fleet.frames.answer import read_answer

NARROW, NARROW_BARE = (0, 0, 90), (0, 90, 0)
"""Dark squares: the tiny model is sure of them by 0.62, just inside of the band."""
VISITORS = [*[NARROW] * 8, *[None] * 40]


def write_gate(folder: Path, port: int, scene: list[Any] | None = None, **changes: Any) -> Path:
    """A gate where visits are narrow; one visitor after the other, unless `loop` is taken out."""
    write_model(folder)
    write_scene(folder / "scene", VISITORS if scene is None else scene)
    second = {"to": "analyser-01", **changes.pop("second_look", {})}
    camera = {
        "name": "front", "source": f"images:{folder / 'scene'}", "role": "gate", "interval": "0.05s",
        "loop": changes.pop("loop", True),
    }  # fmt: skip
    given = {"cameras": [camera], "privacy": {"second_look": True}, "fleet": {"second_look": second}, **changes}
    return write_config(folder, port, **given)


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "edge-mask.db")) as connection:
        return connection.execute(query).fetchall()


def history(config: Path) -> dict[str, Any]:
    done = edge_mask("history", "--json", "--config", config, cwd=config.parent)
    return {row["id"]: row for row in lines(done.out)}


def test_a_narrow_visit_is_looked_at_again_and_what_that_says_is_sent_kept_and_shown(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, second_look={"timeout": "20s"})
    says = iter(["no_mask", "mask"])
    with (
        Responder(broker.port, lambda _: [seen(label) for label in [next(says, None)] if label]) as analyser,
        Daemon(config) as daemon,
    ):
        changed, agreed = (each.json() for each in subscriber.wait_for_count(topic("amendments"), 2)[:2])
        visits = {each.json()["id"]: each.json() for each in subscriber.on(topic("visits"))}
        order = [m.topic for m in subscriber.messages if m.topic in (topic("visits"), topic("amendments"))]
        daemon.stop()

    # what left: the face, and nothing that tells of anything else
    asked = analyser.asked[0]
    assert (asked.topic, asked.qos, asked.content_type) == ("edge-mask/analyser-01/commands/infer", 0, "image/jpeg")
    assert asked.response_topic.startswith("edge-mask/gate-01/")
    assert asked.expiry == 1
    assert asked.properties.keys() == {"camera", "frame", "ts", "purpose"}
    assert (asked.properties["camera"], asked.properties["purpose"]) == ("front", "second_look")
    assert len(asked.payload) <= 120_000
    assert b"Exif" not in asked.payload
    picture = cv2.imdecode(np.frombuffer(asked.payload, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[:2] < (480, 640)

    # what was said
    visit = visits[changed["amends"]]
    assert order[0] == topic("visits")
    assert (visit["verdict"], changed["was"], changed["verdict"], changed["ispass"]) == ("pass", "pass", "no_pass", 0)
    assert (changed["mask"], changed["mask_score"], changed["reasons"]) == ("no_mask", 0.97, ["no_mask"])
    assert (changed["by"], changed["model"], changed["camera"]) == ("analyser-01", "large 2.0.0", "front")
    assert changed["delay_ms"] > 0
    assert (agreed["was"], agreed["verdict"]) == ("pass", "pass")

    # what is kept
    kept = history(config)
    assert (kept[changed["amends"]]["amended"], kept[agreed["amends"]]["amended"]) == (True, False)
    assert kept[changed["amends"]]["verdict"] == "pass"
    csv = edge_mask("history", "--csv", "--config", config, cwd=tmp_path).out
    assert csv.splitlines()[0].endswith(",amended")
    shown = edge_mask("history", "--config", config, cwd=tmp_path)
    assert [line.split()[0] for line in shown.out.splitlines() if "a second look says otherwise" in line] == [
        changed["amends"]
    ]
    shown = edge_mask("replay", changed["amends"], "--config", config, cwd=tmp_path)
    assert shown.code == 0, shown
    assert "second look: analyser-01 (large 2.0.0)" in shown.out
    told = json.loads(edge_mask("replay", changed["amends"], "--json", "--config", config, cwd=tmp_path).out)
    assert [each["verdict"] for each in told["second_looks"]] == ["no_pass"]

    # what is erased
    assert edge_mask("erase", "--visit", changed["amends"], "--config", config, cwd=tmp_path).code == 0
    assert rows(tmp_path, "SELECT amends FROM amendments") == [(agreed["amends"],)]


def test_a_visit_that_was_decided_clearly_is_not_asked_about(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    scene = [*[MASKED] * 8, *[None] * 40, *[NARROW] * 8, *[None] * 40]
    config = write_gate(tmp_path, broker.port, scene, loop=False)
    with Responder(broker.port, lambda _: [seen("mask")]) as analyser, Daemon(config) as daemon:
        (amendment, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=40)
        daemon.stop()
    clear, narrow = (each.json() for each in subscriber.on(topic("visits")))
    assert clear["mask_score"] > 0.9
    assert amendment.json()["amends"] == narrow["id"]
    assert len({each.correlation for each in analyser.asked}) == 1


IMPORTED = """
import sys
from edge_mask.cli import main
main(sys.argv[1:])
rooms = ("edge_mask.fleet", "edge_mask.app.fleet", "edge_mask.app.peers")
print([name for name in sys.modules if name.startswith(rooms)])
"""


def test_without_the_setting_nothing_of_it_is_imported_and_no_visit_is_asked_about(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, fleet=None, privacy={}, loop=False)
    words = [sys.executable, "-c", IMPORTED, "run", "--until-idle", "--config", str(config)]
    with Responder(broker.port, lambda _: ()) as analyser:
        ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        (first,) = subscriber.wait_for_count(topic("visits"), 1)
    assert ran.stdout == "[]\n"
    assert analyser.asked == []
    assert history(config)[first.json()["id"]]["amended"] is None


HOSTILE = [
    b'{"ok": true, "by": "analyser-01", "model": "\xff", "faces": []}',
    b'{"ok": true, "by": "analyser-01", "faces": [{"label": "mask", "score": NaN, "box": {"x":1,"y":1,"w":9,"h":9}}]}',
    b'{"ok": true, "by": "analyser-01", "faces": "' + b"x" * 10_000_000 + b'"}',
    b"",
    b"not JSON",
    b"[]" * 10,
    b'{"ok": true',
    b'{"ok": true, "by": "analyser-01", "model": "a\\u001b[31m", "faces": []}',
    b'{"ok": true, "by": "analyser-01", "model": "a\\u0000", "faces": []}',
    b'{"ok": true, "by": "analyser-01", "faces": [{"label": "fever", "score": 1, "box": {"x":1,"y":1,"w":9,"h":9}}]}',
    b'{"ok": true, "by": "analyser-01", "faces": [{"label": "mask", "score": 1, "box": {"x":-9e9,"y":1,"w":9,"h":9}}]}',
    b"[" * 50_000,
    b'{"ok": true, "by": "analyser-01", "faces": ['
    + b",".join([b'{"label": "mask", "score": 0.9, "box": {"x":1,"y":1,"w":9,"h":9}}'] * 2000)
    + b"]}",
]


@pytest.mark.parametrize("payload", HOSTILE, ids=[repr(each[:70]) for each in HOSTILE])
def test_a_hostile_answer_is_refused_with_a_sentence(payload: bytes) -> None:
    with pytest.raises(Refused, match=r"it takes|it is no answer|a face|a name"):
        read_answer(payload, 480, 480)


def test_hostile_answers_change_nothing_and_an_analyser_that_gives_them_is_left_alone(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, second_look={"timeout": "20s"})
    hostile = iter(HOSTILE)
    with Responder(broker.port, lambda _: [Reply(next(hostile))]) as analyser, Daemon(config) as daemon:
        subscriber.wait_for_count(topic("errors"), 1, timeout=40)
        subscriber.wait_for_count(topic("visits"), len(analyser.asked) + 2, timeout=40)
        assert daemon.process.poll() is None
        daemon.stop()
    (told,) = [each.json() for each in subscriber.on(topic("errors"))]
    assert (told["component"], told["code"]) == ("second look", "unreadable")
    assert "visits stay as they were decided" in told["text"]
    assert len(analyser.asked) == 3, "it is left alone after three failures in a row"
    assert subscriber.on(topic("amendments")) == []
    assert "Traceback" not in daemon.stderr


def test_an_erased_visit_is_not_amended_by_an_answer_that_comes_later(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, second_look={"timeout": "30s"})
    waiting: list[Asked] = []

    def answer(asked: Asked) -> Iterable[Reply]:
        if not waiting:
            waiting.append(asked)
            return ()
        return [seen("no_mask")] if asked.correlation != waiting[0].correlation else ()

    with Responder(broker.port, answer) as analyser, Daemon(config) as daemon:
        first = subscriber.wait_for_count(topic("visits"), 1)[0].json()["id"]
        until(lambda: waiting)
        done = edge_mask("erase", "--visit", first, "--config", config, cwd=tmp_path)
        assert done.code == 0, done
        analyser.say(waiting[0], seen("no_mask"))
        (later, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=40)
        daemon.stop()
    assert later.json()["amends"] != first
    assert all(each.json()["amends"] != first for each in subscriber.on(topic("amendments")))
    assert rows(tmp_path, f"SELECT 1 FROM amendments WHERE amends = '{first}'") == []


def test_a_kill_while_an_answer_is_waited_for_leaves_nothing_wrong_and_loses_no_amendment(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, second_look={"timeout": "30s"})
    says = iter(["no_mask"])
    with Responder(broker.port, lambda _: [seen(label) for label in [next(says, None)] if label]) as analyser:
        with Daemon(config) as daemon:
            until(lambda: len({each.correlation for each in analyser.asked}) > 1)  # the second one waits
            daemon.send(signal.SIGKILL)
            daemon.wait()
        analyser.answer = lambda _: [seen("mask")]
        with Daemon(config) as daemon:
            until(lambda: len({each.json()["id"] for each in subscriber.on(topic("amendments"))}) > 1)
            daemon.stop()
    kept = rows(tmp_path, "SELECT id, amends FROM amendments ORDER BY wall")
    sent = {each.json()["id"]: each.json()["amends"] for each in subscriber.on(topic("amendments"))}
    assert sent == dict(kept)
    assert len(set(sent.values())) == len(sent), "no visit is amended twice"
    marked = rows(tmp_path, "SELECT id FROM visits WHERE amended IS NOT NULL")
    assert {row[0] for row in marked} == set(sent.values())


def test_a_visit_that_waits_for_its_passage_is_asked_about_when_it_is_said(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    beam = {"name": "beam", "kind": "mqtt", "topic": "door/beam", "quantity": "passage"}
    gate = {"votes": 3, "still": "ignore", "passage_sensor": "beam", "passage_window": "1s"}
    scene = [*[NARROW] * 8, *[None] * 20]
    config = write_gate(tmp_path, broker.port, scene, sensors=[beam], gate=gate, second_look={"timeout": "20s"})
    with Responder(broker.port, lambda _: [seen("no_mask")]), Daemon(config) as daemon:
        (first, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=40)
        daemon.stop()
    visits = [each.json()["id"] for each in subscriber.on(topic("visits"))]
    assert first.json()["amends"] == visits[0]
    places = [each.topic for each in subscriber.messages if each.topic in (topic("visits"), topic("amendments"))]
    assert places[:1] == [topic("visits")]


def test_answers_of_others_to_other_questions_and_twice_are_passed_over(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_gate(tmp_path, broker.port, second_look={"timeout": "20s"})

    def answer(asked: Asked) -> Iterable[Reply]:
        return [
            seen("incorrect", by="somebody-else"),
            Reply(seen("incorrect").payload, correlation=b"x" * 16),
            Reply(seen("incorrect").payload, retain=True, correlation=b"y" * 16),
            seen("no_mask"),
            seen("mask"),
        ]

    with Responder(broker.port, answer), Daemon(config) as daemon:
        subscriber.wait_for_count(topic("amendments"), 3, timeout=40)
        daemon.stop()
    amendments = [each.json() for each in subscriber.on(topic("amendments"))]
    assert {each["mask"] for each in amendments} == {"no_mask"}
    assert len({each["amends"] for each in amendments}) == len(amendments)


def test_somebody_with_a_fever_never_passes_by_a_second_look(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    (tmp_path / "hot.csv").write_text("seconds,value\n" + "".join(f"{n * 0.1:.1f},38.6\n" for n in range(600)))
    hot = {"name": "forehead", "kind": "replay", "path": str(tmp_path / "hot.csv"), "quantity": "temperature"}
    gate = {"votes": 3, "still": "ignore", "temperature_sensor": "forehead"}
    scene = [*[NARROW_BARE] * 8, *[None] * 30]
    config = write_gate(tmp_path, broker.port, scene, sensors=[hot], gate=gate, second_look={"timeout": "20s"})
    with Responder(broker.port, lambda _: [seen("mask")]), Daemon(config) as daemon:
        (first, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=40)
        daemon.stop()
    visit = next(each.json() for each in subscriber.on(topic("visits")))
    assert visit["reasons"] == ["no_mask", "fever"]
    assert (first.json()["verdict"], first.json()["reasons"]) == ("no_pass", ["fever"])
