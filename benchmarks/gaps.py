"""What a broker with default persistence loses when it is killed, and what the central store gets back from the device.

    python -m benchmarks.gaps [--kills 10] [--every 3] [--require-subscriber] [--without-refill]

A real device makes 50 readings a second. The sink is killed (-9), then the broker, which has kept for it, and both come
back. Then everything is left alone until the store has no open gap. Counted: what the device has kept and the store has
not, and what is there twice.
"""

import argparse
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.broker import HOST, Mosquitto
from tests.end_to_end.daemon import Daemon, write_config, write_readings
from tests.sink.central import Central
from tests.sink.servers import Postgres, started
from tests.waiting import until

_DEFAULT_PERSISTENCE = ("autosave_on_changes false", "autosave_interval 1800", "max_queued_messages 1000")
_PATIENCE = 300.0


def main() -> None:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description="Gaps after kills, and how they are filled.")
    wanted.add_argument("--kills", type=int, default=10)
    wanted.add_argument("--every", type=float, default=3.0)
    wanted.add_argument("--require-subscriber", action="store_true")
    wanted.add_argument("--without-refill", action="store_true")
    arguments = wanted.parse_args()
    with tempfile.TemporaryDirectory() as name, started(Postgres) as server:
        folder = Path(name)
        broker = Mosquitto(folder / "broker", options=_DEFAULT_PERSISTENCE)
        with broker, Central(folder, broker, server) as central:
            _measure(central, broker, folder / "device", arguments)


def _measure(central: Central, broker: Mosquitto, folder: Path, arguments: argparse.Namespace) -> None:
    config = central.write_config(refill=not arguments.without_refill, refill_after="5s")
    assert central.once().code == 0
    mqtt = {"host": HOST, "port": broker.port, "require_subscriber": arguments.require_subscriber}
    folder.mkdir()
    sink = central.sink(config).is_ready()
    with Daemon(_device(folder, broker.port, 0.02, mqtt=mqtt)) as device:
        until(lambda: central.count() > 50)
        for _ in range(arguments.kills):
            sink.kill()
            time.sleep(arguments.every)  # the broker keeps what comes, in its memory
            broker.kill()
            time.sleep(0.5)
            broker.start()
            time.sleep(arguments.every)  # nobody subscribes: it knows no sessions any more
            sink = central.sink(config).is_ready()
            time.sleep(arguments.every)
        device.stop()
    began = time.monotonic()
    with Daemon(_device(folder, broker.port, 3600, mqtt=mqtt)):
        _wait_until_nothing_changes(central, folder, refills=not arguments.without_refill)
        _report(central, folder, arguments, time.monotonic() - began)
    sink.stop()


def _device(folder: Path, port: int, interval: float, **more: Any) -> Path:
    readings = write_readings(folder / "r.csv", range(1000), every=interval)
    sensor = {"name": "s", "kind": "replay", "path": str(readings), "loop": True, "interval": f"{interval}s"}
    return write_config(folder, port, cameras=[], sensors=[sensor], **more)


def _wait_until_nothing_changes(central: Central, folder: Path, *, refills: bool) -> None:
    give_up_at, before = time.monotonic() + _PATIENCE, (-1, -1)
    while time.monotonic() < give_up_at:
        now = (central.count(), len(_kept(folder)))
        is_open = refills and central.query("SELECT count(*) FROM gaps WHERE state = 'open'")[0][0] > 0
        if now == before and not is_open and (not refills or now[0] >= now[1]):
            return
        before = now
        time.sleep(8.0)


def _kept(folder: Path) -> set[int]:
    with closing(sqlite3.connect(folder / "edge-mask.db")) as database:
        return {row[0] for row in database.execute("SELECT seq FROM readings WHERE seq IS NOT NULL")}


def _report(central: Central, folder: Path, arguments: argparse.Namespace, took: float) -> None:
    kept = _kept(folder)
    topic = "edge-mask/gate-01/temperature"
    stored = [row[0] for row in central.query("SELECT seq FROM messages WHERE topic = :topic", topic=topic)]
    late = central.query("SELECT count(*) FROM messages WHERE payload->>'late' = 'true'")[0][0]
    print(
        f"{arguments.kills} kills, require_subscriber {arguments.require_subscriber},"
        f" refill {not arguments.without_refill}: {len(kept)} made, {len(kept - set(stored))} lost,"
        f" {len(stored) - len(set(stored))} twice, {late} came late, {took:.0f} s until nothing was missing"
    )


if __name__ == "__main__":
    main()
