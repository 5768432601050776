"""Publishes the announcement on each connection and when Home Assistant has started; takes back what is no longer so.

connected, Home Assistant's birth, a sensor's first word ──▶ announcement (retained), old topics emptied
                                                                └──receipt──▶ remembered on disk
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from edge_mask.deliver.transport import BrokerTransport, receipt_of
from edge_mask.homeassistant.discovery import Announcement
from edge_mask.homeassistant.memory import Memory, Remembered
from edge_mask.messages import Fault, Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_LONGEST_WAIT = 10.0
"""A step that waits longer would count as stuck."""
_BIRTH_JITTER = 3.0
"""Many devices hear the same birth; Home Assistant asks them not to answer at once."""
_FIGURES_AFTER = 2.0
"""Home Assistant first has to subscribe to what it was told of."""
_GATHERED_FOR = 1.0
"""Sensors behind one port speak one after the other, and are announced together."""
_SILENT_FOR = 7 * 86400.0
"""A sensor of an earlier time that says nothing for so long is gone; its name may have been noise on the wire."""
_MOST_GONE = 500
"""Of so many components it is still told that they are gone."""


class Announcer(Job):
    """Without an announcement it only takes back what was announced before, and ends."""

    name = "homeassistant"

    def __init__(
        self,
        announce: Callable[[Mapping[str, str]], Announcement] | None,
        memory: Memory,
        transport: BrokerTransport,
        clock: Clock,
        report: Callable[[Fault], None],
        *,
        refresh: Callable[[], None] = lambda: None,
        rng: random.Random | None = None,
    ) -> None:
        """`announce` makes the announcement, with these sensors that are known by their lines. `refresh` has the
        device's figures published soon: a Home Assistant that has just started knows none."""
        self._announce = announce
        self._wanted: Announcement | None = None
        self._memory = memory
        self._transport = transport
        self._clock = clock
        self._refusal = Outage(self.name, log, report, clock)
        self._refresh = refresh
        self._rng = rng or random.Random()
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=0.0)
        self._known = Remembered()
        self._newcomers: dict[str, str] = {}
        self._silent: set[str] = set()
        self._silent_until = float("inf")
        self._under_way: dict[str, Future[Receipt]] = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._due = self._refresh_due = self._gathered_at = float("inf")
        self._is_said = False
        """On the connection that there is now."""

    # -- from other threads ------------------------------------------------------------------------------

    def state_changed(self, connected: bool) -> None:
        """The connection to the broker came or went. That it came may be told after it was used already."""
        with self._lock:
            is_news = not (connected and self._is_said)
            self._is_said = self._is_said and connected
        if connected and is_news:
            self._send_at(self._clock.now().mono)

    def heard(self, message: Message) -> None:
        """Home Assistant has started. A birth that the broker kept tells of an earlier time."""
        if message.payload == b"online" and not message.retain:
            self._send_at(self._clock.now().mono + self._rng.uniform(0.0, _BIRTH_JITTER), with_figures=True)

    def met(self, voice: str, sensor: str) -> None:
        """A sensor has spoken that is known only by the id in its line."""
        with self._lock:
            self._newcomers[sensor] = voice
            self._gathered_at = min(self._gathered_at, self._clock.now().mono + _GATHERED_FOR)
        self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def _send_at(self, due: float, *, with_figures: bool = False) -> None:
        with self._lock:
            self._due = min(self._due, due)
            if with_figures:
                self._refresh_due = due + _FIGURES_AFTER
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._known = self._memory.read()
        if self._announce is not None:
            self._wanted = self._want(self._announce(self._known.ids))
            self._silent = set(self._known.ids)
            self._silent_until = self._clock.now().mono + _SILENT_FOR
            self._transport.subscribe(self._wanted.birth_topic, self.heard)
        if self._transport.is_connected:
            self._send_at(self._clock.now().mono)

    def step(self, stop: threading.Event) -> None:
        self._wait(stop)
        self._collect()
        now = self._clock.now().mono
        with self._lock:
            is_due, figures_are_due = now >= self._due, now >= self._refresh_due
            self._due = float("inf") if is_due else self._due
            self._refresh_due = float("inf") if figures_are_due else self._refresh_due
        if figures_are_due:
            self._refresh()
        if now >= min(self._gathered_at, self._silent_until):
            is_due |= self._take_note()
        if is_due and self._transport.is_connected and not stop.is_set():
            self._send()
        if self._wanted is None and not self._known.announced:
            raise Finished

    def _take_note(self) -> bool:
        """Of sensors that have spoken for the first time, or for a long time not at all; whether it is to be told."""
        with self._lock:
            newcomers, self._newcomers = self._newcomers, {}
            self._gathered_at = float("inf")
        if self._announce is None:
            return False
        self._silent -= newcomers.keys()
        ids = {**self._known.ids, **newcomers}
        if self._clock.now().mono >= self._silent_until:
            self._silent_until = float("inf")
            ids = {name: voice for name, voice in ids.items() if name not in self._silent}
        wanted = self._announce(ids)
        if wanted.ids == self._known.ids:
            return False
        self._wanted = self._want(wanted)
        return True

    def _want(self, wanted: Announcement) -> Announcement:
        """Remember before it is sent: what may have arrived must be known, should the power fail now."""
        known = self._known.announced.setdefault(wanted.topic, {})
        known |= wanted.platforms
        gone = [key for key in known if key not in wanted.components]
        for key in gone[: max(0, len(gone) - _MOST_GONE)]:
            del known[key]
        self._known.ids = dict(wanted.ids)
        self._memory.write(self._known)
        return wanted

    def _wait(self, stop: threading.Event) -> None:
        with self._lock:
            left = min(self._due, self._refresh_due, self._gathered_at) - self._clock.now().mono
        if left > 0 and self._clock.wait(self._wake, Seconds(min(left, _LONGEST_WAIT))) and not stop.is_set():
            self._wake.clear()

    def _send(self) -> None:
        with self._lock:
            self._is_said = True
        for topic, parts in self._known.announced.items():
            # An empty retained message takes the old one away.
            payload = self._wanted.payload(parts) if self._wanted and self._is_wanted(topic) else b""
            message = Message(topic=topic, payload=payload, priority=Priority.LIVE, qos=1, retain=True)
            self._under_way[topic] = self._transport.send(message)
            self._under_way[topic].add_done_callback(lambda _future: self._wake.set())

    def _collect(self) -> None:
        """Receipts: what was taken back is forgotten, what is undecided is sent again."""
        ended = [topic for topic, future in self._under_way.items() if future.done()]
        for topic in ended:
            receipt = receipt_of(self._under_way.pop(topic))
            if receipt.outcome is Outcome.DELIVERED:
                self._backoff.succeeded(0.0)
                self._refusal.end()
                self._forget(topic)
            else:
                if receipt.outcome is Outcome.REFUSED:
                    self._refusal.begin(
                        "refused", f"{topic}: {receipt.reason}; Home Assistant does not see this device"
                    )
                self._send_at(self._clock.now().mono + 1.0 + self._backoff.next_delay())

    def _is_wanted(self, topic: str) -> bool:
        return self._wanted is not None and topic == self._wanted.topic

    def _forget(self, topic: str) -> None:
        if not self._is_wanted(topic):
            self._known.announced.pop(topic, None)
            self._memory.write(self._known)
