"""What carries messages: the protocols, and the future that every driver answers with.

send(message) ──▶ Sending ──future──▶ Receipt        subscribe(filter, listener) ◀── what others publish
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds

OnState = Callable[[bool, str], None]
"""Called with "is it connected?" and why; from any thread. It returns at once."""
Listener = Callable[[Message], None]
"""Called with what arrived, in the driver's thread. It returns at once."""


class Transport(Protocol):
    """Sends messages while connected. It keeps no queue of its own: SQLite is the only queue.

    Nothing here says how a driver works: it may poll a socket in a thread of its own or resolve the futures from the
    callbacks of a library.
    """

    def open(self) -> None:
        """Begin connecting, in the background; returns at once. Raises Refused when it never can (bad certificate)."""
        ...

    @property
    def is_connected(self) -> bool: ...

    def send(self, message: Message) -> "Future[Receipt]":
        """Offer one message. The future always ends: Delivered on the broker's acknowledgement (at QoS 0 when the
        network has taken it), Refused on its no or when no packet can carry it, Unknown when the connection was lost
        first. Never blocks, never raises."""
        ...

    def close(self, within: Seconds) -> None:
        """Say goodbye and stop its threads; what is undecided by then ends Unknown."""
        ...


class Subscriber(Protocol):
    """Hears what others publish."""

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Have `listener` called for what arrives on `topic_filter`. May be asked for at any time, also before `open`;
        the subscription is renewed on each connection."""
        ...


class BrokerTransport(Transport, Subscriber, Protocol):
    """A connection to a broker: it sends and it hears."""


class Sending:
    """One message on its way, with the future its sender waits on; nobody can cancel it, and it ends once."""

    __slots__ = ("future", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.future: Future[Receipt] = Future()
        self.future.set_running_or_notify_cancel()

    def end(self, outcome: Outcome, reason: str = "", *, is_suspect: bool = False) -> None:
        """Tell the sender; what comes after the first call is ignored (an acknowledgement after the timeout)."""
        if not self.future.done():
            self.future.set_result(Receipt(outcome, reason, is_suspect))


def offered(transport: Transport, prepare: Callable[[], Message]) -> "Future[Receipt]":
    """Send what `prepare` gives. What either of them raises refuses this message: it would raise again for ever."""
    try:
        return transport.send(prepare())
    except Exception as error:  # noqa: BLE001 (a rotten row, a driver that breaks its promise: neither may stop the rest)
        refused: Future[Receipt] = Future()
        refused.set_result(Receipt(Outcome.REFUSED, f"cannot be sent: {type(error).__name__}: {error}"))
        return refused


def receipt_of(future: "Future[Receipt]") -> Receipt:
    """How a send that is done ended; what a driver could not say is undecided."""
    if future.cancelled():
        return Receipt(Outcome.UNKNOWN, "cancelled")
    if (error := future.exception()) is not None:
        return Receipt(Outcome.UNKNOWN, f"{type(error).__name__}: {error}", is_suspect=True)
    return future.result()
