"""Sensors that speak by themselves, through the installed command: a port, topics, and what `check` says of them."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import Daemon, edge_mask, topic, write_config
from tests.sense.ports import Device

pytestmark = pytest.mark.broker

LINE: dict[str, Any] = {
    "name": "line",
    "kind": "serial",
    "baud": 115200,
    "pattern": r"^(?P<id>\d{3}) (?P<flow>[\d.]+) (?P<pressure>[\d.]+)$",
    "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}, "pressure": {"unit": "kgf/cm2", "max": 20}},
    "silent_after": "2s",
}
HALL: dict[str, Any] = {
    "name": "hall",
    "kind": "mqtt",
    "topic": "zigbee2mqtt/hall",
    "value": "temperature",
    "availability": "zigbee2mqtt/hall/availability",
}
RULES = """
battery:
  sql: "SELECT battery, topic() AS of, clientid() AS who FROM 'zigbee2mqtt/+' WHERE battery < 10"
  actions: [{republish: {topic: house/battery, qos: 1}}]
"""


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path / "usb-sensor") as plugged:
        yield plugged


def codes(received: list[Received]) -> list[tuple[str, str]]:
    return [(each.json()["component"], each.json()["code"]) for each in received if each.topic == topic("errors")]


def test_lines_become_messages_also_after_the_cable_was_pulled(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, device: Device
) -> None:
    config = write_config(tmp_path, broker.port, cameras=[], sensors=[{**LINE, "path": str(device.path)}])
    with Daemon(config) as daemon:
        subscriber.wait_for_count(topic("status"), 1)
        say_until(device, b"001 12.5 3.25\r\n", lambda: bool(subscriber.on(topic("flow"))))
        for number in range(400):
            device.say(b"%03d %d.5 4\r\n" % (number % 2 + 1, number))
        heard = subscriber.wait_for(lambda got: any(value_of(each) == 399.5 for each in got))
        assert {each.json()["sensor"] for each in heard if each.topic == topic("flow")} == {"line-001", "line-002"}
        flows = [value_of(each) for each in heard if each.topic == topic("flow")]
        assert [flow for flow in flows if flow != 12.5] == [number + 0.5 for number in range(400) if number != 12]
        first = next(each.json() for each in heard if each.topic == topic("pressure"))
        assert (first["sensor"], first["pressure"], first["unit"]) == ("line-001", 3.25, "kgf/cm2")

        device.unplug()
        subscriber.wait_for(lambda got: bool(codes(got)))
        device.plug()
        say_until(device, b"001 77 5\r\n", lambda: any(value_of(each) == 77 for each in subscriber.on(topic("flow"))))
        assert codes(subscriber.messages) == [("sensor line", "sensor_lost")]
        assert daemon.stop() == 0
    assert len(re.findall("sensor line: back after", daemon.stderr)) == 1


def say_until(device: Device, line: bytes, is_enough: Any) -> None:
    """Say it again and again: what is said before the daemon has opened the port is nobody's."""
    done = threading.Event()
    for _ in range(300):
        device.say(line)
        if is_enough() or done.wait(0.05):
            return
    raise AssertionError(f"{line!r} was not heard")


def value_of(message: Received) -> float | None:
    return message.json().get("flow") if message.topic == topic("flow") else None


