"""One message on its way, and the promise that its end is told exactly once."""

from concurrent.futures import Future

from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds


class Pending:
    """A message with the future its sender waits on; nobody can cancel it, and it ends once."""

    __slots__ = ("future", "message", "since")

    def __init__(self, message: Message, since: Seconds) -> None:
        self.message = message
        self.since = since
        self.future: Future[Receipt] = Future()
        self.future.set_running_or_notify_cancel()

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Tell the sender; what comes after the first call is ignored (an acknowledgement after the timeout)."""
        if not self.future.done():
            self.future.set_result(Receipt(outcome, reason))
