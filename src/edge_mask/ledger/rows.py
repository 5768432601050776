"""What one transaction writes."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from edge_mask.messages import (
    Alert,
    Detections,
    Event,
    Fault,
    Health,
    Look,
    Message,
    Outcome,
    Reading,
    Receipt,
    Visit,
    kind_of,
)
from edge_mask.redact import legible
from edge_mask.units import Moment


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of one of the event tables."""

    table: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that waits for one destination."""

    destination: str
    message: Message
    at: Moment


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the send of one outbox row ended."""

    row: int
    id: str
    """Of the message: after the file was replaced, the row may be another one's."""
    receipt: Receipt

    @property
    def is_delivered(self) -> bool:
        return self.receipt.outcome is Outcome.DELIVERED


@dataclass(slots=True)
class Batch:
    """Everything that one commit writes; it grows until the commit succeeds."""

    events: list[EventRow] = field(default_factory=list)
    outgoing: list[OutboxRow] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events) + len(self.outgoing) + len(self.settlements)


def event_row(event: Event, event_id: str, boot: str) -> EventRow | None:
    """The row that keeps `event`; None for live events, which never touch the disk."""
    table = kind_of(event).table
    if table is None:
        return None
    match event:
        case Visit():
            values: dict[str, Any] = {
                "camera": event.camera, "verdict": event.verdict, "ispass": int(event.verdict == "pass"),
                "mask": event.mask, "mask_score": event.mask_score, "temperature": event.temperature,
                "reasons": json.dumps(event.reasons), "passed_through": event.passed_through,
                "snapshot": event.snapshot,
            }  # fmt: skip
        case Look():
            values = {
                "camera": event.camera, "faces": event.faces, "no_mask": event.no_mask, "streak": event.streak,
                "snapshot": event.snapshot,
            }  # fmt: skip
        case Alert():
            values = {
                "kind": event.kind, "camera": event.camera, "sensor": event.sensor, "text": event.text,
                "streak": event.streak, "value": event.value, "snapshot": event.snapshot,
            }  # fmt: skip
        case Reading():
            values = {
                "sensor": event.sensor, "quantity": event.quantity, "value": event.value, "unit": event.unit,
                "quality": event.quality.value,
            }  # fmt: skip
        case Fault():
            values = {"component": event.component, "code": event.code, "text": event.text}
        case Detections() | Health():
            return None
        case _:
            assert_never(event)
    written = {name: legible(value) if isinstance(value, str) else value for name, value in values.items()}
    return EventRow(table, {"id": event_id, **written, **moment_columns(event.at, boot)})


def moment_columns(at: Moment, boot: str) -> dict[str, Any]:
    """A moment as its four columns; `mono` only means something together with `boot`."""
    return {"wall": at.wall, "mono": at.mono, "synced": int(at.synced), "boot": boot}


def pack_properties(properties: Mapping[str, Any]) -> str:
    """Message properties as a column: JSON, with bytes (correlation data) in base64."""
    return json.dumps(properties, default=lambda value: {"base64": base64.b64encode(value).decode()})


def unpack_properties(text: str) -> dict[str, Any]:
    """The other way round."""
    return {name: _bytes_again(value) for name, value in json.loads(text).items()}


def _bytes_again(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return base64.b64decode(value["base64"])
    if isinstance(value, list):  # pairs: MQTT user properties, HTTP headers
        return [tuple(pair) for pair in value]
    return value
