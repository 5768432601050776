"""What the device's own shadow reports: the last state of each camera and sensor, and the highest value seen."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never

from edge_mask.messages import Alert, Detections, Event, Fault, Health, Look, Quality, Reading, Visit
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import timestamp

Patch = dict[str, Any]


def reported_by(event: Event, before: Mapping[str, Any]) -> Patch | None:
    """The change of `state.reported` that an event makes; None when it makes none.

    `before` is the reported state so far; a rule may have written anything there. A null removes: what is not known
    any more does not stay. The numbers are those of the message, so that rules can compare them.
    """
    at = timestamp(event.at.wall)
    match event:
        case Visit():
            fields = encode(event).fields
            seen = {"verdict": event.verdict, "mask": event.mask, "temperature": fields["temperature"], "at": at}
            return {"cameras": {event.camera: {"visit": seen}}}
        case Look():
            seen = {"faces": event.faces, "no_mask": event.no_mask, "streak": event.streak, "at": at}
            return {"cameras": {event.camera: {"look": seen}}}
        case Reading():
            return {"sensors": {event.sensor: _sensor(event, before, at)}}
        case Alert():
            return {"alert": {"kind": event.kind, "text": event.text, "camera": event.camera,
                              "sensor": event.sensor, "at": at}}  # fmt: skip
        case Detections() | Fault() | Health():
            return None
        case _:
            assert_never(event)


def _sensor(reading: Reading, before: Mapping[str, Any], at: str) -> Patch:
    value = encode(reading).fields[reading.quantity]
    found: Patch = {reading.quantity: value, "unit": reading.unit, "quality": reading.quality.value, "at": at}
    if reading.quality is Quality.GOOD and value is not None:
        highest = _number(before, "sensors", reading.sensor, "highest")
        if highest is None or value > highest:
            found["highest"] = value
    return found


def _number(state: Any, *path: str) -> int | float | Decimal | None:
    """The number at that path; None for anything else that stands there or on the way."""
    for key in path:
        state = state.get(key) if isinstance(state, Mapping) else None
    return state if isinstance(state, int | float | Decimal) and not isinstance(state, bool) else None
