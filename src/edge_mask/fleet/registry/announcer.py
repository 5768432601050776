"""Says on `about` who this device is, and on `room` what it can take over.

connected, changed ──▶ about (retained)          each 2 s, when it is another or grows old ──▶ room (retained, expires)
                                                 a clean stop ──▶ room is taken back
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.deliver.transport import Transport, receipt_of
from edge_mask.fleet.registry.room import Room
from edge_mask.kinds import ABOUT, ROOM, Kind
from edge_mask.messages import Fault, Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds
from edge_mask.wire import announcement
from edge_mask.wire.topics import Topics

log = logging.getLogger(__name__)

EXPIRES_AFTER: Final = 10
"""Seconds that a broker keeps `room`."""
_LOOKS_EACH: Final = Seconds(2.0)
_RENEWED_AFTER: Final = 6.0
"""Seconds; with one look more, it is still renewed in time."""
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Voice:
    """How this device speaks: its topics and its name."""

    topics: Topics
    keeps_room: bool = True
    """False where messages cannot expire: then `room` is not retained, or a device that is gone would seem to have
    some for ever."""

    def message(self, kind: Kind, payload: bytes) -> Message:
        is_room = kind is ROOM
        return Message(
            topic=self.topics.of(kind.name),
            payload=payload,
            priority=kind.priority,
            qos=kind.qos,
            retain=self.keeps_room if is_room else kind.is_retained,
            properties={"message_expiry_interval": EXPIRES_AFTER} if is_room and payload else {},
        )


class Announcer(Job):
    """Publishes both for as long as the house stands."""

    name = "fleet"
    patience = Seconds(90.0)
    """To find its own address it may have to wait for a name to be looked up."""

    def __init__(
        self,
        voice: Voice,
        about: Callable[[], Mapping[str, Any]],
        room: Callable[[], Room],
        transport: Transport,
        clock: Clock,
        report: Callable[[Fault], None],
    ) -> None:
        """`about` and `room` are asked in this job's thread."""
        self._voice = voice
        self._about = about
        self._room = room
        self._transport = transport
        self._clock = clock
        self._outages = {kind: Outage(self.name, log, report, clock, what=kind.name) for kind in (ABOUT, ROOM)}
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=0.0)
        self._under_way: list[tuple[Kind, Future[Receipt]]] = []
        self._said: Room | None = None
        self._said_at = -_NEVER
        self._lock = threading.Lock()
        self._about_due = _NEVER
        self._room_due = 0.0
        self._wake = threading.Event()

    # -- from other threads ------------------------------------------------------------------------------

    def state_changed(self, connected: bool) -> None:
        """The connection to the broker came or went."""
        if connected:
            with self._lock:
                self._about_due = self._room_due = 0.0
                self._said = None
            self._wake.set()

    def changed(self) -> None:
        """What `about` says is another now."""
        with self._lock:
            self._about_due = 0.0
        self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self._transport.is_connected:
            self.state_changed(True)

    def step(self, stop: threading.Event) -> None:
        self._wait(stop)
        self._collect()
        if stop.is_set():
            return
        now = self._clock.now().mono
        with self._lock:
            about_is_due, room_is_due = now >= self._about_due, now >= self._room_due
            self._about_due = _NEVER if about_is_due else self._about_due
            self._room_due = now + _LOOKS_EACH if room_is_due else self._room_due
        if not self._transport.is_connected:
            return
        if about_is_due:
            self._send(ABOUT, self._about())
        if room_is_due:
            self._tell_room(now)

    def end(self) -> None:
        """Nobody is to offer anything to a device that has stopped. The courier's connection ends after this."""
        if self._transport.is_connected and self._voice.keeps_room:
            self._transport.send(self._voice.message(ROOM, b""))

    def _wait(self, stop: threading.Event) -> None:
        with self._lock:
            left = min(self._about_due, self._room_due) - self._clock.now().mono
        if left > 0 and self._clock.wait(self._wake, Seconds(min(left, _LOOKS_EACH))) and not stop.is_set():
            self._wake.clear()

    def _tell_room(self, now: float) -> None:
        room = self._room()
        with self._lock:
            is_news = room != self._said or now - self._said_at >= _RENEWED_AFTER
            self._said = room
        if is_news:
            self._said_at = now
            self._send(ROOM, room.fields())

    def _send(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        payload = announcement(fields, thing=self._voice.topics.thing, at=self._clock.now())
        future = self._transport.send(self._voice.message(kind, payload))
        self._under_way.append((kind, future))
        future.add_done_callback(lambda _future: self._wake.set())

    def _collect(self) -> None:
        """Receipts: what was refused is reported, an `about` that is undecided is said again."""
        ended = [(kind, receipt_of(future)) for kind, future in self._under_way if future.done()]
        self._under_way = [(kind, future) for kind, future in self._under_way if not future.done()]
        for kind, receipt in ended:
            if receipt.outcome is Outcome.DELIVERED:
                self._outages[kind].end()
            elif receipt.outcome is Outcome.REFUSED:
                self._outages[kind].begin("refused", f"{self._voice.topics.of(kind.name)}: {receipt.reason}")
            if kind is ABOUT:
                self._settle(receipt)

    def _settle(self, receipt: Receipt) -> None:
        if receipt.outcome is Outcome.DELIVERED:
            self._backoff.succeeded(0.0)
            return
        with self._lock:
            due = self._clock.now().mono + 1.0 + self._backoff.next_delay()
            self._about_due = min(self._about_due, due)
