"""One daemon with a camera, and somebody who asks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.control.asker import Asker
from tests.detect import packages, tiny_tflite
from tests.end_to_end.daemon import BARE, MASKED, Daemon, topic, write_config, write_scene

from edge_mask.packages.store import Store

INTERVAL = 30
"""Seconds between two looks: an answer that came by itself would take as long."""


def write_model(folder: Path, version: str) -> Path:
    graph = tiny_tflite.anchor_free(strides=(16,))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    return packages.write_package(folder, graph, decoding=decoding, version=version)


def write_site(folder: Path, port: int, **changes: Any) -> Path:
    """A room camera that looks at a bare face, two models, a broker."""
    write_scene(folder / "scene", [BARE])
    store = Store(folder / "models")
    for version in ("1.0", "1.1"):
        store.install(write_model(folder / f"made-{version}", version))
    camera = {"name": "front", "source": f"images:{folder / 'scene'}", "role": "cctv", "loop": True}
    return write_config(
        folder,
        port,
        cameras=[{**camera, "interval": f"{INTERVAL}s"}],
        detector={"model": str(folder / "models" / "tiny-1.0"), "threads": 1},
        snapshots={"dir": str(folder / "snapshots")},
        **changes,
    )


def picture(folder: Path, colour: tuple[int, int, int] | None = MASKED) -> bytes:
    """A picture file that somebody sends along."""
    write_scene(folder / "sent", [colour])
    return (folder / "sent" / "0000.png").read_bytes()


def wait_until_online(port: int) -> None:
    """The retained birth says that the device listens soon."""
    with Subscriber(port, topic("status")) as listening:
        listening.wait_for(lambda got: any(each.json()["state"] == "online" for each in got))


@dataclass
class Running:
    """A daemon, its folder, its broker."""

    folder: Path
    config: Path
    broker: Mosquitto
    daemon: Daemon

    def asker(self) -> Asker:
        return Asker(self.broker.port)


@pytest.fixture(scope="session")
def shared_device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("device")
    with Mosquitto(folder / "mosquitto") as broker:
        config = write_site(folder, broker.port)
        with Daemon(config) as daemon:
            wait_until_online(broker.port)
            yield Running(folder, config, broker, daemon)
            assert daemon.stop() == 0
            assert "Traceback" not in daemon.stderr


@pytest.fixture
def asker(shared_device: Running) -> Iterator[Asker]:
    with Asker(shared_device.broker.port) as somebody:
        yield somebody


@pytest.fixture
def device(tmp_path: Path, broker: Mosquitto) -> Iterator[Running]:
    """One of the test's own."""
    config = write_site(tmp_path, broker.port)
    with Daemon(config) as daemon:
        wait_until_online(broker.port)
        yield Running(tmp_path, config, broker, daemon)
