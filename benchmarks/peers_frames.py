"""Frames between devices: how long one takes, and what a peer that is killed or frozen costs.

    python -m benchmarks.peers_frames round-trip     # 27 kB to `edge-mask analyse` and its answer, one after the other
    python -m benchmarks.peers_frames fleet          # a device without a model, 20 frames/s, three analysers
    python -m benchmarks.peers_frames gate           # time to the verdict while an analyser, or the broker, is frozen

Everything runs as installed, on loopback, with a mosquitto of its own (`set_tcp_nodelay true`).
"""

import argparse
import json
import signal
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import cv2
import numpy as np
from benchmarks.time_to_verdict import FILM
from tests.broker import HOST, Mosquitto, Subscriber
from tests.capture.http_server import HttpCameraServer, Request
from tests.end_to_end.daemon import THING, Daemon, edge_mask, topic, write_config
from tests.end_to_end.others import Analysing, analyser, now

from edge_mask.deliver.paho import PahoTransport
from edge_mask.messages import Message, Priority
from edge_mask.packages.location import find_package
from edge_mask.picture import read_picture
from edge_mask.units import Seconds

_PATIENCE = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("round-trip", "fleet", "gate"))
    parser.add_argument("--count", type=int, default=2000, help="round-trip: frames")
    parser.add_argument("--seconds", type=float, default=40.0, help="gate: of each case")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = ("set_tcp_nodelay true",)
        with Mosquitto(Path(folder) / "broker", options=options) as broker:
            match arguments.what:
                case "round-trip":
                    round_trip(Path(folder), broker, arguments.count)
                case "fleet":
                    fleet(Path(folder), broker)
                case _:
                    gate(Path(folder), broker, arguments.seconds)


# -- how long a frame takes ------------------------------------------------------------------------------


def round_trip(folder: Path, broker: Mosquitto, count: int) -> None:
    """An analyser that takes none (busy at once: the way alone), and one with a tiny model."""
    picture = _noisy(27_000)
    print(f"{count} frames of {len(picture)} bytes at QoS 0, one after the other")
    print(f"the broker alone, between two connections: {_spread(_echoed(broker.port, picture, count))}")
    for what, accept in (("answer without inference", 0), ("with decoding and a tiny model", 2)):
        config = analyser(folder / f"a{accept}", broker.port, "analyser-01", accept)
        with Analysing(config), _asking(broker.port) as ask:
            took, inferences = [], []
            for _ in range(count):
                began = time.perf_counter()
                answer = ask(picture)
                took.append(1000 * (time.perf_counter() - began))
                inferences.append(answer.get("inference_ms", 0.0))
            print(f"{what}: {_spread(took)}; inference {statistics.median(inferences):.2f} ms")


def _echoed(port: int, picture: bytes, count: int) -> list[float]:
    """The same way without a device: what is above this is ours."""
    with ExitStack() as stack:
        answers: SimpleQueue[Message] = SimpleQueue()
        asking, asked = (_connected(port, name, stack) for name in ("asking", "asked"))
        asking.subscribe("answers", answers.put)

        def answer(_frame: Message) -> None:
            asked.send(_message("answers", b"{}"))

        asked.subscribe("frames", answer)
        for each in (asking, asked):  # at QoS 1: the subscription came before
            each.send(Message(topic="x", payload=b"", priority=Priority.LIVE, qos=1)).result(_PATIENCE)
        took = []
        for _ in range(count):
            began = time.perf_counter()
            asking.send(_message("frames", picture))
            answers.get(timeout=_PATIENCE)
            took.append(1000 * (time.perf_counter() - began))
        return took


def _message(where: str, payload: bytes, **properties: Any) -> Message:
    return Message(topic=where, payload=payload, priority=Priority.LIVE, qos=0, properties=properties)


def _connected(port: int, name: str, stack: ExitStack) -> PahoTransport:
    told: SimpleQueue[bool] = SimpleQueue()
    made = PahoTransport(host=HOST, port=port, client_id=name, on_state=lambda up, _reason: told.put(up))
    made.open()
    stack.callback(made.close, Seconds(2.0))
    assert told.get(timeout=_PATIENCE)
    return made


@contextmanager
def _asking(port: int) -> Iterator[Callable[[bytes], dict[str, Any]]]:
    """Sends a frame to `analyser-01` over a connection as devices have one."""
    answers: SimpleQueue[Message] = SimpleQueue()
    with ExitStack() as stack:
        transport = _connected(port, "asking", stack)
        transport.subscribe("answers", answers.put)
        yield from _asker(transport, answers)


