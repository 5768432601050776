"""From a face in place to the visit at a subscriber, without second looks, with them, and with a frozen analyser:

    python -m benchmarks.second_look [--visits 60]

Three gates run side by side, so that whatever disturbs one disturbs all: the installed `edge-mask run` on a folder of
pictures in which somebody comes every few seconds, with a band so wide that each visit asks. The analyser is
a daemon of its own; frozen, it is stopped by SIGSTOP. Only the ratios mean something on another machine. Wanted: frozen
within 5 % of without.
"""

import argparse
import json
import os
import signal
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from tests.broker import HOST, Mosquitto
from tests.end_to_end.daemon import Daemon, topic, write_config, write_model, write_scene

SCENE = [*[(0, 0, 160)] * 8, *[None] * 40]
"""A square of which the tiny model is sure by 0.999, also where it fills only a part of a cell."""
STATES = ("without", "answering", "frozen")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=60, help="of each gate")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(len(STATES)) as side_by_side:
        found = dict(
            zip(STATES, side_by_side.map(lambda state: _measured(state, arguments.visits), STATES), strict=True)
        )
    usual = statistics.median(sum(each) for each in found["without"][0])
    for state, (visits, amendments) in found.items():
        heard = [sum(each) for each in visits]
        print(
            f"{state:<10} {len(visits)} visits, {amendments} amendments:"
            f" verdict after {statistics.median(verdict for verdict, _ in visits):.0f} ms,"
            f" heard after {statistics.median(heard):.1f} ms (median; p95 {_p95(heard):.0f}),"
            f" {100 * (statistics.median(heard) / usual - 1):+.1f} %"
        )


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


def _measured(state: str, wanted: int) -> tuple[list[tuple[float, float]], int]:
    """Milliseconds to the verdict and from there to the subscriber, of each visit; how many amendments came."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
        (Path(folder) / "analyser").mkdir()
        analyser = _analyser(Path(folder) / "analyser", broker.port)
        with Daemon(analyser, "--max-seconds", "1800") as other:
            with _Heard(broker.port) as heard:
                heard.wait_for("edge-mask/analyser-01/status", 1)
                if state == "frozen":
                    os.kill(other.process.pid, signal.SIGSTOP)
                with Daemon(_gate(Path(folder), broker.port, is_on=state != "without")) as gate:
                    heard.wait_for(topic("visits"), wanted)
                    gate.stop()
            os.kill(other.process.pid, signal.SIGCONT)
        return heard.visits[:wanted], heard.count(topic("amendments"))


def _gate(folder: Path, port: int, *, is_on: bool) -> Path:
    write_model(folder)
    write_scene(folder / "scene", SCENE)
    camera = {
        "name": "front",
        "source": f"images:{folder / 'scene'}",
        "role": "gate",
        "interval": "0.05s",
        "loop": True,
    }
    second: dict[str, Any] = {"to": "analyser-01", "band": 0.5, "per_hour": 100_000, "timeout": "10s"}
    more = {"fleet": {"second_look": second}, "privacy": {"second_look": True}} if is_on else {}
    return write_config(folder, port, cameras=[camera], **more)


def _analyser(folder: Path, port: int) -> Path:
    model = {"model": str(write_model(folder)), "threads": 1}
    thing = {"thing_name": "analyser-01"}
    return write_config(folder, port, device=thing, cameras=[], detector=model, fleet={"type": "analysis"})


class _Heard:
    """Notes when what arrived."""

    def __init__(self, port: int) -> None:
        self.visits: list[tuple[float, float]] = []
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "benchmark")
        self._client.on_message = self._on_message
        self._client.connect(HOST, port)
        self._client.subscribe([("edge-mask/+/visits", 1), ("edge-mask/+/amendments", 1), ("edge-mask/+/status", 1)])

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def count(self, topic_name: str) -> int:
        return self._counts.get(topic_name, 0)

    def wait_for(self, topic_name: str, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count(topic_name) >= count, 600), topic_name

    def _on_message(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        now, told = time.time(), json.loads(got.payload)
        with self._changed:
            self._counts[got.topic] = self.count(got.topic) + 1
            if got.topic == topic("visits") and told["time_to_verdict_ms"] is not None:
                seen = datetime.fromisoformat(told["ts"]).timestamp()
                self.visits.append((told["time_to_verdict_ms"], 1000 * (now - seen)))
            self._changed.notify_all()


if __name__ == "__main__":
    main()
