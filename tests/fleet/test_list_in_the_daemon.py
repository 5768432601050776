"""`edge-mask fleet`: the devices on a real broker, those that speak properly and those that do not."""

import json
from pathlib import Path
from typing import Any

import paho.mqtt.publish as paho
import pytest
import yaml
from paho.mqtt.enums import MQTTProtocolVersion
from tests.broker import HOST, Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, Ended, edge_mask
from tests.fleet.devices import device
from tests.fleet.test_registry import ABOUT
from tests.papers import Papers

pytestmark = pytest.mark.broker

REPORTED = {"state": "active", "revision": 1, "name": "m\x1b", "version": "2", "digest": None}


def keep(port: int, said: dict[str, bytes | dict[str, Any]]) -> None:
    """Have the broker keep what devices might have said."""
    messages: Any = [
        (topic, payload if isinstance(payload, bytes) else json.dumps(payload), 1, True)
        for topic, payload in said.items()
    ]
    paho.multiple(messages, HOST, port, protocol=MQTTProtocolVersion.MQTTv5)


def asking(folder: Path, port: int | None, **mqtt: Any) -> Path:
    """The configuration of somebody who asks, and is no device."""
    path = folder / "asking.yaml"
    config = {
        "mqtt": {**({} if port is None else {"host": HOST, "port": port}), **mqtt},
        "device": {"thing_name": "desk"},
        "fleet": {"type": "analysis"},
        "outbox": {"path": str(folder / "asking.db")},
    }
    path.write_text(yaml.safe_dump(config))
    return path


def fleet(config: Path, *words: str) -> Ended:
    return edge_mask("fleet", *words, "--config", config, cwd=config.parent)


