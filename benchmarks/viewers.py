"""What those who look at the page cost the gate: python -m benchmarks.viewers

1. Frames a second with three viewers and without any, in turns within one run (wanted: a ratio of at least 0.97).
2. RSS of the daemon without the page, and with it and three viewers (wanted: at most 15 MiB more).
3. The time to stop with open streams and a half-sent request (wanted: 0.5 s more than without them, at most).
"""

import argparse
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from benchmarks.memory import MIB, looks, until, write_scene
from tests.broker import free_port
from tests.end_to_end.daemon import Daemon, write_config
from tests.web.served import HOST, Client, Served, answers

from edge_mask.packages.location import find_package

_VIEWERS = 3
_PATHS = ("/", "/api/v1/status", "/api/v1/cameras/room/latest.jpg", "/api/v1/summary")
"""What a page asks for again and again, beside its stream."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=24)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory(Path(folder) / "memory")
        stops(Path(folder) / "stops")
        frames(Path(folder) / "frames", arguments.seconds, arguments.turns)


@contextmanager
def room(folder: Path, *, page: bool = True, interval: str = "0s") -> Iterator[Served]:
    """A room camera over real pictures."""
    package = find_package()
    write_scene(folder / "scene", package)
    port = free_port()
    config = write_config(
        folder, None,
        cameras=[{"name": "room", "source": f"images:{folder / 'scene'}", "role": "cctv", "interval": interval,
                  "loop": True}],
        detector={"model": str(package), "threads": 2}, web={"enabled": page, "port": port},
        snapshots={"dir": str(folder / "snapshots"), "latest": "on", "latest_every": "1s"},
    )  # fmt: skip
    with Daemon(config) as daemon:
        house = Served(daemon, config, port)
        until(lambda: looks(folder) > 200 if not page else answers(house) and looks(folder) > 200)
        yield house


class Viewer(threading.Thread):
    """One browser: a stream, and a few requests every two seconds."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._over = threading.Event()
        self.events = 0

    def run(self) -> None:
        with self._client.stream("/api/v1/events") as stream, suppress(OSError):
            listening = threading.Thread(target=self._listen, args=(stream,), daemon=True)
            listening.start()
            while not self._over.wait(2.0):
                for path in _PATHS:
                    self._client.get(path)

    def _listen(self, stream: Any) -> None:
        with suppress(OSError, ValueError, AttributeError):  # the stream is closed under it
            while line := stream.readline():
                self.events += line.startswith(b"event:")

    def end(self) -> None:
        self._over.set()
        self.join(20)


@contextmanager
def viewers(client: Client) -> Iterator[list[Viewer]]:
    looking = [Viewer(client) for _ in range(_VIEWERS)]
    for each in looking:
        each.start()
    yield looking
    for each in looking:
        each.end()


def frames(folder: Path, seconds: float, turns: int) -> None:
    with room(folder) as house:
        client = house.user("kim")
        daemon = psutil.Process(house.daemon.process.pid)
        os.nice(15)  # whoever looks has a processor of their own

        def rates() -> tuple[float, float]:
            """Frames a second, and frames a second of the daemon's processor time: neighbours do not change that."""
            before, began, used = looks(folder), time.monotonic(), _used(daemon)
            time.sleep(seconds)
            seen = looks(folder) - before
            return seen / (time.monotonic() - began), seen / (_used(daemon) - used)

        alone, seen, events = [], [], 0
        for _ in range(turns):
            alone.append(rates())
            with viewers(client) as looking:
                seen.append(rates())
                events += sum(each.events for each in looking)
        each = events / (_VIEWERS * turns * seconds)
        for place, what in enumerate(("frames a second", "frames a second of processor time")):
            before, after = (statistics.median(rate[place] for rate in rates) for rates in (alone, seen))
            pairs = sorted(there[place] / without[place] for there, without in zip(seen, alone, strict=True))
            total = sum(rate[place] for rate in seen) / sum(rate[place] for rate in alone)
            print(f"{what}: {before:.1f} alone, {after:.1f} with {_VIEWERS} viewers ({each:.0f} events a second)")
            print(f"  ratio: {total:.3f} in all, {statistics.median(pairs):.3f} the median of {turns} pairs")
        house.daemon.stop()


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def memory(folder: Path) -> None:
    sizes = {}
    for name, page in (("without the page", False), ("with three viewers", True)):
        with room(folder / name.replace(" ", "-"), page=page, interval="0.2s") as house, ExitStack() as looking:
            if page:
                looking.enter_context(viewers(house.user("kim")))
            time.sleep(20.0)
            sizes[name] = psutil.Process(house.daemon.process.pid).memory_info().rss / MIB
            print(f"RSS {name}: {sizes[name]:.1f} MiB")
    print(f"more: {sizes['with three viewers'] - sizes['without the page']:+.1f} MiB")


def stops(folder: Path) -> None:
    took: dict[str, list[float]] = {"alone": [], "with open streams": []}
    for number in range(6):
        name = tuple(took)[number % 2]
        with room(folder / str(number), interval="0.2s") as house, ExitStack() as open_ones:
            if name != "alone":
                client = house.user("kim")
                for _ in range(_VIEWERS):
                    open_ones.enter_context(client.stream("/api/v1/events")).readline()
                half = open_ones.enter_context(socket.create_connection((HOST, house.port)))
                half.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\nhalf")
            began = time.monotonic()
            house.daemon.stop()
            took[name].append(time.monotonic() - began)
    alone, streams = (statistics.median(took[name]) for name in took)
    print(f"stop: {alone:.2f} s alone, {streams:.2f} s with open streams ({streams - alone:+.2f} s)")


if __name__ == "__main__":
    main()
