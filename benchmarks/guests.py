"""What pictures sent over HTTP cost the gate: python -m benchmarks.guests [--interval 0.2s] [--clients 4]

The installed daemon with the shipped model and one gate camera. Rounds take turns: nobody posts, then so many clients
post to /mask/ as fast as they can (each in a process of its own, at the lowest priority: real ones have a machine of
their own). Wanted: a ratio of the gate's frames of 0.97 or more in one run.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path

import cv2
import numpy as np

from edge_mask.packages.location import find_package

_COMMAND = Path(sys.executable).with_name("edge-mask")
_SETTLES = 0.5
Answers = SimpleQueue[Counter[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interval", default="0.2s", help="of the gate camera; 0s looks as fast as it goes, in lanes")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each half of a round")
    parser.add_argument("--size", default="1280x720", help="of the pictures that are sent")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = _free_port()
        _write(folder, port, arguments.interval)
        daemon = subprocess.Popen(
            [_COMMAND, "run", "--config", "c.yaml"], cwd=folder, stderr=(folder / "log").open("wb")
        )
        try:
            token = _token(folder)
            _wait(port, token)
            width, height = map(int, arguments.size.split("x"))
            _compare(port, token, _picture(width, height, 7), arguments)
        finally:
            daemon.terminate()
            daemon.wait(10)


def _compare(port: int, token: str, picture: bytes, arguments: argparse.Namespace) -> None:
    """Short halves in turns, summed up: what else the machine does meets both alike."""
    print(f"interval {arguments.interval}, {arguments.clients} clients, pictures of {len(picture) / 1000:.0f} kB")
    go, stop = multiprocessing.Event(), multiprocessing.Event()
    queue: Answers = multiprocessing.get_context().SimpleQueue()
    clients = [
        multiprocessing.Process(target=_client, args=(port, token, picture, go, stop, queue))
        for _ in range(arguments.clients)
    ]
    for each in clients:
        each.start()
    alone, beside = Counter[str](), Counter[str]()
    for number in range(arguments.rounds):
        for has_guests in (False, True) if number % 2 else (True, False):
            (go.set if has_guests else go.clear)()
            time.sleep(_SETTLES)
            (beside if has_guests else alone).update(_watch(port, token, arguments.seconds))
    stop.set()
    go.set()
    answers = sum((queue.get() for _ in clients), Counter[int]())
    for each in clients:
        each.join()
    told = ", ".join(
        f"{n / arguments.rounds / (arguments.seconds + _SETTLES):.1f}/s of {s}" for s, n in answers.items()
    )
    ratio = beside["frames"] / beside["seconds"] / (alone["frames"] / alone["seconds"])
    print(f"alone: {_line(alone)}\nbeside clients: {_line(beside)}; they got {told}")
    print(f"ratio of frames {ratio:.3f} (wanted: at least 0.97)")


def _line(sums: Mapping[str, float]) -> str:
    frames = sums["frames"] / sums["seconds"]
    return (
        f"{frames:.2f} frames/s, inference {1000 * sums['inference'] / sums['frames']:.1f} ms, {sums['lost']:.0f} lost"
    )


def _client(port: int, token: str, picture: bytes, go: Event, stop: Event, queue: "Answers") -> None:
    os.nice(19)
    answers: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while go.wait() and not stop.is_set():
        try:
            connection.request("POST", "/mask/", picture, headers)
            answer = connection.getresponse()
            answer.read()
            answers[answer.status] += 1
        except (OSError, http.client.HTTPException):
            connection.close()
            answers[0] += 1
    queue.put(answers)


def _watch(port: int, token: str, seconds: float) -> dict[str, float]:
    """What grew within a while."""
    before, began = _figures(port, token), time.monotonic()
    time.sleep(seconds)
    after, ended = _figures(port, token), time.monotonic()
    names = {"frames": "frames_seen_total", "inference": "inference_seconds_sum", "lost": "frames_replaced_total"}
    grown = {name: after[f"edge_mask_{each}"] - before[f"edge_mask_{each}"] for name, each in names.items()}
    return {**grown, "seconds": ended - began}


def _figures(port: int, token: str) -> dict[str, float]:
    """By name, over all labels."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    found: Counter[str] = Counter()
    for line in connection.getresponse().read().decode().splitlines():
        if not line.startswith("#"):
            labelled, _, value = line.rpartition(" ")
            found[labelled.partition("{")[0]] += float(value)  # type: ignore[assignment]  # a Counter of floats
    connection.close()
    return dict(found)


def _write(folder: Path, port: int, interval: str) -> None:
    (folder / "scene").mkdir()
    for number in range(12):
        (folder / "scene" / f"{number:02}.jpg").write_bytes(_picture(640, 480, number))
    config = {
        "cameras": [{"name": "front", "source": "images:scene", "role": "gate", "interval": interval, "loop": True}],
        "detector": {"model": str(find_package().resolve())},
        "mqtt": {"transport": "none"},
        "web": {"enabled": True, "port": port},
    }
    (folder / "c.yaml").write_text(json.dumps(config), encoding="utf-8")


def _picture(width: int, height: int, seed: int) -> bytes:
    """Coarse noise, which a JPEG keeps about as large as a photograph."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    assert done
    return bytes(data)


def _token(folder: Path) -> str:
    asked = [str(_COMMAND), "users", "token", "bench", "--scope", "infer,metrics", "--config", "c.yaml"]
    told: str = subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout
    return told.rsplit(maxsplit=1)[-1]


def _wait(port: int, token: str) -> None:
    for _ in range(600):
        try:
            if _figures(port, token).get("edge_mask_frames_seen_total", 0) > 10:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise SystemExit("the daemon does not look")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    main()
