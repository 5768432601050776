"""Memory of the daemon by transport: python -m benchmarks.memory_aws

RSS of the same daemon connected by `mqtt` (TLS, a certificate) and by `aws-iot`, at rest and after it sent 1,000
messages, to one mosquitto that asks for a certificate (target: at most 25 MiB more).
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from benchmarks.memory import MIB, fill, pending, until
from tests.broker import HOST, Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, topic, write_config
from tests.papers import Papers

ROUNDS = 3
MESSAGES = 1_000
SETTLED = 5.0


def main() -> None:
    found: dict[str, list[tuple[float, float]]] = {"mqtt": [], "aws-iot": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        papers = Papers(folder / "papers")
        with Mosquitto(folder / "broker", tls=papers.server) as broker:
            for number in range(ROUNDS):
                for transport, sizes in found.items():
                    place = folder / f"{transport}-{number}"
                    place.mkdir()
                    sizes.append(measure(place, transport, broker, papers))
    for index, when in enumerate(("at rest", f"after {MESSAGES} messages")):
        mqtt, aws = (sorted(each[index] for each in sizes)[ROUNDS // 2] for sizes in found.values())
        print(f"{when}: mqtt {mqtt:.1f} MiB, aws-iot {aws:.1f} MiB, {aws - mqtt:+.1f} MiB (medians of {ROUNDS})")


def measure(folder: Path, transport: str, broker: Mosquitto, papers: Papers) -> tuple[float, float]:
    """RSS in MiB of one daemon without a camera."""
    tls = {"ca": str(papers.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)}
    mqtt: dict[str, Any] = {"transport": transport, "host": HOST, "port": broker.port, "tls": tls}
    sensors = [{"name": "soc", "kind": "thermal", "interval": "60s"}]
    config = write_config(
        folder, None, cameras=[], sensors=sensors, mqtt=mqtt, aws={"shadow": False, "jobs": False},
        outbox={"path": str(folder / "edge-mask.db")},
    )  # fmt: skip
    with Subscriber(broker.plain_port, topic("status")) as subscriber:
        so_far = len(subscriber.messages)
        with Daemon(config) as daemon:
            subscriber.wait_for(lambda got: len(got) > so_far)
            time.sleep(SETTLED)  # a measurement, not a test: let it settle
            at_rest = psutil.Process(daemon.process.pid).memory_info().rss
            daemon.stop()
    fill(folder / "edge-mask.db", MESSAGES)
    with Daemon(config) as daemon:
        until(lambda: pending(folder) <= 5)
        time.sleep(SETTLED)
        after = psutil.Process(daemon.process.pid).memory_info().rss
        daemon.stop()
    return at_rest / MIB, after / MIB


if __name__ == "__main__":
    main()
