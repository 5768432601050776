"""Receipts on their way from the couriers to the disk.

courier ──put──▶ Receipts ──take──▶ recorder: into the group; what was refused for good goes before the rules
"""

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from queue import SimpleQueue

from edge_mask.errors import DatabaseError
from edge_mask.ledger.rows import Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Outcome
from edge_mask.recording.intake import Admitted, Intake
from edge_mask.units import Moment, Seconds, Unix

log = logging.getLogger(__name__)


class Receipts:
    """Not in the mailbox, which may be full of events that find no room on the disk: receipts make room.

    `put` may be called from any thread, the rest by the recorder's.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[list[Settlement], Future[None]]] = SimpleQueue()

    @property
    def is_empty(self) -> bool:
        return self._waiting.empty()

    def put(self, settlements: list[Settlement]) -> "Future[None]":
        """Never waits. The future resolves when they are on the disk."""
        done: Future[None] = Future()
        self._waiting.put((settlements, done))
        return done

    def take(self) -> Iterator[tuple[list[Settlement], "Future[None]"]]:
        """All that have come."""
        while not self._waiting.empty():
            yield self._waiting.get_nowait()

    def cancel(self) -> None:
        """The recorder ends: nobody gets an answer any more."""
        for _, done in self.take():
            done.cancel()


def consequences(settlements: list[Settlement], ledger: Ledger, intake: Intake, now: Moment) -> Iterator[Admitted]:
    """What follows from receipts: when a message of a rule was refused for good, the rule's error action runs."""
    if any(each.is_delivered for each in settlements):
        intake.uploaded(now)
    for settlement in settlements:
        if settlement.receipt.outcome is not Outcome.REFUSED:
            continue
        try:
            pending = ledger.waiting(settlement.row)
        except DatabaseError as error:
            log.debug("database: a refused message cannot be looked up: %s", error)
            continue
        if pending is not None and pending.message.id == settlement.id:
            at = Moment(Seconds(pending.mono), Unix(pending.wall), pending.clock_was_set)
            yield intake.refused(pending.message, at, settlement.receipt.reason)
