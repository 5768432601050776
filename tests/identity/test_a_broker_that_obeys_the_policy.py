"""The daemon over aws-iot against a mosquitto whose access list is the printed policy: nothing it does is denied."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.broker import HOST, Mosquitto, Subscriber, free_port
from tests.control.cloud_service import CloudService
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    THING,
    Daemon,
    edge_mask,
    topic,
    write_config,
    write_model,
    write_readings,
    write_scene,
)
from tests.identity.judge import ACCOUNT, REGION, Judge
from tests.papers import Papers

pytestmark = pytest.mark.broker

OUTSIDE = {"username": "outside", "password": "out"}
RULES = """
hot:
  sql: "SELECT *, topic() AS source FROM 'kf99/topic' WHERE temperature > 37"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "kf99/alarm/${sensor}", qos: 1, retain: true}
refused:
  sql: "SELECT * FROM 'edge-mask/+/visits' WHERE verdict = 'no_pass'"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - republish: {topic: "edge-mask/${topic(2)}/refused/${camera}/${mask}", qos: 1}
    - republish: {topic: "$$aws/things/${thing}/shadow/name/last/update", qos: 1}
"""


OWN = ("visits", "looks", "alerts", "detections", "health", "status", "errors")


def site(folder: Path) -> Path:
    """A gate and a room, a thermometer, rules with known and unknown destinations; over aws-iot."""
    papers = Papers(folder / "papers")
    write_model(folder)
    write_scene(folder / "scene", [BARE] * 8 + [None] * 40 + [MASKED] * 8)
    readings = write_readings(folder / "t.csv", [36.0, 38.5, 36.5])
    (folder / "rules.yaml").write_text(RULES)
    camera = {"source": f"images:{folder / 'scene'}", "interval": "0.05s"}
    return write_config(
        folder, None,
        cameras=[{"name": "front", "role": "gate", **camera}, {"name": "hall", "role": "cctv", **camera}],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(readings)}],
        topics={"temperature": "kf99/topic"},
        rules=[str(folder / "rules.yaml")],
        health={"interval": "1s"},
        mqtt={
            "transport": "aws-iot", "host": HOST, "port": 8883,
            "tls": {"ca": str(papers.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)},
        },
    )  # fmt: skip


def policies_of(config: Path, *options: str) -> list[Any]:
    where = ("--account", ACCOUNT, "--region", REGION, *options)
    made = edge_mask("aws", "policy", "--config", config, *where, cwd=config.parent)
    assert made.code == 0, made
    return list(json.loads(made.out).values())


def access_list(policies: Sequence[Any]) -> str:
    """The policies for the device, which has no user name here; another user may do everything."""
    lines = []
    for document in policies:
        for statement in document["Statement"]:
            rights = {"iot:Publish": "write", "iot:Receive": "read"}
            for right in (rights[action] for action in statement["Action"] if action in rights):
                names = [arn.partition(":topic/")[2] for arn in statement["Resource"]]
                lines += [f"topic {right} {re.sub(r'[*]$', '#', name).replace('*', '+')}" for name in names]
    return "\n".join([*lines, f"user {OUTSIDE['username']}", "topic readwrite #", "topic readwrite $aws/#", ""])


@contextmanager
def obeying(config: Path, policies: Sequence[Any]) -> Iterator[tuple[Mosquitto, Subscriber, CloudService]]:
    """A broker with a door for certificates, which the configuration is pointed at, and one for everybody else."""
    folder = config.parent
    papers, outside = Papers(folder / "papers"), free_port()
    options = ("allow_anonymous true", "log_type debug", "log_type subscribe", f"listener {outside} {HOST}")
    users = {OUTSIDE["username"]: OUTSIDE["password"]}
    with Mosquitto(
        folder / "broker", tls=papers.server, users=users, acl=access_list(policies), options=options
    ) as broker:
        written = yaml.safe_load(config.read_text())
        tls = {"ca": str(papers.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)}
        config.write_text(yaml.safe_dump({**written, "mqtt": {**written["mqtt"], "port": broker.port, "tls": tls}}))
        with Subscriber(outside, **OUTSIDE) as subscriber, CloudService(outside, THING, **OUTSIDE) as cloud:
            yield broker, subscriber, cloud


def resources(policies: Sequence[Any], action: str) -> list[str]:
    statements = [each for document in policies for each in document["Statement"] if action in each["Action"]]
    return [arn for statement in statements for arn in statement["Resource"]]


def done(log: Sequence[str], what: str) -> set[tuple[str, bool]]:
    """Topics of the packets that the broker's log names, and whether they are retained."""
    found = (re.search(rf"{what} \(d\d, q\d, r(\d), m\d+, '([^']+)'", line) for line in log)
    return {(match[2], match[1] == "1") for match in found if match}


def test_nothing_that_the_daemon_does_is_denied_and_nothing_is_granted_in_vain(tmp_path: Path) -> None:
    config = site(tmp_path)
    policies = policies_of(config)
    judge = Judge(policies)
    with obeying(config, policies) as (broker, outside, cloud):
        cloud.desire({"config": {"health": {"interval": "2s"}}})
        cloud.create_job("j-1", {"operation": "reload"})
        with Daemon(config) as daemon:
            cloud.wait_for(lambda cloud: cloud.wishes.reported.get("config") == {"health": {"interval": "2s"}})
            assert cloud.wait_for_job("j-1")["status"] == "SUCCEEDED"
            for kind in OWN:
                outside.wait_for_count(topic(kind), 1)
            assert daemon.stop() == 0, daemon.stderr
        checked = edge_mask("check", "--config", config, cwd=tmp_path)
        assert f"{HOST}:{broker.port}" in checked.out
        log = list(broker.log)
    assert not [line for line in log if "Denied" in line]
    said = done(log, f"Received PUBLISH from {THING}")
    assert all(judge.publishes(name, retain=retain) for name, retain in said), said
    names = {name for name, _retain in said}
    assert topic("refused/front/no_mask") in names
    granted = {arn.partition(":topic/")[2] for arn in resources(policies, "iot:Publish") if "*" not in arn}
    assert granted == names - {topic("refused/front/no_mask"), f"$aws/things/{THING}/jobs/j-1/update"}
    for client in re.findall(r"connected from \S+ as (gate\S+)", "\n".join(log)):
        assert judge.allows("iot:Connect", f"client/{client}")
    heard = {match[1] for line in log if (match := re.search(rf"{THING} [01] (\S+)$", line))}
    granted = {arn.partition(":topicfilter/")[2] for arn in resources(policies, "iot:Subscribe")}
    assert granted <= heard
    received = {name for name, _retain in done(log, f"Sending PUBLISH to {THING}")}
    assert received
    assert all(judge.allows("iot:Receive", f"topic/{name}") for name in received), received
