"""What systemd is told, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_mask.observe.notify import SystemdNotifier, watchdog_interval
from edge_mask.units import Moment, Seconds, Unix


class Manager:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(5)

    def heard(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "file" else f"@edge-mask-test-{os.getpid()}"
    manager = Manager(address)
    yield manager
    manager.close()


@pytest.fixture
def notifier(manager: Manager) -> Iterator[SystemdNotifier]:
    notifier = SystemdNotifier.from_environment(manager.environ)
    yield notifier
    notifier.close()


def test_ready_status_watchdog_and_stopping_are_told(manager: Manager, notifier: SystemdNotifier) -> None:
    notifier.ready("watching")
    assert manager.heard() == ["READY=1", "STATUS=watching"]
    notifier.watchdog()
    assert manager.heard() == ["WATCHDOG=1"]
    notifier.status("12 frames/s")
    assert manager.heard() == ["STATUS=12 frames/s"]
    notifier.stopping()
    assert manager.heard() == ["STOPPING=1"]


def test_reloading_is_told_with_its_time(manager: Manager, notifier: SystemdNotifier) -> None:
    notifier.reloading(Moment(Seconds(12.5), Unix(0.0)))
    assert manager.heard() == ["RELOADING=1", "MONOTONIC_USEC=12500000"]


def test_a_status_is_one_line_without_secrets(manager: Manager, notifier: SystemdNotifier) -> None:
    notifier.status("lost rtsp://u:p@h/x\nREADY=1")
    assert manager.heard() == ["STATUS=lost rtsp://***@h/x READY=1"]


def test_without_a_service_manager_nothing_happens() -> None:
    notifier = SystemdNotifier.from_environment({})
    notifier.ready()
    notifier.watchdog()
    notifier.close()


def test_a_manager_that_went_away_does_no_harm(tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    notifier = SystemdNotifier.from_environment(manager.environ)
    manager.close()
    notifier.ready()
    (tmp_path / "notify").unlink()
    notifier.watchdog()
    notifier.close()
    notifier.watchdog()


def test_a_manager_that_does_not_listen_does_not_stop_us(manager: Manager, notifier: SystemdNotifier) -> None:
    for _ in range(10_000):  # far more than the socket holds
        notifier.watchdog()
    assert manager.heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_must_be(environ: dict[str, str], interval: float | None) -> None:
    assert watchdog_interval(environ, pid=7) == interval
