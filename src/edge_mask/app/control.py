"""What a house lends to control: its cameras and its model to look with, its figures, its way to the database."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from threading import Lock
from typing import Any

from edge_mask.act.actions import Result
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.app.drivers import detector_of
from edge_mask.app.ground import Ground
from edge_mask.app.health import HealthFigures
from edge_mask.capture.camera import Camera
from edge_mask.control.clerk import Clerk
from edge_mask.control.commands import Commands
from edge_mask.control.erase import Erase
from edge_mask.control.history import History
from edge_mask.control.keep_picture import Snapshot
from edge_mask.control.look import Eyes, Look
from edge_mask.control.picture import Picture
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.shared_detector import SharedDetector
from edge_mask.errors import EdgeMaskError
from edge_mask.ledger.reader import Reader
from edge_mask.messages import Message
from edge_mask.recording.requests import Barrier
from edge_mask.redact import redact
from edge_mask.rules.effects import KeepPicture
from edge_mask.runtime.clock import Clock
from edge_mask.sense.series import State
from edge_mask.settings.address import address_of
from edge_mask.settings.model import Settings
from edge_mask.vision.shared import Seen


class ModelForGuests:
    """The detector that the lane shares; without cameras one of its own, loaded when somebody first asks."""

    def __init__(self, settings: Settings, shared: SharedDetector | None) -> None:
        self._settings = settings
        self._shared = shared
        self._loading = Lock()

    def __call__(self) -> SharedDetector:
        """Raises ModelError."""
        with self._loading:
            if self._shared is None:
                self._shared = SharedDetector(detector_of(self._settings))
            return self._shared


class Figures:
    """What `health` would say now; with counters of its own, so that the messages keep theirs."""

    def __init__(self, measure: HealthFigures, clock: Clock) -> None:
        self._measure = measure
        self._clock = clock
        self._lock = Lock()
        self._last = clock.now().mono

    def __call__(self) -> Mapping[str, Any]:
        with self._lock:
            now = self._clock.now().mono
            since, self._last = now - self._last, now
            return self._measure(max(1e-3, since))


_PATIENCE = 3.0
"""Seconds; a commit is made every fraction of one."""
_FINE = ("ok", "opening", "ended")
_AWAY = "away"


def _finding(part: str, state: str) -> dict[str, str]:
    """One line as `edge-mask check` has it, of a part that runs."""
    judged = "ok" if state in _FINE else "failed" if state == _AWAY else "warning"
    return {"part": part, "state": judged, "text": state.replace("_", " ")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """The parts of a house that commands use."""

    ground: Ground
    wishes: Wishes
    transport: BrokerTransport | None
    """None without a broker."""
    perform: Callable[[KeepPicture], "Future[Result]"]
    pictures: SnapshotStore
    seen: Seen
    cameras: Mapping[str, Camera]
    sensors: Callable[[], Mapping[str, State]]
    shared: SharedDetector | None
    figures: HealthFigures
    second_looks: Callable[[], Mapping[str, int] | None]
    """By outcome; None while there are none."""
    first: Callable[[Message], bool] = lambda _message: False
    """Deals with requests that must not wait for the others."""
    frames_shared: Callable[[], Mapping[str, int]] = dict
    """Frames given to other devices and taken from them."""
    broken: str = ""
    """Why no model looks, though there are cameras."""

    def look(self) -> Look:
        """Who looks for guests."""
        looks = {name: camera.look_now for name, camera in self.cameras.items()}
        model = ModelForGuests(self.ground.settings, self.shared)
        return Look(Eyes(looks, self.seen.newest.get, lambda: self.seen.inference_ms, model), self.ground.clock)

    def clerk(self, look: Look) -> Clerk:
        """The control worker, for those who ask over the broker and over HTTP."""
        return Clerk(
            self.wishes.desk,
            self.ground.topics,
            self.transport,
            self.commands(look).by_name(),
            self.ground.inbox.emit,
            self.ground.clock,
            clean=self.clean,
            first=self.first,
        )

    def clean(self, text: str) -> str:
        """`text` without secrets."""
        return redact(text, self.ground.settings.secrets())

    def commands(self, look: Look) -> Commands:
        """What can be asked for."""
        settings = self.ground.settings
        return Commands(
            self.wishes,
            infer=look,
            snapshot=Snapshot(
                self.perform,
                self.cameras,
                settings.snapshots.dir,
                sends_pictures=settings.privacy.send_pictures,
            ),
            erase=Erase(
                self.ground.inbox.ask,
                settings.device.thing_name,
                settings.gate.temperature_sensor,
                self.pictures,
                settings.device.zone,
            ),
            picture=self._picture_for_a_store(),
            history=History(self.ground.inbox.ask, self.ground.topics, settings.forward == "all"),
            figures=Figures(self.figures, self.ground.clock),
            parts=self.parts,
        )

    def _picture_for_a_store(self) -> Picture:
        settings = self.ground.settings
        wanted = None if settings.fleet is None or not settings.privacy.send_pictures else settings.fleet.pictures
        reader = Reader(settings.outbox.path)

        def find(visit: str) -> Mapping[str, Any] | None:
            found = reader.visit(visit)
            return None if found is None else found[0]

        return Picture(
            find,
            settings.snapshots.dir,
            () if wanted is None else tuple(map(address_of, wanted.to)),
            None if wanted is None else wanted.ca,
            self.ground.clock,
        )

    def parts(self) -> list[dict[str, str]]:
        """How each part is, as `edge-mask check` says it; asks the recorder, and waits for it a moment."""
        return list(self._parts())

    def _parts(self) -> Iterator[dict[str, str]]:
        now = self.wishes.in_force()
        if now.config:
            yield {"part": "overlay", "state": "ok", "text": f"version {now.version}"}
        if now.model is not None:
            yield {"part": "model", "state": "ok", "text": " ".join(now.model)}
        if self.broken:
            yield {"part": "model", "state": "failed", "text": self.clean(self.broken)}
        for name, camera in self.cameras.items():
            yield _finding(f"camera {name}", camera.state)
        for name, state in self.sensors().items():
            yield _finding(f"sensor {name}", state)
        yield self._database()
        if self.transport is not None:
            yield self._broker(self.transport)

    def _broker(self, transport: BrokerTransport) -> dict[str, str]:
        if transport.is_connected and self.ground.couriers.is_unheard:
            text = "messages wait, as nobody subscribes to their topics; errors name one of them"
            return {"part": "broker", "state": "warning", "text": text}
        return _finding("broker", "ok" if transport.is_connected else _AWAY)

    def _database(self) -> dict[str, str]:
        """Whether everything that was recorded until now reaches the disk."""
        barrier = Barrier()
        self.ground.inbox.ask(barrier)
        try:
            barrier.answer.result(_PATIENCE)
        except (Overdue, CancelledError, EdgeMaskError) as error:
            text = str(error) or f"nothing was written for {_PATIENCE:g} s; errors tell why"
            return {"part": "database", "state": "failed", "text": text}
        return _finding("database", "ok")
