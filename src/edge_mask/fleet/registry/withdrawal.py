"""Takes back an `about` that the broker still keeps, under a name or a topic that this device does not use any more.

about.json: topics that were ever used ──▶ emptied on the broker ──receipt──▶ forgotten
"""

import json
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

from edge_mask.deliver.transport import Transport, receipt_of
from edge_mask.errors import TryLater
from edge_mask.kinds import ABOUT
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.private_file import replace_private
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Finished, Job
from edge_mask.settings.base import read_whole
from edge_mask.units import Seconds
from edge_mask.wire.topics import text_problem

log = logging.getLogger(__name__)

_LONGEST_WAIT = Seconds(10.0)


class Used:
    """The topics of `about` that the broker may keep something of: one small file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[str]:
        """Nothing when the file cannot be used: then an old `about` stays until somebody removes it."""
        try:
            found = json.loads(read_whole(self._path))
            return [each for each in found if each and not text_problem("a topic", each) and not set("+#") & set(each)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, RecursionError) as error:
            log.warning("fleet: %s cannot be used: %s", self._path, error)
            return []

    def write(self, topics: Iterable[str]) -> None:
        """Replace the file as a whole; without topics there is none. What fails is logged."""
        try:
            if kept := sorted(set(topics)):
                replace_private(self._path, json.dumps(kept).encode())
            else:
                self._path.unlink(missing_ok=True)
        except (OSError, TryLater) as error:
            log.warning("fleet: %s cannot be written: %s", self._path, error)


class Withdrawal(Job):
    """Ends when nothing is left to be taken back."""

    name = "fleet withdrawal"

    def __init__(self, used: Used, kept: str | None, transport: Transport, clock: Clock) -> None:
        """`kept`: the topic that is in use now, and stays."""
        self._used = used
        self._kept = kept
        self._transport = transport
        self._clock = clock
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=0.0)
        self._left = [each for each in used.read() if each != kept]
        if kept is not None:
            used.write([*self._left, kept])  # before anything is said there
        self._under_way: dict[str, Future[Receipt]] = {}
        self._due = 0.0
        self._wake = threading.Event()

    @property
    def is_needed(self) -> bool:
        return bool(self._left)

    def state_changed(self, connected: bool) -> None:
        """The connection to the broker came or went."""
        if connected:
            self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def step(self, stop: threading.Event) -> None:
        if not self._left:
            raise Finished
        self._collect()
        now = self._clock.now().mono
        if self._left and not self._under_way and now >= self._due and self._transport.is_connected:
            for topic in self._left:
                self._under_way[topic] = self._transport.send(
                    Message(topic=topic, payload=b"", priority=ABOUT.priority, qos=1, retain=True)
                )
                self._under_way[topic].add_done_callback(lambda _future: self._wake.set())
        elif self._left:
            wait = Seconds(max(0.1, min(_LONGEST_WAIT, self._due - now))) if now < self._due else _LONGEST_WAIT
            if self._clock.wait(self._wake, wait) and not stop.is_set():
                self._wake.clear()

    def _collect(self) -> None:
        """What was taken back is forgotten; the rest is tried again later, also where it was refused."""
        for topic in [topic for topic, future in self._under_way.items() if future.done()]:
            if receipt_of(self._under_way.pop(topic)).outcome is Outcome.DELIVERED:
                self._left.remove(topic)
                self._used.write([*self._left, *([] if self._kept is None else [self._kept])])
            else:
                self._due = self._clock.now().mono + 1.0 + self._backoff.next_delay()
