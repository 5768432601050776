"""A year of a sensor in the installed daemon: a serial line over a pseudo-terminal, a real broker, minutes that pass in
half a second, and a kill in the middle."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import Daemon, edge_mask, lines, topic, write_config
from tests.sense.ports import Device

pytestmark = pytest.mark.broker

RATE = 120.0
MAIN: dict[str, Any] = {
    "name": "main",
    "kind": "serial",
    "baud": 115200,
    "pattern": r"^(?P<flow>[\d.]+) (?P<pressure>[\d.]+)$",
    "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}, "pressure": {"unit": "bar", "min": 0, "max": 16}},
    "silent_after": "0s",
    "outliers": {},
}
NOON = "2026-11-20T12:00:00+01:00"


class Fast:
    """Starts daemons whose minutes are short."""

    def __init__(self, folder: Path, wall: str = NOON) -> None:
        self.jump = folder / "jump"
        self._environ = {
            "FAST_RATE": str(RATE),
            "FAST_FROM": str(time.time()),
            "FAST_WALL": str(datetime.fromisoformat(wall).timestamp()),
            "FAST_JUMP": str(self.jump),
        }

    def daemon(self, config: Path) -> Daemon:
        program = (sys.executable, str(Path(__file__).with_name("fast_run.py")))
        return Daemon(config, program=program, environ=self._environ)

    def set_wall_by(self, seconds: float) -> None:
        fresh = self.jump.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.jump)


def usual(number: int) -> bytes:
    return b"%.2f %.2f\r\n" % (10 + number * 0.618 % 1, 3 + number * 0.618 % 0.1)


class Speaking:
    """Says lines on the port about three times a minute, as long as it is wanted."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._stop = threading.Event()
        self.says: Callable[[int], bytes | None] = lambda n: (
            b"%.2f %.2f\r\n" % (10 + n * 0.618 % 1, 3 + n * 0.618 % 0.1)
        )
        self._thread = threading.Thread(target=self._run)

    def be_silent(self) -> None:
        self.says = lambda _number: None

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(20.0 / RATE):
            number += 1
            if (line := self.says(number)) is not None:
                self._device.say(line)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


@contextmanager
def port(folder: Path) -> Iterator[tuple[Device, Speaking]]:
    with Device(folder / "usb-sensor") as device, Speaking(device) as speaking:
        yield device, speaking


def count(received: list[Received], kind: str) -> int:
    return sum(each.topic == topic(kind) for each in received)


def alerts(received: list[Received]) -> list[tuple[str, str, str]]:
    """Each once: what was on its way when the daemon was killed comes again under the same id."""
    found = {each.json()["id"]: each.json() for each in received if each.topic == topic("alerts")}
    return [(each["quantity"], each["reason"], each["state"]) for each in found.values()]


def test_a_silence_begins_and_ends_on_the_broker_over_a_kill(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    fast = Fast(tmp_path)
    with port(tmp_path) as (device, speaking):
        config = write_config(tmp_path, broker.port, cameras=[], sensors=[{**MAIN, "path": str(device.path)}])
        with fast.daemon(config) as daemon:
            subscriber.wait_for(lambda got: count(got, "summaries") >= 4, timeout=60)
            fast.set_wall_by(3 * 3600.0)
            subscriber.wait_for(lambda got: count(got, "summaries") >= 8, timeout=60)
            assert alerts(subscriber.messages) == [], "the clock has jumped, nobody was silent"
            speaking.says = lambda _number: b"700.00 3.05\r\n"
            subscriber.wait_for(lambda got: len(alerts(got)) == 1, timeout=60)
            speaking.says = usual
            subscriber.wait_for(lambda got: len(alerts(got)) == 2, timeout=60)
            broken = [("flow", "out_of_range", "begun"), ("flow", "out_of_range", "ended")]
            assert alerts(subscriber.messages) == broken
            speaking.be_silent()
            subscriber.wait_for(lambda got: len(alerts(got)) == 4, timeout=60)
            daemon.send(signal.SIGKILL)
            daemon.wait()
        records = len(subscriber.on(topic("records")))
        with fast.daemon(config) as daemon:
            subscriber.wait_for(
                lambda got: sum(each.topic == topic("records") for each in got) >= records + 20, timeout=60
            )
            silent = [("flow", "silent", "begun"), ("pressure", "silent", "begun")]
            assert sorted(alerts(subscriber.messages)[2:]) == silent
            told = edge_mask("series", "status", "--config", config, "--json", cwd=tmp_path)
            assert [[one["reason"] for one in each["open"]] for each in lines(told.out)] == [["silent"], ["silent"]], (
                told
            )
            speaking.says = usual
            subscriber.wait_for(lambda got: len(alerts(got)) >= 6, timeout=60)
            assert daemon.stop() == 0
    assert sorted(alerts(subscriber.messages)[2:]) == sorted([*silent, *((q, r, "ended") for q, r, _ in silent)])
    begun = subscriber.on(topic("alerts"))[0].json()
    assert (begun["kind"], begun["sensor"], begun["outlier"]) == ("outlier", "main", "system")
    assert (begun["value"], begun["expected"]) == (700.0, [0.0, 500.0])
    summary = subscriber.on(topic("summaries"))[2].json()
    assert summary["from"] < summary["to"]
    assert summary["count"] > 10
    record = subscriber.on(topic("records"))[-1].json()
    assert {one["reason"] for one in record["outliers"]} == {"silent"}
