"""Memory of the running daemon: python -m benchmarks.memory

1. RSS after 1,000 and after 20,000 frames (targets: at most 160 MiB; at most 2 % growth).
2. RSS with 10 and with 100,000 messages waiting, offline and while they drain (target: a ratio of about 1).
"""

import argparse
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import psutil
from tests.broker import Mosquitto
from tests.end_to_end.daemon import Daemon, write_config

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch, OutboxRow
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Message, Priority
from edge_mask.packages.golden import golden_picture
from edge_mask.packages.location import find_package
from edge_mask.packages.package import open_package
from edge_mask.runtime.clock import SystemClock, boot_id

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--messages", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        frames(Path(folder) / "frames", arguments.frames)
        backlog(Path(folder) / "backlog", arguments.messages)


def frames(folder: Path, count: int) -> None:
    """A room camera over real pictures, as fast as it goes; each look is a row, so the rows count the frames."""
    package, scene = find_package(), folder / "scene"
    write_scene(scene, package)
    cameras = [{"name": "room", "source": f"images:{scene}", "role": "cctv", "interval": "0s", "loop": True}]
    config = write_config(folder, None, cameras=cameras, detector={"model": str(package), "threads": 2})
    with Daemon(config) as daemon:
        process = psutil.Process(daemon.process.pid)
        sizes = []
        for target in (1_000, count // 2, count):
            until(lambda target=target: looks(folder) >= target)  # type: ignore[misc]  # bound for this turn
            sizes.append(process.memory_info().rss)
            print(f"RSS after {target} frames: {sizes[-1] / MIB:.1f} MiB")
        daemon.stop()
    print(f"growth from frame 1,000 to {count}: {100 * (sizes[-1] / sizes[0] - 1):+.2f} %")


def write_scene(scene: Path, package: Path) -> None:
    """Real pictures, those that the model is tried on, each a little shifted."""
    scene.mkdir(parents=True)
    for number, each in enumerate(open_package(package).card.golden):
        picture = cv2.resize(golden_picture(package, each), (640, 480))
        for shift in range(10):
            cv2.imwrite(str(scene / f"{number}-{shift}.jpg"), np.roll(picture, shift * 7, axis=1))


def backlog(folder: Path, count: int) -> None:
    """The same daemon with few and with many messages waiting."""
    few, many = measure(folder / "few", 10), measure(folder / "many", count)
    for when in ("offline", "draining, peak"):
        ratio = many[when] / few[when]
        print(
            f"{when}: 10 messages {few[when] / MIB:.1f} MiB, {count} messages {many[when] / MIB:.1f} MiB, {ratio:.2f}"
        )


def measure(folder: Path, count: int) -> dict[str, float]:
    folder.mkdir(parents=True)
    config = write_config(
        folder, 1, cameras=[], sensors=[{"name": "soc", "kind": "thermal", "interval": "60s"}],
        outbox={"path": str(folder / "edge-mask.db"), "drain_rate": "10000/s", "window": 100},
    )  # fmt: skip
    fill(folder / "edge-mask.db", count)
    with Mosquitto(folder / "broker") as broker:
        config.write_text(config.read_text().replace("port: 1\n", f"port: {broker.port}\n"))
        broker.stop()
        with Daemon(config) as daemon:
            process = psutil.Process(daemon.process.pid)
            time.sleep(5.0)  # a measurement, not a test: let it settle
            offline = process.memory_info().rss
            broker.start()
            peak = 0
            while pending(folder) > 5:
                peak = max(peak, process.memory_info().rss)
                time.sleep(0.02)
            peak = max(peak, process.memory_info().rss)
            daemon.stop()
    shutil.rmtree(folder)
    return {"offline": offline, "draining, peak": peak}


def fill(database: Path, count: int) -> None:
    ledger = Ledger(database, Bounds(), boot_id())
    ledger.open()
    now = SystemClock().now()
    for start in range(0, count, 1000):
        rows = [
            OutboxRow(
                "mqtt",
                Message(topic="edge-mask/gate-01/temperature", payload=b'{"n":%d,"pad":"%s"}' % (n, b"x" * 200),
                        priority=Priority.TELEMETRY, qos=1, id=str(n)),
                now,
            )
            for n in range(start, min(count, start + 1000))
        ]  # fmt: skip
        ledger.commit(Batch(outgoing=rows), now)
    ledger.close()


def looks(folder: Path) -> int:
    return _number(folder, "SELECT count(*) FROM looks")


def pending(folder: Path) -> int:
    return _number(folder, "SELECT messages FROM totals WHERE state = 0")


def _number(folder: Path, sql: str) -> int:
    try:
        with closing(sqlite3.connect(folder / "edge-mask.db", timeout=10)) as database:
            return int(database.execute(sql).fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.05)


if __name__ == "__main__":
    main()
