"""What the device's own shadow reports: the last state of each camera and sensor, and the highest value seen."""

from collections.abc import Mapping
from typing import Any

from edge_mask.messages import Alert, Event, Look, Quality, Reading, Visit
from edge_mask.wire.envelope import timestamp

Patch = dict[str, Any]


def reported_by(event: Event, before: Mapping[str, Any]) -> Patch | None:
    """The change of `state.reported` that an event makes; None when it makes none.

    `before` is the reported state so far. A null removes: what is not known any more does not stay.
    """
    at = timestamp(event.at.wall)
    match event:
        case Visit():
            seen = {"verdict": event.verdict, "mask": event.mask, "temperature": event.temperature, "at": at}
            return {"cameras": {event.camera: {"visit": seen}}}
        case Look():
            seen = {"faces": event.faces, "no_mask": event.no_mask, "streak": event.streak, "at": at}
            return {"cameras": {event.camera: {"look": seen}}}
        case Reading():
            return {"sensors": {event.sensor: _sensor(event, before, at)}}
        case Alert():
            return {"alert": {"kind": event.kind, "text": event.text, "camera": event.camera,
                              "sensor": event.sensor, "at": at}}  # fmt: skip
        case _:
            return None


def _sensor(reading: Reading, before: Mapping[str, Any], at: str) -> Patch:
    found: Patch = {reading.quantity: reading.value, "unit": reading.unit, "quality": reading.quality.value, "at": at}
    highest = before.get("sensors", {}).get(reading.sensor, {}).get("highest")
    if reading.quality is Quality.GOOD and (highest is None or reading.value > highest):
        found["highest"] = reading.value
    return found
