"""The couriers of a house as one object; parts that are built earlier hold it already."""

from collections.abc import Callable

from edge_mask.deliver.courier import Courier
from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.messages import Message


class CourierGroup:
    """Forwards news from the recorder and the connection. Without a broker, live messages are dropped here."""

    def __init__(self) -> None:
        self._brokers: list[Courier] = []
        self.all: list[Courier | HttpCouriers] = []
        self.listeners: list[Callable[[bool], None]] = []
        """Who else is told that the connection to the broker came (True) or went; each returns at once."""
        self.watchers: list[Callable[[], None]] = []
        """Who else is told that something was written; each returns at once."""

    def add(self, courier: Courier | HttpCouriers) -> None:
        """Add a courier that gets the news from now on."""
        self.all.append(courier)
        if isinstance(courier, Courier):
            self._brokers.append(courier)

    def offer_live(self, message: Message) -> None:
        """Send it now or never."""
        for courier in self._brokers:
            courier.offer_live(message)

    def poke(self) -> None:
        """There may be new rows."""
        for courier in self.all:
            courier.poke()
        for watcher in self.watchers:
            watcher()

    def read_again(self) -> None:
        """Rows were deleted."""
        for courier in self.all:
            courier.read_again()

    def state_changed(self, connected: bool, reason: str) -> None:
        """The connection to the broker came or went."""
        for courier in self._brokers:
            courier.state_changed(connected, reason)
        for listener in self.listeners:
            listener(connected)

    @property
    def is_unheard(self) -> bool:
        """Whether messages for the broker wait because nobody subscribes to their topics."""
        return any(courier.is_unheard for courier in self._brokers)

    @property
    def live_dropped(self) -> int | None:
        """Live messages that were not sent; None without a broker."""
        return sum(courier.live_dropped for courier in self._brokers) if self._brokers else None