def _asker(transport: PahoTransport, answers: "SimpleQueue[Message]") -> Iterator[Callable[[bytes], dict[str, Any]]]:
    def send(picture: bytes) -> bytes:
        correlation = uuid.uuid4().bytes
        words = {"camera": "hall", "frame": "1", "ts": now(), "purpose": "peer"}
        message = _message(
            "edge-mask/analyser-01/commands/infer", picture, content_type="image/jpeg", response_topic="answers",
            correlation_data=correlation, message_expiry_interval=1, user_properties=words,
        )  # fmt: skip
        transport.send(message)
        return correlation

    def ask(picture: bytes) -> dict[str, Any]:
        correlation = send(picture)
        while True:
            got = answers.get(timeout=_PATIENCE)
            if got.properties.get("correlation_data") == correlation:
                body: dict[str, Any] = json.loads(got.payload)
                return body

    give_up_at = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up_at:  # until the analyser is there
        send(b"")
        try:
            answers.get(timeout=0.2)
            break
        except Empty:
            continue
    yield ask


def _noisy(size: int) -> bytes:
    """A JPEG of about that size."""
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    made = b""
    for blur in range(1, 60, 2):
        made = cv2.imencode(".jpg", cv2.GaussianBlur(noise, (blur, blur), 0))[1].tobytes()
        if len(made) <= size:
            break
    return made


# -- peers that fail -------------------------------------------------------------------------------------


def fleet(folder: Path, broker: Mosquitto) -> None:
    """20 frames/s of a device whose model is broken; the busiest of three peers is killed at 6 s, one frozen at 12."""
    model = {"model": str(find_package()), "threads": 1}
    names = ("peer-a", "peer-b", "peer-c")
    with ExitStack() as stack:
        subscriber = stack.enter_context(Subscriber(broker.port, "edge-mask/#"))
        judged: list[float] = []
        _note(subscriber, topic("detections"), judged)
        configs = {each: analyser(folder / each, broker.port, each, 2, detector=model, health=_OFTEN) for each in names}
        peers = {each: stack.enter_context(Analysing(config)) for each, config in configs.items()}
        for each in names:
            subscriber.wait_for_count(f"edge-mask/{each}/room", 1, 60)
        camera = stack.enter_context(_camera())
        stack.enter_context(Daemon(_without_a_model(folder / "gate", broker.port, camera)))
        subscriber.wait_for_count(topic("detections"), 20, 60)
        began = time.monotonic()
        _sleep_until(began + 6)
        killed, before = time.monotonic(), _counts(subscriber)
        victim = _busiest(subscriber, names)
        peers[victim].send(signal.SIGKILL)
        _sleep_until(began + 12)
        after_kill = _counts(subscriber)
        frozen = time.monotonic()
        frozen_one = _busiest(subscriber, [each for each in names if each != victim])
        peers[frozen_one].send(signal.SIGSTOP)
        _sleep_until(began + 15)
        after_freeze = _counts(subscriber)
        _sleep_until(began + 18)
        peers[frozen_one].send(signal.SIGCONT)
        _sleep_until(began + 24)
        end = _counts(subscriber)
        print(f"judged {sum(began <= at < began + 24 for at in judged)} of {24 * 20} frames; figures {end}")
        print(f"longest pause before: {_pause(judged, began, began + 6):.0f} ms")
        lost = after_kill["lost"] - before["lost"]
        print(f"kill -9: longest pause within 2 s {_pause(judged, killed, killed + 2):.0f} ms, lost within 6 s: {lost}")
        lost = after_freeze["lost"] - after_kill["lost"]
        print(f"freeze: longest pause within 3 s {_pause(judged, frozen, frozen + 3):.0f} ms, lost within 3 s: {lost}")
        refused = {each: _peer_counts(subscriber, each).get("refused") for each in names}
        print(f"offered to a full peer: {refused}")


_OFTEN = {"interval": "1s"}


def _without_a_model(folder: Path, port: int, camera: HttpCameraServer) -> Path:
    folder.mkdir()
    (folder / "model").mkdir()
    (folder / "model" / "model.yaml").write_text("broken")
    cameras = [{"name": "hall", "source": camera.address("/stream"), "role": "cctv", "interval": "0.05s"}]
    return write_config(
        folder, port, cameras=cameras, fleet={"peers": {"offer": True}}, health=_OFTEN, detections="all",
        web={"enabled": False}, cctv={"streak": 6},
    )  # fmt: skip


