"""What this machine can do: the model alone, the whole pipeline, the outbox, the drain.

All figures come from this run, so their ratios are meaningful.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from edge_mask.app.drivers import lanes_for
from edge_mask.capture.camera import Camera
from edge_mask.capture.content import Content, ContentPolicy, ContentWatch
from edge_mask.capture.source import EndOfSource
from edge_mask.decide.gate import GateWatch
from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import BROKER, Broker
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.detect.detector import Answer
from edge_mask.detect.model import ModelDetector
from edge_mask.errors import ModelError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Frame, Image, Reading
from edge_mask.packages.golden import golden_picture
from edge_mask.packages.load import load_package, load_side_by_side
from edge_mask.packages.package import open_package
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Entry, post
from edge_mask.recording.recorder import Recorder
from edge_mask.recording.requests import Barrier
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.handoff import Line, Mailbox, Tray
from edge_mask.runtime.worker import Job, Worker
from edge_mask.track.tracker import Tracker
from edge_mask.units import Seconds
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Seen, Vision
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

_CLOCK = SystemClock(lambda: True)
_BOOT = "bench"


class PicturesInMemory:
    """A FrameSource over pictures that are already decoded, `count` frames long."""

    def __init__(self, pictures: Sequence[Image], count: int) -> None:
        self._pictures = pictures
        self._count = count
        self._number = 0

    def open(self) -> None: ...

    def read(self) -> Frame:
        if self._number >= self._count:
            raise EndOfSource
        self._number += 1
        return Frame("bench", self._number, self._pictures[self._number % len(self._pictures)], _CLOCK.now())

    def skip(self) -> bool:
        return False

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """Medians over rounds that alternate between bare graph and pipeline: other load affects both alike."""

    invocations_per_s: float
    frames_per_s: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Frames of the whole pipeline per invocation of the bare graph."""
        return statistics.median(self.ratios)


def measure_pipeline(
    package: Path, folder: Path, *, threads: int, rounds: int = 5, frames: int = 100
) -> PipelineFigures:
    """The whole pipeline beside the bare graph, one interpreter with the same threads; databases go into `folder`."""
    pictures = pictures_for(package)
    alone = load_package(package, threads=threads)
    side_by_side = load_side_by_side(package, lanes=lanes_for(threads), threads=threads)
    bare: list[float] = []
    whole: list[float] = []
    for number in range(rounds):
        bare.append(invocations_per_second(alone, frames))
        whole.append(frames_per_second(side_by_side, folder / f"{number}.db", pictures, frames))
    for detector in (alone, *side_by_side):
        detector.close()
    ratios = tuple(w / b for w, b in zip(whole, bare, strict=True))
    return PipelineFigures(statistics.median(bare), statistics.median(whole), ratios)


def invocations_per_second(detector: ModelDetector, count: int) -> float:
    """The bare interpreter: the same input repeatedly, without pre- and post-processing."""
    began = time.perf_counter()
    for _ in range(count):
        detector.run_graph_only()
    return count / (time.perf_counter() - began)


def frames_per_second(
    detectors: Sequence[ModelDetector], database: Path, pictures: Sequence[Image], count: int
) -> float:
    """Camera, vision and ledger at full speed, with their real threads and a real database, without a broker."""
    frames: Tray[Frame] = Tray()
    seen = Seen()
    with _Desk(database) as desk:
        vision = Vision(frames, {"bench": CameraState(Tracker(), GateWatch("bench"))}, desk.emit, _CLOCK, seen=seen)
        lanes = [Lane(vision, frames, Borrowed(detector), number) for number, detector in enumerate(detectors)]
        source = PicturesInMemory(pictures, count)
        camera = Camera("bench", source, Line(frames), _CLOCK, _ignore, is_live=False)
        began = time.perf_counter()
        looking, reading = [_started(lane) for lane in lanes], _started(camera)
        while not reading.join(1.0) and all(worker.is_alive for worker in looking):
            pass  # a shorter wait would take the interpreter from the measured threads
        # What was handed on, not `count`: the camera skips black pictures.
        while seen.frames < camera.handed_on and all(worker.is_alive for worker in looking):
            time.sleep(0.0005)  # the last frames are in the graph
        lasted = time.perf_counter() - began
        for worker in (*looking, reading):
            _stopped(worker)
            if worker.failure is not None:
                raise worker.failure
    return camera.handed_on / lasted


