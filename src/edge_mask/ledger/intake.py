"""From an event to what is kept and what leaves: one row, its message, and what the rules make of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge_mask.ledger.rows import EventRow, OutboxRow, event_row
from edge_mask.ledger.sequences import Sequences
from edge_mask.messages import Class, Event, Message
from edge_mask.units import Moment
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import envelope, to_bytes
from edge_mask.wire.topics import Topics


@dataclass(slots=True)
class Admitted:
    """What one event became."""

    klass: Class
    event: EventRow | None = None
    outgoing: list[OutboxRow] = field(default_factory=list)
    live: list[Message] = field(default_factory=list)

    @property
    def is_stored(self) -> bool:
        return self.event is not None or bool(self.outgoing)


class Intake:
    """Pure but for the sequence numbers: gives each event its id, its place in the sequence and its bytes."""

    def __init__(
        self,
        *,
        thing: str,
        topics: Topics,
        sequences: Sequences,
        boot: str,
        new_id: Callable[[Moment], str],
        destination: str | None = "mqtt",
    ) -> None:
        self._thing = thing
        self._topics = topics
        self._sequences = sequences
        self._boot = boot
        self._new_id = new_id
        self._destination = destination

    def admit(self, event: Event) -> Admitted:
        """The rows and messages of one event; the same id stands in the history and on the wire."""
        event_id = self._new_id(event.at)
        encoded = encode(event)
        admitted = Admitted(encoded.klass, event_row(event, event_id, self._boot))
        if self._destination is None:
            return admitted
        topic = self._topics.of(encoded.kind)
        live = encoded.klass is Class.LIVE
        fields = envelope(
            encoded.fields, id=event_id, seq=self._sequences.next(topic, live=live), thing=self._thing, at=event.at
        )
        message = Message(topic=topic, payload=to_bytes(fields), klass=encoded.klass, qos=encoded.qos, id=event_id)
        if live:
            admitted.live.append(message)
        else:
            admitted.outgoing.append(OutboxRow(self._destination, message, event.at))
        return admitted
