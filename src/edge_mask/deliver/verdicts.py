"""What became of each message that was sent; refused and stale ones are told of where it is worth a line."""

import logging
from collections.abc import Callable

from edge_mask.deliver.refusals import Refusals
from edge_mask.ledger.outbox import Pending
from edge_mask.ledger.rows import Settlement
from edge_mask.messages import Fault, Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage

log = logging.getLogger(__name__)


class Verdicts:
    """The courier's thread uses it."""

    def __init__(
        self, name: str, shown: Callable[[Message], str], report: Callable[[Fault], None], clock: Clock
    ) -> None:
        """`name` is the destination's; `shown` returns the readable target of a message."""
        self._refusals = Refusals(name, shown, log, report, clock)
        self._stale = Outage(name, log, report, clock)

    def settlement(self, pending: Pending, receipt: Receipt) -> Settlement:
        """For the recorder."""
        match receipt.outcome:
            case Outcome.REFUSED:
                self._refusals.refused(pending.message, receipt.reason)
            case Outcome.STALE:
                self._stale.begin(receipt.counted_as, receipt.reason)
            case _:
                self._refusals.delivered(pending.message)
                self._stale.end()
        return Settlement(pending.row, pending.message.id, receipt)