def test_two_devices_are_listed_and_one_of_them_is_shown_and_then_stops(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    a = device(tmp_path, broker.port, "gate-01", fleet={"group": "hall", "peers": {"accept": 2}})
    b = device(tmp_path, broker.port, "gate-02", fleet={"neighbours": ["gate-01"]})
    with Daemon(a), Daemon(b) as second:
        for thing in ("gate-01", "gate-02"):
            subscriber.wait_for_count(f"edge-mask/{thing}/room", 1)
            subscriber.wait_for_count(f"edge-mask/{thing}/about", 1)
        listed = fleet(a, "list")  # with the file of a device that runs: it is not hung up on
        assert listed.code == 0, listed
        head, first, last = listed.out.splitlines()
        assert head.split()[:4] == ["THING", "STATE", "TYPE", "NAME"]
        assert first.split()[:5] == ["gate-01", "online", "cctv", "Camera", "gate-01"]
        assert "2 free" in first
        assert last.split()[:2] == ["gate-02", "online"]
        shown = json.loads(fleet(a, "show", "gate-02", "--json").out)
        assert (shown["about"]["neighbours"], shown["state"], shown["problems"]) == (["gate-01"], "online", [])
        assert second.stop() == 0, second.stderr
        rows = json.loads(fleet(a, "list", "--json").out)
        assert [(each["thing"], each["state"]) for each in rows] == [("gate-01", "online"), ("gate-02", "offline")]
        assert [each["room"] is None for each in rows] == [False, True]
    states = [each.json()["state"] for each in subscriber.on("edge-mask/gate-01/status")]
    assert states[0] == "online"
    assert states.count("online") == 1


def test_poisoned_announcements_are_sentences_and_the_others_are_listed(tmp_path: Path, broker: Mosquitto) -> None:
    fine = {f"edge-mask/fine-{n:03}/about": {**ABOUT, "thing": f"fine-{n:03}"} for n in range(200)}
    keep(
        broker.port,
        {
            **fine,
            "edge-mask/no-json/about": b"\x1b[2Jboo\x9b31m",
            "edge-mask/liar/about": {**ABOUT, "thing": "fine-001\x1b[31m"},
            "edge-mask/deep/about": b'{"a":' * 10_000,
            "edge-mask/large/about": b'{"name":"' + b"x" * 100_000 + b'"}',
            "edge-mask/huge/about": b"x" * 3_000_000,
            "edge-mask/huge/status": {"state": "offline"},
            "edge-mask/escape/about": {
                **ABOUT, "thing": "escape", "name": "\x1b]0;owned\x07", "description": "\x9b2J\u202e", "group": "a\nb",
                "stream_url": "rtsp://admin:hunter2@host/live",
            },
            "edge-mask/odd/status": b"[]",
            "edge-mask/odd/room": {"free": "many"},
            "edge-mask/odd/model/reported": REPORTED,
        },
    )  # fmt: skip
    config = asking(tmp_path, broker.port)
    listed = fleet(config, "list")
    assert listed.code == 0, listed
    for text in (listed.out, listed.err, fleet(config, "list", "--json").out, fleet(config, "show", "escape").out):
        assert all(each.isprintable() or each == "\n" for each in text)
        assert "hunter2" not in text
    lines = listed.out.splitlines()
    assert sum(line.startswith("fine-") for line in lines) == 200
    assert any(line.startswith("escape") and "\\x1b]0;owned\\x07" in line for line in lines)
    assert any(line.startswith("huge") and "offline" in line for line in lines)  # too large to be sent at all
    assert any(line.startswith("odd") and "active m\\x1b 2" in line for line in lines)
    problems = listed.err.splitlines()
    assert sorted(each.partition(":")[0] for each in problems) == ["deep", "large", "liar", "no-json", "odd", "odd"]


def test_somebody_whom_nobody_knows_and_a_broker_with_nobody(tmp_path: Path, broker: Mosquitto) -> None:
    config = asking(tmp_path, broker.port)
    shown = fleet(config, "show", "gate-\x1b[31m")
    assert shown.code == 1
    assert "the broker knows no such device" in shown.err
    assert "\x1b" not in shown.err
    listed = fleet(config, "list")
    assert (listed.code, listed.out) == (0, "")
    assert "no device says anything on edge-mask/+/about" in listed.err
    assert fleet(config, "list", "--json").out == "[]\n"


@pytest.mark.parametrize(
    ("port", "transport", "sentence"),
    [
        (1, "mqtt", "127.0.0.1:1 cannot be reached"),
        (None, "none", "there is no broker to ask"),
        (None, "greengrass", "a nucleus lets in only what it has started itself"),
    ],
)
def test_a_broker_that_cannot_be_asked_is_a_sentence(
    tmp_path: Path, port: int | None, transport: str, sentence: str
) -> None:
    ended = fleet(asking(tmp_path, port, transport=transport), "list")
    assert ended.code == 1
    assert sentence in ended.err
    assert "Traceback" not in ended.err


def test_a_broker_of_mqtt_3_1_1_is_asked_too(tmp_path: Path, broker: Mosquitto) -> None:
    keep(broker.port, {"edge-mask/gate-01/about": ABOUT, "edge-mask/large/about": b"x" * 3_000_000})
    listed = fleet(asking(tmp_path, broker.port, protocol="3.1.1"), "list")
    assert listed.code == 0, listed
    assert "gate-01" in listed.out
    assert "large: about is left out: it has 3000000 bytes" in listed.err


def test_aws_iot_core_is_asked_with_a_certificate(tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    tls = {"ca": str(papers.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)}
    with Mosquitto(tmp_path / "mosquitto", tls=papers.server) as aws:
        keep(aws.plain_port, {"edge-mask/gate-01/about": ABOUT, "edge-mask/gate-01/status": {"state": "offline"}})
        listed = fleet(asking(tmp_path, aws.port, transport="aws-iot", tls=tls), "list")
    assert listed.code == 0, listed
    assert listed.out.splitlines()[1].split()[:3] == ["gate-01", "offline", "gate"]
