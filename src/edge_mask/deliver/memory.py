"""The in-memory transport: a broker and its connection in one object; tests can make it fail."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from edge_mask.deliver.transport import Listener, OnState, Sending
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds


class MemoryTransport:
    """Keeps the delivered messages in order. It has no thread: a send ends in the call that causes it.

    Like the real transports it reports a lost connection, a refusal or a missing acknowledgement in the receipt, never
    by an exception. Messages sent while away are never delivered later.
    """

    def __init__(
        self,
        *,
        will: Message | None = None,
        birth: Message | None = None,
        on_state: OnState = lambda _connected, _reason: None,
    ) -> None:
        self.delivered: list[Message] = []
        self.retained: dict[str, Message] = {}
        self._will = will
        self._birth = birth
        self._on_state = on_state
        self._lock = threading.RLock()
        self._is_open = False
        self._is_reachable = True
        self._is_frozen = False
        self._unacknowledged: list[Sending] = []
        self._acks_to_lose = 0
        self._refuses: Callable[[Message], str] = lambda _message: ""
        self._listeners: dict[str, Listener] = {}

    # ── the Transport protocol ──────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        with self._lock:
            self._is_open = True
            if self._is_reachable:
                self._connect()
            else:
                self._on_state(False, "away")

    @property
    def is_connected(self) -> bool:
        return self._is_open and self._is_reachable

    def send(self, message: Message) -> "Future[Receipt]":
        sending = Sending(message)
        with self._lock:
            if not self.is_connected:
                sending.end(Outcome.UNKNOWN, "no connection")
            elif self._is_frozen:
                self._unacknowledged.append(sending)
            else:
                self._answer(sending)
        return sending.future

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Supports exact topics only."""
        self._listeners[topic_filter] = listener

    def close(self, within: Seconds) -> None:
        del within
        with self._lock:
            if self.is_connected and not self._is_frozen and self._will is not None:
                self._keep(self._will)
            self._is_open = False
            self._end_unacknowledged("closed")
            self._on_state(False, "closed")

    # ── what a test can order ───────────────────────────────────────────────────────────────────────────

    def go_away(self, reason: str = "the connection was lost") -> None:
        """The connection breaks: the broker publishes the will, unacknowledged messages end Unknown."""
        with self._lock:
            was_connected, self._is_reachable = self.is_connected, False
            if was_connected and self._will is not None:
                self._keep(self._will)
            self._end_unacknowledged(reason)
            self._on_state(False, reason)

    def come_back(self) -> None:
        """The broker can be reached again."""
        with self._lock:
            self._is_reachable = True
            self.thaw()
            if self._is_open:
                self._connect()

    def freeze(self) -> None:
        """Take messages but answer nothing, until `thaw`, `time_out` or a lost connection."""
        with self._lock:
            self._is_frozen = True

    def thaw(self) -> None:
        """Answer the held messages, in order."""
        with self._lock:
            self._is_frozen = False
            held, self._unacknowledged = self._unacknowledged, []
            for sending in held:
                self._answer(sending)

    def time_out(self) -> None:
        """The held messages time out: they end Unknown, though they may arrive."""
        with self._lock:
            self._end_unacknowledged("the broker acknowledged nothing")

    def lose_acks(self, count: int) -> None:
        """The next `count` messages arrive, and their acknowledgements are lost."""
        with self._lock:
            self._acks_to_lose = count

    def refuse(self, why: Callable[[Message], str]) -> None:
        """Refuse each message for which `why` returns a sentence."""
        with self._lock:
            self._refuses = why

    def arrive(self, message: Message) -> None:
        """Another client publishes `message`: call its listener."""
        if (listener := self._listeners.get(message.topic)) is not None and self.is_connected:
            listener(message)

    def _connect(self) -> None:
        if self._birth is not None:
            self._keep(self._birth)
        self._on_state(True, "connected in memory")

    def _answer(self, sending: Sending) -> None:
        if reason := self._refuses(sending.message):
            sending.end(Outcome.REFUSED, reason)
            return
        self._keep(sending.message)
        if self._acks_to_lose:
            self._acks_to_lose -= 1
            sending.end(Outcome.UNKNOWN, "the acknowledgement was lost")
        else:
            sending.end(Outcome.DELIVERED)

    def _keep(self, message: Message) -> None:
        self.delivered.append(message)
        if message.retain:
            self.retained[message.topic] = message

    def _end_unacknowledged(self, reason: str) -> None:
        held, self._unacknowledged = self._unacknowledged, []
        for sending in held:
            sending.end(Outcome.UNKNOWN, reason)
