"""How many messages a second `edge-mask sink` stores, on this machine alone.

    python -m benchmarks.sink_rate [--database postgresql mariadb] [--messages N]

`backlog`: they wait in the broker when the sink starts, as after an hour without it; counted from the first commits
to the last. `live`: a publisher sends them as fast as the broker takes them, and shares the processor with everything
else; counted from the first one that is sent.
Servers are real ones of its own and write every commit to the disk; the broker saves once a second.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from benchmarks.devices import Device
from tests.broker import Mosquitto, free_port
from tests.sink.central import Central, Sink, fetched
from tests.sink.servers import SERVERS, DatabaseServer, MariaDb, Postgres
from tests.waiting import until

BROKER = ("autosave_on_changes false", "max_queued_messages 0", "set_tcp_nodelay true")
DURABLE = {"postgresql": (), "mariadb": ("--innodb-flush-log-at-trx-commit=1",)}


def main() -> None:
    """Prints a line for each database and way."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--database", nargs="+", choices=list(SERVERS), default=list(SERVERS))
    words.add_argument("--messages", type=int, default=20_000)
    given = words.parse_args()
    for name in given.database:
        with tempfile.TemporaryDirectory(prefix="edge-mask-rate-") as folder:
            _measure(name, Path(folder), given.messages)


def server_of(name: str, folder: Path) -> DatabaseServer:
    """One that writes every commit to the disk."""
    kind: type[Postgres | MariaDb] = SERVERS[name]
    return kind(folder / name, DURABLE[name])


def _measure(name: str, folder: Path, messages: int) -> None:
    with (
        server_of(name, folder) as server,
        Mosquitto(folder / "mosquitto", options=BROKER) as broker,
        Central(folder, broker, server) as central,
    ):
        port = free_port()
        config = central.write_config(page={"port": port})
        assert central.once(config).code == 0
        asyncio.run(_publish(broker.port, messages))
        with Sink(config) as sink:
            rate = _rate(port, messages, sink)
            _say(name, "backlog", rate, sink, central)
        with Sink(config) as sink:
            sink.says("subscribed to", times=2)
            begin = time.monotonic()
            asyncio.run(_publish(broker.port, messages))
            _rate(port, messages, sink)
            _say(name, "live", messages / (time.monotonic() - begin), sink, central)


async def _publish(port: int, messages: int) -> None:
    async with Device("gate-01", port) as device:
        for _ in range(messages):
            await device.publish_within(200)
        await device.settled()


def _rate(port: int, messages: int, sink: Sink) -> float:
    """Messages a second, by what the page says while they are stored."""
    marks: list[tuple[float, float]] = []

    def is_done() -> bool:
        assert sink.process.poll() is None, sink.stderr
        stored = _figure(port, "edge_mask_sink_stored_total")
        if stored:
            marks.append((time.monotonic(), stored))
        return stored >= messages

    until(is_done)
    (begin, had), (end, has) = marks[0], marks[-1]
    return (has - had) / (end - begin) if end > begin else float("inf")


def _figure(port: int, name: str) -> float:
    try:
        text = fetched(port, "/metrics")
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")), 0.0)


def _say(name: str, way: str, rate: float, sink: Sink, central: Central) -> None:
    words = Path(f"/proc/{sink.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    cpu = sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")
    load = os.getloadavg()[0]
    print(
        f"{name:10} {way:8} {rate:6.0f} messages/s; processor time of the sink {cpu:.1f} s; load {load:.1f}", flush=True
    )
    assert sink.stop() == 0
    assert central.count("refused") == 0


if __name__ == "__main__":
    main()
