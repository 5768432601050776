"""The Transport protocol: one connection to one destination."""

from concurrent.futures import Future
from typing import Protocol

from edge_mask.messages import Message, Receipt
from edge_mask.units import Seconds


class Transport(Protocol):
    """Sends messages while connected. It keeps no queue of its own: SQLite is the only queue."""

    def open(self) -> None:
        """Begin connecting, in the background; returns at once. Raises Refused when it never can (bad certificate)."""
        ...

    @property
    def is_connected(self) -> bool: ...

    def send(self, message: Message) -> "Future[Receipt]":
        """Offer one message. The future always ends: Delivered on the broker's acknowledgement (at QoS 0 when the
        network has taken it), Refused on its no, Unknown when the connection was lost first. Never blocks, never
        raises."""
        ...

    def close(self, within: Seconds) -> None:
        """Say goodbye and stop its threads; what is undecided by then ends Unknown."""
        ...