class Borrowed:
    """A detector that outlives its lane: `close` does nothing. An error ends the measurement."""

    def __init__(self, detector: ModelDetector) -> None:
        self._detector = detector
        self.name, self.labels = detector.name, detector.labels

    def look(self, image: Image) -> Answer:
        answer = self._detector.look(image)
        if answer.trouble:
            raise ModelError(answer.trouble)
        return answer

    def close(self) -> None: ...


def recorded_per_second(database: Path, count: int) -> float:
    """Telemetry messages committed per second, as the daemon writes them."""
    with _Desk(database) as desk:
        began = time.perf_counter()
        for n in range(count):
            desk.mailbox.put(Reading("bench", "temperature", 20.0 + n % 10, "C", _CLOCK.now()))
        desk.flush()
        return count / (time.perf_counter() - began)


def drained_per_second(database: Path, count: int) -> float:
    """Messages sent and settled per second, to a destination that answers at once."""
    recorded_per_second(database, count)
    with _Desk(database) as desk:
        transport = MemoryTransport()
        broker = Broker(name="bench", boot=_BOOT, window=100, drain_rate=1e9)
        courier = Courier(broker, transport, Outbox(database, BROKER), desk.recorder.settle, _ignore, _CLOCK)
        desk.on_commit = courier.poke
        began = time.perf_counter()
        worker = _started(courier)
        while len(transport.delivered) < count:
            worker.join(0.001)
        desk.flush()
        lasted = time.perf_counter() - began
        _stopped(worker)
    return count / lasted


class _Desk:
    """A recorder with its thread, over a database file."""

    def __init__(self, database: Path) -> None:
        ledger = Ledger(database, Bounds(), _BOOT)
        ledger.open()
        intake = Intake(
            thing="bench", topics=Topics("bench", "bench"), sequences=ledger.sequences, shadows=ledger.shadows,
            boot=_BOOT, new_id=IdMaker().make,
        )  # fmt: skip
        self.mailbox: Mailbox[Entry] = Mailbox(1000)
        self.on_commit: Callable[[], None] = lambda: None
        self.recorder = Recorder(ledger, intake, self.mailbox, _CLOCK, on_commit=self._committed)
        self._worker = Worker(self.recorder, _CLOCK, _ignore)

    def _committed(self) -> None:
        self.on_commit()

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._worker.request_stop()
        self._worker.join(60)

    def emit(self, event: Event) -> None:
        post(self.mailbox, event)

    def flush(self) -> None:
        barrier = Barrier()
        self.mailbox.put(barrier)
        barrier.answer.result(60)


def _started(job: Job) -> Worker:
    worker = Worker(job, _CLOCK, _ignore)
    worker.start()
    return worker


def _stopped(worker: Worker) -> None:
    worker.request_stop()
    worker.join(60)


def _ignore(_anything: object) -> None: ...


def pictures_for(package: Path) -> list[Image]:
    """The package's golden pictures at a camera's usual size, 640 x 480, but black ones; noise when there is none."""
    opened = open_package(package)
    golden = [golden_picture(opened.folder, each) for each in opened.card.golden]
    found = [np.asarray(cv2.resize(picture, (640, 480)), np.uint8) for picture in golden]
    content = ContentWatch(ContentPolicy(), is_live=False)
    seen = [picture for picture in found if content.judge(picture, Seconds(0.0)) is Content.FINE]
    return seen or [np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)]
