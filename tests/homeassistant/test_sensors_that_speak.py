"""Sensors behind a serial port, whose names are known only when they speak: Home Assistant hears of each."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import Daemon, topic, write_config
from tests.homeassistant.home import Home, check
from tests.sense.ports import Device

pytestmark = pytest.mark.broker

HERE = "homeassistant/device/edge-mask-gate-01/config"
LINE: dict[str, Any] = {
    "kind": "serial",
    "baud": 115200,
    "pattern": r"^(?P<id>\d{3}) (?P<flow>[\d.]+)$",
    "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}},
}


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path / "usb-sensor") as plugged:
        yield plugged


def configured(folder: Path, broker: Mosquitto, device: Device, name: str = "line") -> Path:
    return write_config(
        folder, broker.port, cameras=[], sensors=[{**LINE, "name": name, "path": str(device.path)}],
        health={"interval": "1s"}, homeassistant={"enabled": True},
    )  # fmt: skip


def flows(received: list[Received]) -> list[str]:
    """The flows that the newest announcement shows."""
    announced = [json.loads(each.payload) for each in received if each.topic == HERE]
    return [k for k, v in announced[-1]["components"].items() if "_flow" in k and len(v) > 1] if announced else []


def say_until(device: Device, line: bytes, is_enough: Callable[[], bool]) -> None:
    """Say it again and again: what is said before the daemon has opened the port is nobody's."""
    pause = threading.Event()
    for _ in range(300):
        device.say(line)
        if is_enough() or pause.wait(0.05):
            return
    raise AssertionError(f"{line!r} was not heard")


def test_each_is_announced_when_it_first_speaks_stays_over_a_restart_and_goes_with_its_port(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, device: Device
) -> None:
    with Daemon(configured(tmp_path, broker, device)) as daemon:
        subscriber.wait_for_count(HERE, 1)
        assert flows(subscriber.messages) == []
        say_until(device, b"001 12.5\r\n002 7\r\n", lambda: len(flows(subscriber.messages)) == 2)
        heard = subscriber.wait_for(
            lambda got: any("line-002" in each.json()["sensors"] for each in got if each.topic == topic("health"))
        )
        assert daemon.stop() == 0
    first, *later = [json.loads(each.payload) for each in heard if each.topic == HERE]
    assert "sensor_line_problem" in first["components"], "the port itself may be away"
    assert 1 <= len(later) <= 2, "not one announcement for each line"
    home = Home(json.dumps(later[-1]).encode())
    for each in heard:
        home.receive(each.topic, each.payload, retain=each.retain)
    assert [home[f"sensor_line-{id_}_flow"].state for id_ in ("001", "002")] == ["12.5", "7.0"]
    assert home["sensor_line-001_flow"].config["name"] == "line-001 flow"
    assert [home[f"sensor_line{id_}_problem"].state for id_ in ("", "-001", "-002")] == ["off"] * 3

    count = len(subscriber.on(HERE))
    with Daemon(configured(tmp_path, broker, device)) as daemon:
        again = json.loads(subscriber.wait_for_count(HERE, count + 1)[count].payload)
        assert again == later[-1], "before any of them has spoken"
        assert daemon.stop() == 0
    count = len(subscriber.on(HERE))
    with Daemon(configured(tmp_path, broker, device, name="pipe")) as daemon:
        renamed = json.loads(subscriber.wait_for_count(HERE, count + 1)[count].payload)
        assert daemon.stop() == 0
    check(renamed)
    parts = renamed["components"]
    assert [parts[f"sensor_line-{id_}_flow"] for id_ in ("001", "002")] == [{"platform": "sensor"}] * 2
    assert len(parts["sensor_pipe_problem"]) > 1
