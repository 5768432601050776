"""What was sent and has no receipt yet."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

from edge_mask.deliver.transport import receipt_of
from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Receipt


class InFlight:
    """Receipts arrive in any thread, and are collected by the courier's."""

    def __init__(self, wake: Callable[[], object]) -> None:
        """`wake` is called when a receipt has arrived."""
        self._wake = wake
        self._receipts: SimpleQueue[tuple[int, Pending, Receipt]] = SimpleQueue()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, pending: Pending, epoch: int, send: Callable[[], "Future[Receipt]"]) -> None:
        """Send it. `epoch` is the database's, from which `pending` was read."""

        def on_done(future: "Future[Receipt]") -> None:
            self._receipts.put((epoch, pending, receipt_of(future)))
            self._wake()

        self._count += 1  # first: no thread may see an idle moment between
        send().add_done_callback(on_done)

    def collect(self) -> Iterator[tuple[int, Pending, Receipt]]:
        """Each receipt that has arrived, with what it is of and the epoch."""
        while not self._receipts.empty():
            found = self._receipts.get_nowait()
            self._count -= 1
            yield found
