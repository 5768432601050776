"""The daemon under a service manager: what it says on the notify socket."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.daemon import BARE, Daemon, write_config, write_model, write_scene


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(30)
        self.heard: list[str] = []

    def wait_for(self, line: str) -> None:
        """Read until a message holds `line`."""
        while True:
            message = self._socket.recv(4096).decode().splitlines()
            self.heard += message
            if any(each.startswith(line) for each in message):
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


def test_a_service_manager_hears_ready_progress_reload_and_stop(tmp_path: Path, manager: Manager) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE, None])
    cameras = [{"name": "room", "source": f"images:{tmp_path / 'scene'}", "role": "cctv", "loop": True}]
    config = write_config(tmp_path, None, cameras=cameras)
    with Daemon(config, environ={"NOTIFY_SOCKET": manager.address}) as daemon:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1")
        daemon.send(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
        daemon.send(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        assert daemon.wait() == 0


def blocked_on(pipe: Path) -> int:
    """The writing end of a pipe, once the daemon reads from the other one."""
    for _ in range(600):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.05)
    raise AssertionError("nobody reads the configuration")


def test_a_stop_ends_a_start_whose_configuration_is_never_read_to_its_end(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    os.mkfifo(config)
    with Daemon(config) as daemon:
        end = blocked_on(config)
        assert daemon.stop() == 0
        os.close(end)


def test_a_stop_ends_a_reload_whose_configuration_is_never_read_to_its_end(tmp_path: Path, manager: Manager) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE, None])
    cameras = [{"name": "room", "source": f"images:{tmp_path / 'scene'}", "role": "cctv", "loop": True}]
    config = write_config(tmp_path, None, cameras=cameras)
    with Daemon(config, environ={"NOTIFY_SOCKET": manager.address}) as daemon:
        manager.wait_for("READY=1")
        config.unlink()
        os.mkfifo(config)
        daemon.send(signal.SIGHUP)
        end = blocked_on(config)
        assert daemon.stop() == 0
        os.close(end)
