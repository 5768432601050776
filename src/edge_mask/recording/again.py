"""Sending again what a receiver lacks: the messages of some numbers of a topic, made from the history.

history ──event, id, seq──▶ the same message, `late` ──▶ outbox, in its class
What waits already is not put there twice. What was erased, dropped with its time, or never kept is missing for good.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_mask.ledger.again import Kept
from edge_mask.ledger.rows import OutboxRow
from edge_mask.messages import Message
from edge_mask.units import Moment
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import envelope, mark_late, to_bytes

MOST: Final = 500
"""Numbers in one request."""


@dataclass(frozen=True, slots=True)
class SentAgain:
    """What becomes of the numbers that were asked for."""

    topic: str
    sent: int
    """How many are on their way."""
    missing: list[tuple[int, int]]
    """From and to; they will never come."""
    last: int
    """The newest number of the topic."""


def spans(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in growing order as spans, each with its first and its last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def row_of(kept: Kept, topic: str, destination: str, thing: str, now: Moment, boot: str) -> OutboxRow:
    """The message as it was, marked as late. Its age in the outbox begins now: `outbox.max_age` bounds the waiting."""
    encoded, at = encode(kept.event), kept.event.at
    fields = envelope(encoded.fields, id=kept.id, seq=kept.seq, thing=thing, at=at)
    payload = mark_late(to_bytes(fields))
    message = Message(topic=topic, payload=payload, priority=encoded.priority, qos=encoded.qos, id=kept.id)
    if not kept.clock_was_set:  # nobody knows when that was
        return OutboxRow(destination, message, at, kept.boot)
    return OutboxRow(destination, message, Moment(now.mono, at.wall, synced=True), boot)
