"""`get_thing_shadow` in the daemon: what rules write and what the device reports of itself is what rules read."""

import json
from pathlib import Path

import pytest
import yaml
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, edge_mask, write_config, write_readings

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


def test_a_shadow_that_is_not_kept_is_said(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, [36.0])
    run(config)
    shown = edge_mask("shadow", "--config", str(config), "--thing", "nobody", cwd=config.parent)
    assert (shown.code, shown.out) == (1, "")
    assert "no shadow of nobody" in shown.err
    listed = edge_mask("shadow", "--config", str(config), "--list", cwd=config.parent)
    assert listed.out.split() == [yaml.safe_load(config.read_text())["device"]["thing_name"]]
