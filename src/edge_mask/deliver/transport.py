"""The transport protocols, and the future of each send.

send(message) ──▶ Sending ──future──▶ Receipt        subscribe(filter, listener) ◀── what others publish
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds

OnState = Callable[[bool, str], None]
"""Called with (is connected, reason) from any thread; must return at once."""
Listener = Callable[[Message], None]
"""Called with each arrived message in the driver's thread; must return at once."""


class Transport(Protocol):
    """Sends messages while connected. It keeps no queue of its own: SQLite is the only queue.

    A driver may poll a socket in its own thread or resolve the futures from the callbacks of a library.
    """

    def open(self) -> None:
        """Start connecting in the background; returns at once. Raises Refused when it never can (bad certificate)."""
        ...

    @property
    def is_connected(self) -> bool: ...

    def send(self, message: Message) -> "Future[Receipt]":
        """Send one message. The future always ends: Delivered on the broker's acknowledgement (at QoS 0 once it is
        written), Refused when the broker refuses or no packet can carry it, Unknown when the connection was lost first.
        Never blocks, never raises."""
        ...

    def close(self, within: Seconds) -> None:
        """Disconnect and stop the threads; messages that are undecided by then end Unknown."""
        ...


class Subscriber(Protocol):
    """Receives what others publish."""

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Call `listener` for messages that match `topic_filter`. Allowed at any time, also before `open`; the
        subscription is renewed on each connection."""
        ...


class BrokerTransport(Transport, Subscriber, Protocol):
    """A connection to a broker: it sends and receives."""


class Sending:
    """One message in flight with its future, which cannot be cancelled and ends once."""

    __slots__ = ("future", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.future: Future[Receipt] = Future()
        self.future.set_running_or_notify_cancel()

    def end(self, outcome: Outcome, reason: str = "", *, is_suspect: bool = False) -> None:
        """Resolve the future; later calls are ignored (an acknowledgement after the timeout)."""
        self.end_with(Receipt(outcome, reason, is_suspect))

    def end_unheard(self, reason: str) -> None:
        """The broker has taken it and given it to nobody."""
        self.end_with(Receipt(Outcome.UNKNOWN, reason, is_unheard=True))

    def end_with(self, receipt: Receipt) -> None:
        """The same, with a receipt."""
        if not self.future.done():
            self.future.set_result(receipt)


class Stale(Exception):
    """Nobody wants the message any more; `counted_as` names the counter that tells of it."""

    def __init__(self, reason: str, counted_as: str) -> None:
        super().__init__(reason)
        self.receipt = Receipt(Outcome.STALE, reason, counted_as=counted_as)


def offered(transport: Transport, prepare: Callable[[], Message]) -> "Future[Receipt]":
    """Send what `prepare` returns. An exception refuses the message: it would come each time."""
    try:
        return transport.send(prepare())
    except Stale as end:
        return _ended(end.receipt)
    except Exception as error:  # noqa: BLE001 (a damaged row or a faulty driver must not stop the rest)
        return _ended(Receipt(Outcome.REFUSED, f"cannot be sent: {type(error).__name__}: {error}"))


def _ended(receipt: Receipt) -> "Future[Receipt]":
    future: Future[Receipt] = Future()
    future.set_result(receipt)
    return future


def receipt_of(future: "Future[Receipt]") -> Receipt:
    """The receipt of a finished send; an exception or cancellation counts as Unknown."""
    if future.cancelled():
        return Receipt(Outcome.UNKNOWN, "cancelled")
    if (error := future.exception()) is not None:
        return Receipt(Outcome.UNKNOWN, f"{type(error).__name__}: {error}", is_suspect=True)
    return future.result()
