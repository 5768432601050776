"""Rules evaluated where the event is recorded: what matches leaves, what fails says so, what is wrong is refused."""

import base64
import json
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.deliver.web_server import Answer, WebServer
from tests.end_to_end.daemon import (
    BARE,
    Daemon,
    edge_mask,
    topic,
    write_config,
    write_model,
    write_readings,
    write_scene,
)

pytestmark = pytest.mark.broker

HOT = """
hot:
  sql: "SELECT temperature, topic() AS source FROM 'kf99/topic' WHERE temperature > 37"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "kf99/alarm", qos: 1}
alarm_of_alarm:
  sql: "SELECT * FROM 'kf99/alarm'"
  actions:
    - republish: {topic: "kf99/alarm/again", qos: 1}
"""


def site(
    folder: Path, port: int, rules: str, readings: Sequence[float] = (36.0, 36.0, 38.5, 36.0), **changes: object
) -> Path:
    (folder / "rules.yaml").write_text(rules)
    recording = write_readings(folder / "t.csv", readings)
    return write_config(
        folder, port, cameras=[],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(recording), "rate": "max", "interval": "0.02s"}],
        topics={"temperature": "kf99/topic", "errors": "kf99/error"}, rules=[str(folder / "rules.yaml")], **changes,
    )  # fmt: skip


def at(received: list[Received], name: str) -> list[Received]:
    return [each for each in received if each.topic == name]


