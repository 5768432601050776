"""Each event as the fields of its message, its class and its quality of service."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

from edge_mask.messages import (
    INCORRECT,
    MASK,
    NO_MASK,
    Alert,
    Detections,
    Event,
    Fault,
    Health,
    Look,
    Priority,
    Quality,
    Reading,
    Track,
    Visit,
)

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One message without its envelope. `kind` names the topic (see Topics.of)."""

    kind: str
    priority: Priority
    qos: Literal[0, 1]
    fields: Mapping[str, Any]


def encode(event: Event) -> Encoded:
    """The message that tells of `event`; a number that is none (NaN, infinity) becomes null."""
    return _encode(event)


@singledispatch
def _encode(event: object) -> Encoded:
    raise TypeError(f"{type(event).__name__} is not an event")


@_encode.register
def _(event: Detections) -> Encoded:
    counts = Counter(track.face.label for track in event.tracks)
    fields = {
        "camera": event.camera,
        "frame": event.frame,
        "faces": [_face(track) for track in event.tracks],
        "counts": {MASK: 0, NO_MASK: 0, INCORRECT: 0, **counts},
        "inference_ms": _rounded(event.inference_ms, 2),
        "model": event.model,
    }
    return Encoded("detections", Priority.LIVE, 0, fields)


def _face(track: Track) -> Fields:
    box = track.face.box
    return {
        "label": track.face.label,
        "score": _rounded(track.face.score, 4),
        "box": {"x": _rounded(box.x, 1), "y": _rounded(box.y, 1), "w": _rounded(box.w, 1), "h": _rounded(box.h, 1)},
        "track": track.id,
    }


@_encode.register
def _(event: Visit) -> Encoded:
    fields = {
        "camera": event.camera,
        "verdict": event.verdict,
        "ispass": 1 if event.verdict == "pass" else 0,
        "mask": event.mask,
        "mask_score": _rounded(event.mask_score, 4),
        "temperature": _rounded(event.temperature, 2),
        "reasons": list(event.reasons),
        "passed_through": event.passed_through,
        "snapshot": event.snapshot,
    }
    return Encoded("visits", Priority.EVIDENCE, 1, fields)


@_encode.register
def _(event: Look) -> Encoded:
    fields = {
        "camera": event.camera,
        "faces": event.faces,
        "no_mask": event.no_mask,
        "streak": event.streak,
        "snapshot": event.snapshot,
    }
    return Encoded("looks", Priority.TELEMETRY, 1, fields)


@_encode.register
def _(event: Alert) -> Encoded:
    """Only what the alert is about: `camera` or `sensor`, `streak` or `value`."""
    about = {
        "camera": event.camera,
        "sensor": event.sensor,
        "streak": event.streak,
        "value": _significant(event.value),
    }
    fields = {"kind": event.kind, "text": event.text, **{key: part for key, part in about.items() if part is not None}}
    return Encoded("alerts", Priority.URGENT, 1, {**fields, "snapshot": event.snapshot})


@_encode.register
def _(event: Reading) -> Encoded:
    """`quality` is there only when the value should not be believed."""
    is_temperature = event.quantity == "temperature"
    value = _rounded(event.value, 2) if is_temperature else _significant(event.value)
    fields: Fields = {"sensor": event.sensor, event.quantity: value, "unit": event.unit}
    if event.quality is not Quality.GOOD:
        fields["quality"] = str(event.quality)
    return Encoded(event.quantity, Priority.TELEMETRY, 1, fields)


@_encode.register
def _(event: Fault) -> Encoded:
    fields = {"component": event.component, "code": event.code, "text": event.text}
    return Encoded("errors", Priority.EVIDENCE, 1, fields)


@_encode.register
def _(event: Health) -> Encoded:
    return Encoded("health", Priority.LIVE, 0, dict(event.values))


def _rounded(value: float | None, digits: int) -> float | None:
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


def _significant(value: float | None) -> float | None:
    """Seven significant digits: more than a sensor has, without the noise of binary fractions."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.7g}")
