"""How soon a device looks after a neighbour's alert: `python -m benchmarks.neighbours [--count 20]`.

The camera's own interval is an hour, so every look has the alert as its reason. Measured from the publication of the
alert to the arrival of the look's message at a third client; the second figure is the look after it, `watch.interval`
(0.2 s) later.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon
from tests.fleet.devices import device

LOOKS, ABOUT = "edge-mask/b/looks", "edge-mask/b/about"


def main() -> None:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description="Alert of a neighbour to the first closer look.")
    wanted.add_argument("--count", type=int, default=20)
    count = wanted.parse_args().count
    firsts, seconds = [], []
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
        watch = {"interval": "0.2s", "for": "1s"}
        config = device(Path(folder), broker.port, "b", interval="1h", fleet={"neighbours": ["a"], "watch": watch})
        with Subscriber(broker.port) as subscriber, Daemon(config):
            subscriber.wait_for_count(LOOKS, 1)
            for number in range(count):
                subscriber.wait_for(lambda got: _is_quiet([m.payload for m in got if m.topic == ABOUT]))
                time.sleep(0.5)  # the last look of the closer ones was due before it ended
                before, began = len(subscriber.on(LOOKS)), time.monotonic()
                alert = {"id": str(number), "thing": "a", "v": 1, "kind": "no_mask", "text": ""}
                subscriber.publish("edge-mask/a/alerts", json.dumps(alert).encode())
                subscriber.wait_for_count(LOOKS, before + 1)
                firsts.append(time.monotonic() - began)
                subscriber.wait_for_count(LOOKS, before + 2)
                seconds.append(time.monotonic() - began)
    print(f"{count} alerts, one after the other")
    for name, took in (("first look", firsts), ("second look", seconds)):
        print(f"{name:<12} median {statistics.median(took) * 1000:.0f} ms, most {max(took) * 1000:.0f} ms")


def _is_quiet(said: list[bytes]) -> bool:
    return bool(said) and "watching" not in json.loads(said[-1])


if __name__ == "__main__":
    main()
