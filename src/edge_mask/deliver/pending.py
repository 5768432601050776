"""Messages on their way: the end of each is told exactly once, and a standstill is noticed."""

from concurrent.futures import Future

from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds


class Pending:
    """A message with the future its sender waits on; nobody can cancel it, and it ends once."""

    __slots__ = ("future", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.future: Future[Receipt] = Future()
        self.future.set_running_or_notify_cancel()

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Tell the sender; what comes after the first call is ignored (an acknowledgement after the timeout)."""
        if not self.future.done():
            self.future.set_result(Receipt(outcome, reason))


class Standstill:
    """Watches the oldest unacknowledged message: the same one for too long means that nothing moves.

    A broker that is slow but acknowledges in turn is left in peace, however long the queue to it is.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._oldest: Pending | None = None
        self._since = Seconds(0.0)

    def left(self, oldest: Pending | None, now: Seconds) -> float:
        """Seconds until the patience is over: infinite when nothing waits, 0 or less when it is over."""
        if oldest is not self._oldest:
            self._oldest, self._since = oldest, now
        return float("inf") if oldest is None else self._since + self._patience - now
