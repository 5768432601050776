"""From starting `edge-mask run` to the first published verdict: python -m benchmarks.start

A visitor stands before the camera from the first picture on; three looks decide. Printed beside it, in the same
run: how long this machine takes to import the libraries that every such program needs, as a yardstick.
Target: 2.5 s on the machine where the yardstick was 0.5 s.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, write_config

from edge_mask.packages.golden import golden_picture
from edge_mask.packages.location import find_package
from edge_mask.packages.package import open_package


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    starts, yardsticks = [], []
    for _ in range(arguments.rounds):
        yardsticks.append(import_time())
        with tempfile.TemporaryDirectory() as folder:
            starts.append(first_verdict(Path(folder)))
    start, yardstick = statistics.median(starts), statistics.median(yardsticks)
    print(f"first verdict after {start:.2f} s (of {', '.join(f'{s:.2f}' for s in starts)})")
    print(f"importing numpy, cv2, the runtime, pydantic, sqlalchemy and paho alone: {yardstick:.2f} s;", end=" ")
    print(f"ratio {start / yardstick:.2f}")


def first_verdict(folder: Path) -> float:
    package = find_package()
    scene = folder / "scene"
    scene.mkdir()
    picture = golden_picture(package, open_package(package).card.golden[0])
    for number in range(40):
        cv2.imwrite(str(scene / f"{number:03}.png"), cv2.add(picture, (number % 5,) * 4))
    with Mosquitto(folder / "broker") as broker, Subscriber(broker.port) as subscriber:
        cameras = [{"name": "front", "source": f"images:{scene}", "role": "gate", "interval": "0.1s"}]
        config = write_config(folder, broker.port, cameras=cameras, detector={"model": str(package), "threads": 2})
        began = time.perf_counter()
        with Daemon(config) as daemon:
            subscriber.wait_for(lambda got: any(each.topic.endswith("/visits") for each in got), 60)
            lasted = time.perf_counter() - began
            daemon.stop()
    return lasted


def import_time() -> float:
    began = time.perf_counter()
    imports = "import numpy, cv2, ai_edge_litert.interpreter, pydantic, sqlalchemy, paho.mqtt.client"
    subprocess.run([sys.executable, "-c", imports], check=True, timeout=60)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
