"""How long after a device has sent a message it is committed, with a thousand devices.

    python -m benchmarks.sink_devices [--devices 1000] [--rate 0.7] [--seconds 20]

Each device is a connection of its own (benchmarks/devices.py) and sends visits of 350 bytes at random moments. The
server writes every commit to the disk and notes its time (track_commit_timestamp); the broker saves once a second.
Devices, broker, sink and server share this machine.
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.devices import Device, quantiles
from benchmarks.sink_rate import BROKER
from tests.broker import Mosquitto
from tests.sink.central import Central
from tests.sink.servers import Postgres
from tests.waiting import until

_CONNECTS_A_SECOND = 200


def main() -> None:
    """Prints one line."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--devices", type=int, default=1000)
    words.add_argument("--rate", type=float, default=0.7, help="messages a second from each")
    words.add_argument("--seconds", type=float, default=20.0)
    given = words.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="edge-mask-devices-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with (
            Postgres(folder / "server", ("track_commit_timestamp=on",)) as server,
            Mosquitto(folder / "mosquitto", options=BROKER) as broker,
            Central(folder, broker, server) as central,
            central.sink() as sink,
        ):
            sink.is_ready()
            sent = asyncio.run(_send(broker.port, given.devices, given.rate, given.seconds))
            until(lambda: central.count() >= len(sent))
            print(f"{given.devices} devices x {given.rate}/s: {len(sent) / given.seconds:.0f}/s,", _said(central, sent))
            assert sink.stop() == 0


async def _send(port: int, devices: int, rate: float, seconds: float) -> dict[str, float]:
    """When each message was sent, by its id."""
    sent: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        connected = []
        for number in range(devices):
            connected.append(await stack.enter_async_context(Device(f"gate-{number:04}", port)))
            if number % 10 == 0:
                await asyncio.sleep(10 / _CONNECTS_A_SECOND)
        begin = time.time()
        await asyncio.gather(*(_one(device, rate, begin + seconds, sent) for device in connected))
        await asyncio.gather(*(device.settled() for device in connected))
        return sent


async def _one(device: Device, rate: float, until_time: float, sent: dict[str, float]) -> None:
    await asyncio.sleep(random.uniform(0, 1 / rate))
    while time.time() < until_time:
        sent[device.publish()] = time.time()
        await asyncio.sleep(random.expovariate(rate))


def _said(central: Central, sent: dict[str, float]) -> str:
    rows = central.query("SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM messages")
    committed = {str(made): float(at) for made, at in rows}
    lost, twice = len(sent.keys() - committed.keys()), len(rows) - len(committed)
    delays = [committed[made] - at for made, at in sent.items() if made in committed]
    figures = ", ".join(f"{name} {value:.0f} ms" for name, value in quantiles(delays))
    return f"sent to COMMIT {figures}; {lost} lost, {twice} twice; load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
