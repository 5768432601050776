"""How events, receipts and rules change the shadows that this device keeps."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never

from edge_mask.ledger.shadows import MOST, Shadows
from edge_mask.messages import (
    Alert,
    Amendment,
    Detections,
    Event,
    Fault,
    Forecast,
    Health,
    Look,
    Message,
    Quality,
    Reading,
    Summary,
    Visit,
)  # fmt: skip
from edge_mask.redact import redact
from edge_mask.shadow import UpdateRefused, parse_topic
from edge_mask.units import Moment
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import timestamp

log = logging.getLogger(__name__)

Patch = dict[str, Any]


class ShadowUpdates:
    """Writes to the shadows; what they do not take is told once."""

    def __init__(self, shadows: Shadows, thing: str) -> None:
        self._shadows = shadows
        self._thing = thing
        self._is_report_refused = False
        self._refused: set[str] = set()
        """Topics whose last request was refused and told of; the next that is taken removes its topic."""

    def by_event(self, event: Event) -> None:
        """The device's own shadow shows what was seen last."""
        if patch := reported_by(event, self._shadows.reported(self._thing)):
            self._report(patch, event.at)

    def by_receipt(self, at: Moment) -> None:
        """The device's own shadow shows when a destination last took a message."""
        self._report({"uploaded_at": timestamp(at.wall)}, at)

    def by_rule(self, message: Message, at: Moment, *, is_silent: bool) -> Fault | None:
        """Apply what a rule sent to a shadow's topic, as the cloud will; a fault when it is refused, once by topic.

        Any other message changes nothing.
        """
        to = parse_topic(message.topic)
        if to is None:
            return None
        try:
            self._shadows.apply(to, message.payload, int(at.wall))
        except UpdateRefused as error:
            if is_silent or message.topic in self._refused or len(self._refused) >= MOST:
                return None
            self._refused.add(message.topic)
            text = f"{redact(message.topic)}: {error}"
            return Fault(at=at, component="shadow", code="update_refused", text=text)
        self._refused.discard(message.topic)
        return None

    def _report(self, patch: Patch, at: Moment) -> None:
        try:
            self._shadows.update(self._thing, None, {"state": {"reported": patch}}, int(at.wall))
        except UpdateRefused as error:
            if not self._is_report_refused:
                log.warning("shadow: this device's own state is not kept any more: %s", error)
            self._is_report_refused = True


# -- what the device's own shadow reports ----------------------------------------------------------------


def reported_by(event: Event, before: Mapping[str, Any]) -> Patch | None:
    """The change of `state.reported` that an event makes; None when it makes none.

    `before` is the state reported so far; a rule may have written anything there. A null removes a value that is no
    longer known. The numbers are those of the message, so that rules can compare them.
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
            found = _sensor(event, before, at)
            highest, so_far = found.get("highest"), _number(before, "highest", event.quantity)
            is_record = highest is not None and (so_far is None or highest > so_far)
            record = {"highest": {event.quantity: highest}} if is_record else {}
            return {"sensors": {event.sensor: found}, **record}
        case Alert():
            return {"alert": {"kind": event.kind, "text": event.text, "camera": event.camera,
                              "sensor": event.sensor, "at": at}}  # fmt: skip
        case Detections() | Amendment() | Fault() | Health() | Summary() | Forecast():
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