def test_a_rule_republishes_what_matches_and_rules_form_chains(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with Daemon(site(tmp_path, broker.port, HOT), "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: bool(at(got, "kf99/alarm/again")) and len(at(got, "kf99/topic")) == 4)
    assert [e.json() for e in at(heard, "kf99/alarm")] == [{"temperature": 38.5, "source": "kf99/topic"}]
    assert [e.json() for e in at(heard, "kf99/alarm/again")] == [{"temperature": 38.5, "source": "kf99/topic"}]


def test_rules_only_sends_nothing_but_what_a_rule_republishes(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with Daemon(site(tmp_path, broker.port, HOT, forward="rules-only"), "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: bool(at(got, "kf99/alarm/again")))
    assert not at(heard, "kf99/topic")
    assert not at(heard, topic("health"))


def test_what_a_rule_made_while_the_broker_was_away_arrives_later(tmp_path: Path, broker: Mosquitto) -> None:
    broker.stop()
    config = site(tmp_path, broker.port, HOT)
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    broker.start()
    with Subscriber(broker.port) as subscriber, Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
        heard = subscriber.wait_for(lambda got: len(at(got, "kf99/alarm")) == 2)
    assert [e.json()["temperature"] for e in at(heard, "kf99/alarm")] == [38.5, 38.5]


def test_a_rule_that_fails_says_so_once_for_each_message_and_loses_none(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    failing = """
broken:
  sql: "SELECT * FROM 'kf99/topic' WHERE temperature > 38"
  actions:
    - republish: {topic: "kf99/${concat(unit, '#')}", qos: 1}
"""
    with Daemon(site(tmp_path, broker.port, failing), "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: bool(at(got, "kf99/error")))
    (error,) = [e.json() for e in at(heard, "kf99/error")]
    assert error["component"] == "rule broken"
    assert error["code"] == "rule_action"
    assert len(at(heard, "kf99/topic")) == 4


def test_a_wrong_rule_file_is_refused_at_the_start_with_line_and_column(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "hot: {sql: \"SELEC * FROM 'a'\", actions: [{republish: {topic: b}}]}\n")
    ended = edge_mask("run", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert "rules.yaml:1:" in ended.err
    assert "Traceback" not in ended.err


def test_a_rule_file_that_goes_wrong_keeps_the_old_rules_at_sighup(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 4)
    looks = (
        "looks:\n  sql: \"SELECT faces FROM 'edge-mask/+/looks'\"\n  actions: [{republish: {topic: out/%s, qos: 1}}]\n"
    )
    config = site(tmp_path, broker.port, looks % "one")
    camera = {
        "name": "room",
        "source": f"images:{tmp_path / 'scene'}",
        "role": "cctv",
        "loop": True,
        "interval": "0.05s",
    }
    write_config(tmp_path, broker.port, cameras=[camera], rules=[str(tmp_path / "rules.yaml")])
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: bool(at(got, "out/one")))
        (tmp_path / "rules.yaml").write_text("looks: {sql: nonsense, actions: []}\n")
        daemon.send(signal.SIGHUP)
        heard = subscriber.wait_for(lambda got: bool(at(got, topic("errors"))))
        before = len(at(heard, "out/one"))
        subscriber.wait_for(lambda got: len(at(got, "out/one")) > before)
        (tmp_path / "rules.yaml").write_text(looks % "two")
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: bool(at(got, "out/two")))
        assert daemon.stop() == 0


def test_a_rule_posts_to_a_server_that_comes_later_switches_a_lamp_and_keeps_a_picture(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 6)
    lamp = tmp_path / "sys/class/leds/warn"
    lamp.mkdir(parents=True)
    for name, content in (("brightness", "0"), ("max_brightness", "1"), ("trigger", "[none] timer")):
        (lamp / name).write_text(content)
    server = WebServer()
    rules = f"""
refused:
  sql: "SELECT camera, verdict FROM 'edge-mask/+/visits' WHERE ispass = 0"
  actions:
    - http: {{url: "http://127.0.0.1:{server.port}/refused"}}
    - edgeMask: {{output: {{line: lamp, pulse: 30s}}}}
    - edgeMask: {{snapshot: {{camera: "${{camera}}", reason: refused}}}}
"""
    (tmp_path / "rules.yaml").write_text(rules)
    config = write_config(
        tmp_path, None, rules=[str(tmp_path / "rules.yaml")], outputs=[{"name": "lamp", "kind": "led", "path": "warn"}],
        snapshots={"dir": str(tmp_path / "pictures")},
    )  # fmt: skip
    with Daemon(config, environ={"EDGE_MASK_SYSFS": str(tmp_path / "sys")}) as daemon:
        while (lamp / "brightness").read_text().strip() != "1":
            assert daemon.process.poll() is None
        with server:
            (asked,) = server.wait_for(1)
            assert daemon.stop() == 0
    assert json.loads(asked.body) == {"camera": "front", "verdict": "no_pass"}
    assert (lamp / "brightness").read_text().strip() == "0", "lines are off after the stop"
    (picture,) = (tmp_path / "pictures").glob("*-refused.jpg")
    assert "front" in picture.name


def test_a_server_that_refuses_for_good_gives_the_error_action_its_turn(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with WebServer(lambda _asked: Answer(404, b"no such place")) as server:
        rules = f"""
posting:
  sql: "SELECT temperature FROM 'kf99/topic' WHERE temperature > 38"
  actions:
    - http: {{url: "{server.url}/nowhere"}}
  errorAction:
    republish: {{topic: "kf99/failed", qos: 1}}
"""
        with Daemon(site(tmp_path, broker.port, rules), "--until-idle") as daemon:
            assert daemon.wait() == 0
        (error,) = at(subscriber.wait_for(lambda got: bool(at(got, "kf99/failed"))), "kf99/failed")
    assert error.json()["ruleName"] == "posting"
    assert "404" in error.json()["failures"][0]["errorMessage"]
    assert json.loads(base64.b64decode(error.json()["base64OriginalPayload"]))["temperature"] == 38.5


GROWING = ", ".join(f"replace(lpad('', 1000), ' ', lpad('', 1000)) AS a{n}" for n in range(200))
HASHES = ", ".join(f"md2(replace(lpad('', 100), ' ', lpad('', 160))) AS a{n}" for n in range(100))
ENDLESS = {
    "searches": f"regexp_matches('{'a' * 60}!', concat('(a|aa)', '+$')) AS m",
    "repeats": "regexp_matches('a', concat('(a{65535})', '{65535}')) AS m",
    "growing": GROWING,
    "hashes": HASHES,
}
"""Rules of which none can be seen through when it is loaded."""


def test_rules_that_would_take_for_ever_are_set_aside_and_the_daemon_goes_on_and_stops(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    rules = {
        name: {
            "sql": f"SELECT {items} FROM 'kf99/topic'",
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"republish": {"topic": f"out/{name}"}}],
        }
        for name, items in ENDLESS.items()
    }
    config = site(tmp_path, broker.port, json.dumps(rules), readings=[36.0] * 20)
    with Daemon(config) as daemon:
        heard = subscriber.wait_for(
            lambda got: len([e for e in at(got, "kf99/error") if e.json()["code"] == "rule_set_aside"]) == 4, 60
        )
        aside = {e.json()["component"] for e in at(heard, "kf99/error") if e.json()["code"] == "rule_set_aside"}
        assert aside == {f"rule {name}" for name in ENDLESS}
        subscriber.wait_for(lambda got: len(at(got, "kf99/topic")) == 20, 60)
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        assert int(peak) < 512 * 1024
        assert daemon.stop() == 0


def test_a_pattern_that_is_known_to_take_for_ever_is_refused_at_the_start(tmp_path: Path, broker: Mosquitto) -> None:
    sql = "SELECT time_to_epoch('aaaa!', 'zVzVzVzV') AS e FROM 't'"
    rules = f'dates: {{sql: "{sql}", awsIotSqlVersion: "2016-03-23", actions: [{{republish: {{topic: b}}}}]}}\n'
    ended = edge_mask("run", "--config", site(tmp_path, broker.port, rules), cwd=tmp_path)
    assert ended.code == 2
    assert "the zone stands in it more than once" in ended.err
    assert "Traceback" not in ended.err
