"""What `edge-mask check` sees of a broker that loses what it has acknowledged: with real ones."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, Mosquitto, Subscriber
from tests.end_to_end.daemon import edge_mask, write_config

PART = "broker keeps"


def found(folder: Path, port: int, **mqtt: Any) -> list[tuple[str, str]]:
    """What the installed command says of this broker."""
    (folder / "t.csv").write_text("seconds,value\n0,36.5\n")
    sensor: Mapping[str, Any] = {"name": "t", "kind": "replay", "path": str(folder / "t.csv")}
    config = write_config(folder, port, cameras=[], sensors=[sensor], mqtt={"host": HOST, "port": port, **mqtt})
    done = edge_mask("check", "--config", config, "--json", cwd=folder)
    lines = [json.loads(line) for line in done.out.splitlines()]
    return [(each["state"], each["text"]) for each in lines if each["part"] == PART]


@pytest.mark.broker
def test_what_cannot_be_seen_is_said(broker: Mosquitto, tmp_path: Path) -> None:
    [(state, text)] = found(tmp_path, broker.port)
    assert state == "ok"
    assert text.startswith("mosquitto version ")
    assert "how often it saves its queue cannot be seen from here" in text


@pytest.mark.broker
def test_nobody_subscribes_and_then_somebody_does(broker: Mosquitto, tmp_path: Path) -> None:
    [(state, text)] = found(tmp_path, broker.port, require_subscriber=True)
    assert (state, text[:51]) == ("warning", "nobody subscribes to edge-mask/gate-01/check now: w")
    with Subscriber(broker.port, "edge-mask/+/+") as somebody:
        [(state, _)] = found(tmp_path, broker.port, require_subscriber=True)
        assert state == "ok"
        [probe] = somebody.wait_for_count("edge-mask/gate-01/check", 1)
        assert probe.json()["thing"] == "gate-01"


def test_a_broker_that_takes_little_keeps_nothing_and_has_dropped_some(tmp_path: Path) -> None:
    options = ("max_packet_size 20000", "retain_available false", "max_queued_messages 1", "max_inflight_messages 1")
    with Mosquitto(tmp_path / "broker", options=(*options, "sys_interval 1")) as broker:
        texts = found(tmp_path, broker.port)
    assert [state for state, _ in texts] == ["warning"] * len(texts)
    assert any("it takes packets of at most 20000 bytes" in text for _, text in texts)
    assert any("it keeps no retained messages" in text for _, text in texts)


@pytest.mark.broker
def test_mqtt_3_1_1_says_less(broker: Mosquitto, tmp_path: Path) -> None:
    [(state, text)] = found(tmp_path, broker.port, protocol="3.1.1")
    assert state == "warning"
    assert text.startswith("MQTT 3.1.1 has no word for a message that was refused or thrown away")
