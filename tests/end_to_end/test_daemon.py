"""`edge-mask run` with pictures, a thermometer and a real broker: what a subscriber receives, and what survives."""

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    THING,
    Daemon,
    edge_mask,
    lines,
    topic,
    write_config,
    write_model,
    write_readings,
    write_scene,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a model and a scene: a bare face comes, is judged, leaves; a masked one comes."""
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 6 + [None] * 45 + [MASKED] * 6 + [None] * 3)
    return tmp_path


def on(received: list[Received], kind: str) -> list[Received]:
    return [each for each in received if each.topic == topic(kind)]


def test_a_subscriber_receives_visits_looks_temperatures_and_an_alert(
    site: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_config(
        site, broker.port,
        cameras=[
            {"name": "front", "source": f"images:{site / 'scene'}", "role": "gate", "interval": "0.05s"},
            {"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0.05s"},
        ],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(write_readings(site / "t.csv", [36.5] * 50)),
                  "interval": "0.1s"}],
        gate={"votes": 3, "still": "ignore", "temperature_sensor": "forehead"},
    )  # fmt: skip
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: len(on(got, "visits")) >= 2)
    visits = [each.json() for each in on(heard, "visits")]
    assert [(v["verdict"], v["ispass"], v["mask"], v["temperature"]) for v in visits] == [
        ("no_pass", 0, "no_mask", 36.5),
        ("pass", 1, "mask", 36.5),
    ]
    assert [v["reasons"] for v in visits] == [["no_mask"], []]
    looks = [each.json() for each in on(heard, "looks")]
    assert len(looks) == 60
    assert [look["streak"] for look in looks[:7]] == [1, 2, 3, 4, 5, 6, 0]
    (alert,) = [each.json() for each in on(heard, "alerts")]
    assert (alert["kind"], alert["camera"], alert["streak"]) == ("no_mask", "room", 3)
    readings = [each.json() for each in on(heard, "temperature")]
    assert {r["temperature"] for r in readings} == {36.5}
    for kind in ("visits", "looks", "temperature"):
        messages = [each.json() for each in on(heard, kind)]
        assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
        assert {m["thing"] for m in messages} == {"gate-01"}
        assert len({m["id"] for m in messages}) == len(messages)
        assert not any("late" in m or "clock_ok" in m for m in messages)
    assert on(heard, "detections")
    assert on(heard, "health")
    assert [each.json()["state"] for each in on(heard, "status")] == ["online", "offline"]


def test_pictures_looked_at_side_by_side_are_judged_one_after_the_other(
    site: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    colours = [BARE, BARE, None, MASKED, BARE, None, None, BARE, BARE, BARE, None] * 8
    write_scene(site / "long", colours)
    config = write_config(
        site, broker.port,
        cameras=[{"name": "room", "source": f"images:{site / 'long'}", "role": "cctv", "interval": "0s"}],
        detector={"model": str(site / "model"), "threads": 3},
    )  # fmt: skip
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: len(on(got, "looks")) >= len(colours))
    looks = [each.json() for each in on(heard, "looks")]
    assert [look["seq"] for look in looks] == list(range(1, len(colours) + 1))
    assert [look["streak"] for look in looks] == [1, 2, 0, 0, 1, 0, 0, 1, 2, 3, 0] * 8
    assert sorted(looks, key=lambda look: look["ts"]) == looks


def test_every_message_is_what_the_published_schema_says(site: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    with Daemon(write_config(site, broker.port), "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: len(on(got, "visits")) >= 2)
    schema = json.loads(edge_mask("schema", "messages", cwd=site).out)
    for each in heard:
        names = schema["x-topics"][each.topic.replace(THING, "{thing}")]
        found = {"$defs": schema["$defs"], "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
        assert jsonschema.Draft202012Validator(found).is_valid(each.json()), each


def test_a_broker_that_is_absent_at_the_start_receives_everything_later(site: Path, broker: Mosquitto) -> None:
    broker.stop()
    config = write_config(site, broker.port)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    status = json.loads(edge_mask("outbox", "status", "--json", "--config", config, cwd=site).out)
    assert status["pending"] == 3  # two visits, and the errors message that says the broker is away
    broker.start()
    with Subscriber(broker.port) as subscriber, Daemon(config) as daemon:
        heard = subscriber.wait_for(lambda got: len(on(got, "visits")) >= 4)
        assert daemon.stop() == 0
    visits = [each.json() for each in on(heard, "visits")]
    assert [v["seq"] for v in visits] == [1, 2, 3, 4]
    assert [e.json()["code"] for e in on(heard, "errors")] == ["offline"]


def test_a_broker_that_goes_in_the_middle_and_comes_back_misses_nothing(site: Path, tmp_path: Path) -> None:
    write_scene(site / "scene", [BARE] * 8)
    with Mosquitto(tmp_path / "broker") as broker:
        config = write_config(
            site, broker.port,
            cameras=[{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0.02s",
                      "loop": True}],
        )  # fmt: skip
        with Daemon(config) as daemon:
            with Subscriber(broker.port) as subscriber:
                before = [
                    e.json()["seq"] for e in on(subscriber.wait_for(lambda got: len(on(got, "looks")) > 20), "looks")
                ]
            broker.kill()
            broker.start()
            with Subscriber(broker.port) as subscriber:
                last = before[-1] + 100
                heard = subscriber.wait_for(lambda got: any(e.json()["seq"] >= last for e in on(got, "looks")), 30)
                after = [e.json()["seq"] for e in on(heard, "looks")]
            assert daemon.stop() == 0
    # At least once and in order: the numbers after the gap begin where the others ended, or before.
    assert after[0] <= before[-1] + 1 or _was_sent_meanwhile(before, after)
    unique = list(dict.fromkeys(after))
    assert unique == list(range(unique[0], unique[-1] + 1))


def _was_sent_meanwhile(before: list[int], after: list[int]) -> bool:
    """Between the two subscribers nobody listened: what was delivered then was delivered to a broker."""
    return after[0] > before[-1]


def test_sigterm_while_draining_stops_in_time_and_loses_nothing(site: Path, broker: Mosquitto) -> None:
    broker.stop()
    write_scene(site / "scene", [BARE] * 300)
    cameras = [{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0s"}]
    config = write_config(site, broker.port, cameras=cameras)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    slow = yaml.safe_load(config.read_text())
    slow["outbox"]["drain_rate"] = "100/s"
    slow["cameras"] = []
    slow["sensors"] = [{"name": "t", "kind": "replay", "path": str(write_readings(site / "t.csv", [20.0]))}]
    config.write_text(yaml.safe_dump(slow))
    broker.start()
    with Subscriber(broker.port) as subscriber:
        with Daemon(config) as daemon:
            subscriber.wait_for(lambda got: len(on(got, "looks")) >= 20)
            assert daemon.stop() == 0
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0
        heard = subscriber.wait_for(lambda got: len({e.json()["seq"] for e in on(got, "looks")}) >= 300)
    assert list(dict.fromkeys(e.json()["seq"] for e in on(heard, "looks"))) == list(range(1, 301))


def test_kill_minus_nine_of_the_daemon_publishes_the_will_and_loses_nothing_that_was_recorded(
    site: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_config(
        site, broker.port,
        cameras=[{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0.01s",
                  "loop": True}],
    )  # fmt: skip
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: len(on(got, "looks")) >= 30)
        daemon.send(signal.SIGKILL)
        daemon.wait()
    subscriber.wait_for(lambda got: [e.json()["state"] for e in on(got, "status")][-1:] == ["offline"])
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: [e.json()["state"] for e in on(got, "status")][-1:] == ["online"])
        so_far = len(on(subscriber.wait_for(lambda got: True), "looks"))
        heard = subscriber.wait_for(lambda got: len(on(got, "looks")) >= so_far + 30)
        assert daemon.stop() == 0
    seqs = list(dict.fromkeys(e.json()["seq"] for e in on(heard, "looks")))
    assert seqs == list(range(1, len(seqs) + 1))


def test_sighup_takes_a_new_configuration_over_and_a_wrong_one_not(
    site: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    cameras = [
        {"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0.05s", "loop": True}
    ]
    config = write_config(site, broker.port, cameras=cameras)
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: bool(on(got, "looks")))
        right = config.read_text()
        config.write_text(right + "camras: []\n")
        daemon.send(signal.SIGHUP)
        heard = subscriber.wait_for(lambda got: bool(on(got, "errors")))
        assert 'did you mean "cameras"?' in on(heard, "errors")[0].json()["text"]
        cameras[0]["name"] = "hall"
        write_config(site, broker.port, cameras=cameras)
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: any(e.json()["camera"] == "hall" for e in on(got, "looks")))
        assert daemon.stop() == 0


def test_a_reload_that_is_refused_leaves_the_log_as_it_was_and_one_that_is_taken_changes_it(
    site: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    def config(**changes: Any) -> Path:
        cameras = [{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "loop": True}]
        return write_config(site, broker.port, **{"cameras": cameras, **changes})

    quiet = {"level": "error", "format": "console"}
    with Daemon(config()) as daemon:
        subscriber.wait_for(lambda got: bool(on(got, "looks")))
        config(log=quiet, detector={"model": "nowhere"})
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: any("nowhere" in each.json()["text"] for each in on(got, "errors")))
        # The fault is told before the old house is back; `is gate-01` is what it says then.
        while daemon.stderr.count(f"is {THING}: cameras") < 2:
            time.sleep(0.05)
        config(
            log=quiet, cameras=[{"name": "hall", "source": f"images:{site / 'scene'}", "role": "cctv", "loop": True}]
        )
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: any(each.json()["camera"] == "hall" for each in on(got, "looks")))
        assert daemon.stop() == 0
        assert daemon.stderr.count(f"is {THING}: cameras") == 2
        assert "stopped" not in daemon.stderr


def test_a_second_daemon_on_the_same_database_is_refused(site: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    config = write_config(
        site, broker.port,
        cameras=[{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "loop": True}],
    )  # fmt: skip
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: bool(on(got, "looks")))
        second = edge_mask("run", "--config", config, cwd=site)
        assert second.code == 4
        assert f"in use by another edge-mask daemon (process {daemon.process.pid})" in second.err
        assert "Traceback" not in second.err
        assert daemon.stop() == 0


def test_topics_can_be_renamed_one_by_one(site: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    config = write_config(
        site, broker.port,
        sensors=[{"name": "forehead", "kind": "replay", "path": str(write_readings(site / "t.csv", [31.0] * 3)),
                  "interval": "0.1s"}],
        topics={"temperature": "kf99/topic", "errors": "kf99/error"},
    )  # fmt: skip
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: any(e.topic == "kf99/topic" for e in got))
    assert next(e for e in heard if e.topic == "kf99/topic").json()["temperature"] == 31.0


def test_without_transport_everything_stays_on_the_device(site: Path) -> None:
    config = write_config(site, None)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    history = lines(edge_mask("history", "--json", "--config", config, cwd=site).out)
    assert [v["verdict"] for v in history] == ["no_pass", "pass"]
    status = json.loads(edge_mask("outbox", "status", "--json", "--config", config, cwd=site).out)
    assert status["pending"] == 0


def test_max_seconds_stops_it_cleanly(site: Path) -> None:
    config = write_config(
        site, None, cameras=[{"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "loop": True}]
    )
    with Daemon(config, "--max-seconds", "2") as daemon:
        assert daemon.wait() == 0


def test_sigterm_while_a_camera_hangs_stops_in_time(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
        port = silent.getsockname()[1]
        cameras = [
            {"name": "hung", "source": f"rtsp://127.0.0.1:{port}/x", "role": "cctv"},
            {"name": "front", "source": f"images:{site / 'scene'}", "role": "gate", "interval": "0.05s"},
        ]
        config = write_config(site, None, cameras=cameras)
        with Daemon(config) as daemon:
            connection, _ = silent.accept()
            with connection:
                assert daemon.stop() == 0


def test_sigterm_in_the_middle_of_the_start_stops_cleanly(site: Path) -> None:
    with Daemon(write_config(site, None)) as daemon:
        status = Path(f"/proc/{daemon.process.pid}/status")
        while not _catches(status.read_text(), signal.SIGTERM):
            assert daemon.process.poll() is None
        assert daemon.stop() == 0  # the model is not even loaded yet
    assert "Traceback" not in daemon.stderr


def _catches(status: str, number: signal.Signals) -> bool:
    (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(mask, 16) >> (number - 1) & 1)