def test_a_topic_is_a_sensor_and_rules_see_all_that_is_said_there(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    config = write_config(
        tmp_path, broker.port, cameras=[], sensors=[HALL, {**HALL, "name": "rh", "quantity": "humidity", "unit": "%",
        "value": "climate.values[0]"}], rules=[str(tmp_path / "rules.yaml")],
    )  # fmt: skip
    kept = Subscriber(broker.port)
    kept._client.publish("zigbee2mqtt/hall", b'{"temperature":10,"battery":1}', 1, retain=True).wait_for_publish(10.0)
    with kept, Daemon(config) as daemon:
        subscriber.wait_for_count(topic("status"), 1)
        say_state(subscriber, b"online")
        payload = b'{"temperature":21.56,"battery":7,"climate":{"values":[45.1]}}'
        say_topic(subscriber, payload, topic("temperature"))
        temperature = subscriber.on(topic("temperature"))[0].json()
        assert (temperature["sensor"], temperature["temperature"], temperature["unit"]) == ("hall", 21.56, "C")
        assert subscriber.wait_for_count(topic("humidity"), 1)[0].json()["humidity"] == 45.1
        told = subscriber.wait_for_count("house/battery", 1)[0].json()
        assert told == {"battery": 7, "of": "zigbee2mqtt/hall", "who": "n/a"}, "not of what the broker had kept"

        say_state(subscriber, b'{"state":"offline"}')
        subscriber.wait_for(lambda got: len(codes(got)) == 2)
        assert codes(subscriber.messages) == [("sensor hall", "sensor_lost"), ("sensor rh", "sensor_lost")]
        seen = len(subscriber.on(topic("temperature")))
        subscriber.publish("zigbee2mqtt/hall", b'{"temperature":99.5}')
        say_state(subscriber, b"online")
        subscriber.publish("zigbee2mqtt/hall", b'{"temperature":22.5}')
        after = subscriber.wait_for_count(topic("temperature"), seen + 1)[seen:]
        assert [each.json()["temperature"] for each in after] == [22.5]
        assert daemon.stop() == 0
    assert daemon.stderr.count("sensor hall: back after") == 1


LOOPS = """
through_the_sensor:
  sql: "SELECT temperature + 1 AS temperature FROM 'edge-mask/gate-01/temperature'"
  actions: [{republish: {topic: zigbee2mqtt/hall, qos: 1}}]
onto_itself:
  sql: "SELECT * FROM 'house/rh'"
  actions: [{republish: {topic: house/rh, qos: 1}}]
"""


def test_rules_that_publish_where_a_sensor_listens_do_not_go_round_for_ever(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """Once around is one rule more in the chain, through the broker as well as on the device."""
    (tmp_path / "rules.yaml").write_text(LOOPS)
    rh = {"name": "rh", "kind": "mqtt", "topic": "house/rh", "quantity": "humidity", "unit": "%"}
    hall = {"name": "hall", "kind": "mqtt", "topic": "zigbee2mqtt/hall", "value": "temperature"}
    config = write_config(tmp_path, broker.port, cameras=[], sensors=[hall, rh], rules=[str(tmp_path / "rules.yaml")])
    with Daemon(config) as daemon:
        subscriber.wait_for_count(topic("status"), 1)
        subscriber.publish("zigbee2mqtt/hall", b'{"temperature":20}')
        subscriber.publish("house/rh", b"45")
        subscriber.wait_for(lambda got: len(codes(got)) == 2)
        for kind in ("temperature", "humidity"):
            subscriber.wait_for_count(topic(kind), 9)
        assert sorted(codes(subscriber.messages)) == [
            ("rule onto_itself", "rule_chain"),
            ("rule through_the_sensor", "rule_chain"),
        ]
        told = [each.json()["temperature"] for each in subscriber.on(topic("temperature"))]
        assert told == [float(value) for value in range(20, 29)], "eight rules in a row"
        assert daemon.stop() == 0
    assert len(subscriber.on("zigbee2mqtt/hall")) == len(subscriber.on("house/rh")) == 9


def say_state(subscriber: Subscriber, payload: bytes) -> None:
    subscriber.publish("zigbee2mqtt/hall/availability", payload)


def say_topic(subscriber: Subscriber, payload: bytes, until: str) -> None:
    """Say it again and again: what is said before the daemon has subscribed is nobody's."""
    for _ in range(100):
        subscriber.publish("zigbee2mqtt/hall", payload)
        try:
            subscriber.wait_for_count(until, 1, timeout=0.1)
        except AssertionError:
            continue
        return
    raise AssertionError("was not heard")


def test_check_tells_of_each_kind(tmp_path: Path, broker: Mosquitto, device: Device) -> None:
    silent = tmp_path / "silent"
    with Device(silent), Subscriber(broker.port) as speaker:
        speaker._client.publish("t/hall", b'{"temperature":21.5}', 1, retain=True).wait_for_publish(10.0)
        speaker._client.publish("t/cold", b'{"temperature":-99}', 1, retain=True).wait_for_publish(10.0)
        speaker._client.publish("t/gone/availability", b"offline", 1, retain=True).wait_for_publish(10.0)
        config = write_config(
            tmp_path, broker.port, cameras=[],
            sensors=[
                {**LINE, "path": str(device.path)},
                {**LINE, "name": "away", "path": "/dev/nobody"},
                {"name": "hall", "kind": "mqtt", "topic": "t/hall", "value": "temperature"},
                {"name": "cold", "kind": "mqtt", "topic": "t/cold", "value": "temperature"},
                {"name": "gone", "kind": "mqtt", "topic": "t/gone", "availability": "t/gone/availability"},
                {"name": "later", "kind": "mqtt", "topic": "t/later"},
                {"name": "beam", "kind": "gpio", "chip": "gpiochip99", "line": 27},
            ],
        )  # fmt: skip
        stop = threading.Event()

        def speak() -> None:
            while not stop.wait(0.05):
                device.say(b"001 12.5 99\r\n")

        speaking = threading.Thread(target=speak)
        speaking.start()
        ended = edge_mask("check", "--config", config, "--json", cwd=tmp_path)
        stop.set()
        speaking.join()
    found = {each["part"]: (each["state"], each["text"]) for each in map(json.loads, ended.out.splitlines())}
    assert found["sensor line"] == (
        "warning",
        "line-001: flow 12.5 m3/h, pressure 99 kgf/cm2: is outside of at most 20 kgf/cm2: the value is not used",
    )
    assert found["sensor away"][0] == "warning"
    assert "/dev/nobody: is not there" in found["sensor away"][1]
    assert found["sensor hall"] == ("ok", "temperature 21.5 C (kept by the broker: the daemon waits for a new one)")
    assert found["sensor cold"][0] == "warning"
    assert found["sensor gone"] == ("warning", "t/gone/availability says that it is offline")
    assert found["sensor later"] == ("ok", "listens to t/later; nothing came within 3 s, as is usual")
    assert found["sensor beam"][0] == "warning"
    assert "pip install 'edge-mask[gpio]'" in found["sensor beam"][1] or "is not there" in found["sensor beam"][1]
