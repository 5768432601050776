"""`get_thing_shadow` in the daemon: what rules write and what the device reports of itself is what rules read."""

import json
from pathlib import Path

import pytest
import yaml
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, Ended, edge_mask, write_config, write_readings

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.shadow import ShadowTopic

pytestmark = pytest.mark.broker

RULES = """
arm:
  sql: "SELECT true AS state.reported.armed FROM 'site/temperature' WHERE temperature > 40"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "$$aws/things/door/shadow/name/alarm/update", qos: 1}
ring:
  sql: >-
    SELECT temperature FROM 'site/temperature'
    WHERE get_thing_shadow("door", "alarm", "role").state.reported.armed = true
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "site/ring", qos: 1}
warmer:
  sql: >-
    SELECT temperature, get_thing_shadow(clientid(), "role").state.reported.sensors.forehead.temperature AS before
    FROM 'site/temperature'
    WHERE temperature > get_thing_shadow(clientid(), "role").state.reported.sensors.forehead.temperature
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "site/warmer", qos: 1}
"""


def site(folder: Path, port: int, values: list[float], rules: str = RULES) -> Path:
    (folder / "rules.yaml").write_text(rules)
    readings = write_readings(folder / "t.csv", values)
    return write_config(
        folder, port, cameras=[],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(readings), "rate": "max", "interval": "0.02s"}],
        topics={"temperature": "site/temperature", "errors": "site/errors"}, rules=[str(folder / "rules.yaml")],
    )  # fmt: skip


def run(config: Path) -> None:
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0


def heard(subscriber: Subscriber, topic: str, count: int) -> list[dict[str, object]]:
    got = subscriber.wait_for(lambda all_: sum(each.topic == topic for each in all_) >= count)
    return [each.json() for each in got if each.topic == topic]


def test_a_rule_reads_the_shadow_that_a_rule_wrote_also_after_a_restart(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    run(site(tmp_path, broker.port, [36.0, 41.0, 36.5]))
    assert heard(subscriber, "site/ring", 1)[-1] == {"temperature": 36.5}
    config = site(tmp_path, broker.port, [36.7])
    run(config)
    assert heard(subscriber, "site/ring", 2)[-1] == {"temperature": 36.7}
    shown = edge_mask("shadow", "--config", str(config), "--thing", "door", "--name", "alarm", cwd=config.parent)
    assert json.loads(shown.out)["state"] == {"reported": {"armed": True}}


def test_a_rule_compares_with_what_the_device_reported_before(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = site(tmp_path, broker.port, [36.0, 36.4, 36.2, 37.0])
    run(config)
    assert heard(subscriber, "site/warmer", 2) == [
        {"temperature": 36.4, "before": 36.0}, {"temperature": 37.0, "before": 36.2},
    ]  # fmt: skip
    state = json.loads(edge_mask("shadow", "--config", str(config), "--json", cwd=config.parent).out)["state"][
        "reported"
    ]
    assert state["sensors"]["forehead"]["highest"] == 37.0
    assert state["uploaded_at"].endswith("Z")


def test_a_shadow_that_a_rule_cannot_write_is_told_as_an_error(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    rules = RULES.replace("AS state.reported.armed", "AS state.repotred.armed").split("ring:")[0]
    run(site(tmp_path, broker.port, [41.0], rules))
    errors = heard(subscriber, "site/errors", 1)
    assert (errors[0]["component"], errors[0]["code"]) == ("shadow", "update_refused")
    assert "repotred" in str(errors[0]["text"])


def test_a_shadow_that_is_refused_time_and_again_is_told_once_until_it_takes_one(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write = "SELECT CASE temperature > 40 WHEN true THEN 'no' ELSE {'warm': 1} END AS state.reported FROM"
    rules = RULES.split("ring:", maxsplit=1)[0].replace("SELECT true AS state.reported.armed FROM", write)
    rules = rules.replace(" WHERE temperature > 40", "")
    run(site(tmp_path, broker.port, [41.0, 42.0, 43.0, 36.0, 44.0, 45.0], rules))
    got = subscriber.wait_for(lambda all_: sum(each.topic == "site/temperature" for each in all_) >= 6)
    assert sum(each.topic == "site/errors" for each in got) == 2


def test_a_shadow_that_is_not_kept_is_said(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, [36.0])
    run(config)
    shown = edge_mask("shadow", "--config", str(config), "--thing", "nobody", cwd=config.parent)
    assert (shown.code, shown.out) == (1, "")
    assert "no shadow of nobody" in shown.err
    listed = edge_mask("shadow", "--config", str(config), "--list", cwd=config.parent)
    assert listed.out.split() == [yaml.safe_load(config.read_text())["device"]["thing_name"]]


def test_the_command_shows_every_digit_and_every_text(tmp_path: Path) -> None:
    config = write_config(tmp_path, None)
    ledger = Ledger(tmp_path / "edge-mask.db", Bounds(), "boot")
    ledger.open()
    reported = b'{"n": 0.1234567890123456789, "big": 1e5000, "half": "\\ud800", "k": "\xea\xb0\x80", "e": {}}'
    ledger.shadows.apply(ShadowTopic("gate-01", None, "update"), b'{"state": {"reported": %s}}' % reported, 1)
    ledger.close()
    for more in ([], ["--json"]):
        shown = edge_mask("shadow", "--config", config, *more, cwd=tmp_path)
        assert shown.code == 0, shown
        assert [part in shown.out for part in ("0.1234567890123456789", "1E+5000", "\\ud800", "\uac00")] == [True] * 4
    assert edge_mask("shadow", "--config", config, "--list", "--json", cwd=tmp_path).out == '["gate-01"]\n'


def test_the_command_says_that_there_is_no_database_yet(tmp_path: Path) -> None:
    shown = edge_mask("shadow", "--config", write_config(tmp_path, None), cwd=tmp_path)
    assert (shown.code, "no such database yet" in shown.err) == (4, True)


def evaluated(folder: Path, shadows: str, value: str) -> Ended:
    (folder / "p.json").write_text("{}")
    (folder / "s.json").write_text(shadows)
    arguments = ("--topic", "t", "--payload", "p.json", "--shadow", "s.json", "--sql", f"SELECT {value} AS x FROM 't'")
    return edge_mask("rules", "eval", *arguments, cwd=folder)


@pytest.mark.parametrize(
    ("value", "out"),
    [
        ("get_thing_shadow('g', 'r').n / 2", '{"x":3}'),
        ("get_thing_shadow('g', 'r').d", '{"x":0.1234567890123456789}'),
        ("get_thing_shadow('g', 'lamp', 'r').on", '{"x":true}'),
        ("get_thing_shadow('g/lamp', 'r').on", "{}"),
    ],
)
def test_eval_reads_a_file_of_shadows_as_the_daemon_reads_them(tmp_path: Path, value: str, out: str) -> None:
    shadows = '{"g": {"n": 7.0, "d": 0.1234567890123456789}, "g/lamp": {"on": true}}'
    assert evaluated(tmp_path, shadows, value).out.strip() == out


@pytest.mark.parametrize("shadows", ['{"g": NaN}', '{"g":' + "[" * 5000 + "]" * 5000 + "}", "", "[]"])
def test_eval_says_what_is_wrong_with_a_file_of_shadows(tmp_path: Path, shadows: str) -> None:
    ended = evaluated(tmp_path, shadows, "get_thing_shadow('g', 'r')")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("s.json: ")
