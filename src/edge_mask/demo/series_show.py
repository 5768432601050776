"""The demo of series: a month of a district's water in about twenty seconds.

district ──▶ Month (learns, watches each minute) ──messages──▶ broker (a thread) ──MQTT──▶ Diary ──▶ lines
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from edge_mask.deliver.paho import PahoTransport
from edge_mask.demo.broker import HOST, EmbeddedBroker
from edge_mask.demo.diary import Diary
from edge_mask.demo.district import SITE, district
from edge_mask.demo.month import Month
from edge_mask.demo.subscriber import TOPICS, connected
from edge_mask.errors import TryLater
from edge_mask.messages import Event, Message
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import envelope, to_bytes
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

_THING: Final = "demo"
_A_DAY: Final = 0.55
"""Seconds that a day of the month lasts, where the machine is fast enough."""
_PATIENCE: Final = 30.0
"""Seconds in which the messages of a day are with the subscriber."""


class Post:
    """Makes messages of events, as the recorder of the daemon does."""

    def __init__(self) -> None:
        self._topics = Topics("edge-mask/{thing}", _THING)
        self._new_id = IdMaker().make
        self._seq = 0

    def message(self, event: Event) -> Message:
        """The next one."""
        self._seq += 1
        made = encode(event)
        fields = envelope(made.fields, id=self._new_id(event.at), seq=self._seq, thing=_THING, at=event.at)
        topic, payload = self._topics.of(made.kind), to_bytes(fields)
        return Message(topic=topic, payload=payload, priority=made.priority, qos=made.qos, id=fields["id"])


class SeriesShow:
    """One demonstration. `say` is called for each line, from several threads but never from two at once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._print = say
        self._line = threading.Lock()
        self._stop = threading.Event()
        self._post = Post()
        self._diary = Diary(SITE.zone, self._say)
        self._is_read = threading.Event()
        self._last = b""
        """Of the messages of a day: when the subscriber has it, it has all of them."""

    def stop(self) -> None:
        """End it; from any thread, but not from a signal handler."""
        self._stop.set()

    def run(self, max_seconds: float | None) -> int:
        """Show until the month is over, `stop`, or `max_seconds`; 0."""
        until = float("inf") if max_seconds is None else time.monotonic() + max_seconds
        with ExitStack() as resources:
            broker = EmbeddedBroker()
            resources.callback(broker.stop)
            broker.start()
            resources.enter_context(connected(broker.port, "demo-subscriber", self._receive))
            daemon = resources.enter_context(connected(broker.port, "demo-series"))
            self._introduce(broker.port)
            self._play(self._learn(), daemon, until)
        self._say("Stopped: the broker is gone, nothing was stored.")
        return 0

    def _introduce(self, port: int) -> None:
        self._say(
            "Input: made-up water of a district, a reading each minute: 12 weeks that are stored, then March 2026."
        )
        self._say(f"Messages: mosquitto_sub -h {HOST} -p {port} -t '{TOPICS}' -v    and below. Ctrl-C ends it.")

    def _learn(self) -> Month:
        began = time.monotonic()
        month = Month(district())
        learned, took = month.criteria, time.monotonic() - began
        self._say(
            f"Learned in {took:.1f} s from {learned.days} days: {learned.min:.2f} to {learned.max:.2f} {SITE.unit}, at"
            f" most {learned.max_step:.2f} from one minute to the next; what a week is like; and that nights differ by"
            f" {month.night_noise:.1%}."
        )
        self._say("")
        return month

    def _play(self, month: Month, daemon: PahoTransport, until: float) -> None:
        """Day after day; the subscriber has read one before the next comes."""
        begun = time.monotonic()
        for day, events in enumerate(month.days(), 1):
            messages = [self._post.message(event) for event in events]
            self._is_read.clear()
            self._last = messages[-1].payload
            for message in messages:
                daemon.send(message)
            self._wait_for_the_reader(until)
            ends = min(begun + day * _A_DAY, until)
            if self._stop.wait(max(0.0, ends - time.monotonic())) or time.monotonic() >= until:
                return

    def _wait_for_the_reader(self, until: float) -> None:
        patience = time.monotonic() + _PATIENCE
        while not self._is_read.wait(0.1) and not self._stop.is_set() and time.monotonic() < until:
            if time.monotonic() > patience:
                raise TryLater("the embedded broker does not deliver what is published")

    def _receive(self, message: Message) -> None:
        self._diary.receive(message.topic, message.payload)
        if message.payload == self._last:
            self._is_read.set()

    def _say(self, text: str) -> None:
        with self._line:
            self._print(text)