@contextmanager
def _camera(every: float = 0.05) -> Iterator[HttpCameraServer]:
    """A living room: no two pictures are the same."""
    face = read_picture(Path(str(find_package())) / "golden" / "portrait.jpg")
    noise = np.random.default_rng(0)
    made = [np.clip(face.astype(int) + noise.integers(-6, 7, face.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    pictures = [cv2.imencode(".jpg", each)[1].tobytes() for each in made]

    def stream(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        due = time.monotonic()
        for number in range(1_000_000):
            picture = pictures[number % len(pictures)]
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
            request.wfile.write(head + picture + b"\r\n")
            due += every / 2
            if request.server.stopped.wait(max(0.0, due - time.monotonic())):
                return

    with HttpCameraServer(stream) as server:
        yield server


def _note(subscriber: Subscriber, where: str, times: list[float]) -> None:
    heard = subscriber._on_message

    def noted(client: Any, data: Any, got: Any) -> None:
        if got.topic == where:
            times.append(time.monotonic())
        heard(client, data, got)

    subscriber._client.on_message = noted


def _pause(times: list[float], begin: float, end: float) -> float:
    """Milliseconds."""
    inside = [begin, *(at for at in times if begin <= at < end)]
    return 1000 * max(later - at for at, later in pairwise(inside))


def _counts(subscriber: Subscriber) -> dict[str, int]:
    return _peer_counts(subscriber, THING)


def _peer_counts(subscriber: Subscriber, thing: str) -> dict[str, int]:
    got = [each.json().get("peers") for each in subscriber.on(f"edge-mask/{thing}/health")]
    return next((each for each in reversed(got) if each), {})


def _busiest(subscriber: Subscriber, names: Sequence[str]) -> str:
    """Who took most frames between its last two reports."""

    def rate(name: str) -> int:
        told = [each.json().get("peers") for each in subscriber.on(f"edge-mask/{name}/health")]
        taken = [each["taken"] for each in told if each]
        return int(taken[-1] - taken[-2])

    return max(names, key=rate)


def _sleep_until(at: float) -> None:
    threading.Event().wait(max(0.0, at - time.monotonic()))


# -- the gate does not wait ------------------------------------------------------------------------------


def gate(folder: Path, broker: Mosquitto, seconds: float) -> None:
    """A gate over the demo's film, beside a room that is too fast for its model, so that frames are given away."""
    model = {"model": str(find_package()), "threads": 1}
    for case in ("all well", "analyser frozen", "broker frozen"):
        here = folder / case.replace(" ", "-")
        here.mkdir()
        with ExitStack() as stack:
            peer = stack.enter_context(Analysing(analyser(here / "peer", broker.port, "peer-a", 2, detector=model)))
            camera = stack.enter_context(_camera(0.02))
            cameras = [
                {"name": "front", "source": f"file:{FILM}", "role": "gate", "interval": "0.2s", "loop": True},
                {"name": "hall", "source": camera.address("/stream"), "role": "cctv", "interval": "0.02s"},
            ]
            changes: dict[str, Any] = {"fleet": {"peers": {"offer": True}}, "gate": {"votes": 5}, "health": _OFTEN}
            config = write_config(here, broker.port, cameras=cameras, detector=model, **changes)
            subscriber = stack.enter_context(Subscriber(broker.port, "edge-mask/#"))
            daemon = stack.enter_context(Daemon(config))
            subscriber.wait_for(lambda got: _has_offered(got), 60)
            since = time.time()
            if case == "analyser frozen":
                peer.send(signal.SIGSTOP)
            if case == "broker frozen":
                broker.freeze()
            threading.Event().wait(seconds)
            broker.thaw()
            daemon.stop()
            counts = _counts(subscriber)
            lines = edge_mask("history", "--json", "--config", config, cwd=here).out.splitlines()
            times = [each["time_to_verdict_ms"] for each in map(json.loads, lines) if _moment(each) >= since]
            print(f"{case}: {len(times)} verdicts, median {statistics.median(times):.0f} ms,", end=" ")
            print(f"mean {statistics.mean(times):.0f} ms; {counts}")


def _moment(visit: dict[str, Any]) -> float:
    """Of its verdict, Unix seconds."""
    return datetime.fromisoformat(visit["visited"]).timestamp()


def _has_offered(got: Any) -> bool:
    counts = [each.json().get("peers") or {} for each in got if each.topic == topic("health")]
    return any(each.get("answered", 0) > 20 for each in counts)


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    p99, worst = ordered[int(0.99 * len(ordered))], ordered[-1]
    return f"median {statistics.median(ordered):.2f} ms, p99 {p99:.2f} ms, longest {worst:.2f} ms"


if __name__ == "__main__":
    main()
