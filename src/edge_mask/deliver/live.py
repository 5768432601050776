"""Live messages on their way out: the newest few, for a few seconds, and never in front of a stored one for long."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from edge_mask.deliver.transport import Transport
from edge_mask.messages import Message, Receipt

_KEPT = 16
_UNDER_WAY = 4
_KEPT_FOR = 10.0


class LiveLine:
    """`offer` may be called from any thread, the rest belongs to the courier."""

    def __init__(self, transport: Transport, wake: Callable[[], object]) -> None:
        """`wake` is called when there may be something to do, from any thread."""
        self._transport = transport
        self._wake = wake
        self._waiting: deque[tuple[float, Message]] = deque(maxlen=_KEPT)
        self._under_way: list[Future[Receipt]] = []
        self.dropped = 0
        """How many were not sent: no connection, or one that was too slow."""

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: Message, now: float) -> None:
        """Send it now or never: without a connection it is dropped here."""
        if not self._transport.is_connected or len(self._waiting) == _KEPT:
            self.dropped += 1
        if self._transport.is_connected:
            self._waiting.append((now, message))
            self._wake()

    def send(self, now: float, *, holds_back: bool) -> None:
        """Hand over a few at a time: what the transport holds and has not written yet gets old there unseen, and
        stands before the stored messages that come later. With `holds_back` none is handed over."""
        while self._waiting and now - self._waiting[0][0] > _KEPT_FOR:
            self._waiting.popleft()
            self.dropped += 1
        self._under_way = [future for future in self._under_way if not future.done()]
        while not holds_back and self._waiting and self._transport.is_connected and len(self._under_way) < _UNDER_WAY:
            future = self._transport.send(self._waiting.popleft()[1])
            if not future.done():
                self._under_way.append(future)
                future.add_done_callback(lambda _future: self._wake())
