"""Each event as the fields of its message, and the retained `status`: a birth on each connect, a last will."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from edge_mask.messages import (
    INCORRECT,
    MASK,
    NO_MASK,
    Alert,
    Amendment,
    Detections,
    Deviation,
    Event,
    Face,
    Fault,
    Forecast,
    Health,
    Look,
    Priority,
    Quality,
    Reading,
    Summary,
    Visit,
    kind_of,
)
from edge_mask.units import Moment
from edge_mask.wire.envelope import VERSION, timestamp, to_bytes

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One message without its envelope. `kind` names the topic (see Topics.of)."""

    kind: str
    priority: Priority
    qos: Literal[0, 1]
    fields: Mapping[str, Any]


def encode(event: Event) -> Encoded:
    """The message for `event`; a number that is none (NaN, infinity) becomes null."""
    kind = kind_of(event)
    name = event.quantity if isinstance(event, Reading) else kind.name  # each quantity has its own topic
    return Encoded(name, kind.priority, kind.qos, _fields(event))


def _fields(event: Event) -> Mapping[str, Any]:
    match event:
        case Detections():
            return _detections(event)
        case Visit():
            return _visit(event)
        case Amendment():
            return amendment_fields(event)
        case Look():
            return {
                "camera": event.camera,
                "faces": event.faces,
                "no_mask": event.no_mask,
                "streak": event.streak,
                "snapshot": event.snapshot,
            }
        case Alert():
            return _alert(event)
        case Reading():
            return _reading(event)
        case Fault():
            return {"component": event.component, "code": event.code, "text": event.text}
        case Health():
            return dict(event.values)
        case Summary():
            return _summary(event)
        case Forecast():
            return _forecast(event)
        case _:
            assert_never(event)


def _detections(event: Detections) -> Fields:
    counts = Counter(track.face.label for track in event.tracks)
    return {
        "camera": event.camera,
        "frame": event.frame,
        "faces": [{**face_fields(track.face), "track": track.id} for track in event.tracks],
        "counts": {MASK: 0, NO_MASK: 0, INCORRECT: 0, **counts},
        "inference_ms": _rounded(event.inference_ms, 2),
        "model": event.model,
    }


def face_fields(face: Face) -> Fields:
    """A face as messages and answers carry it."""
    box = face.box
    return {
        "label": face.label,
        "score": _rounded(face.score, 4),
        "box": {"x": _rounded(box.x, 1), "y": _rounded(box.y, 1), "w": _rounded(box.w, 1), "h": _rounded(box.h, 1)},
    }


def _visit(event: Visit) -> Fields:
    return {
        "camera": event.camera,
        "verdict": event.verdict,
        "ispass": 1 if event.verdict == "pass" else 0,
        "mask": event.mask,
        "mask_score": _rounded(event.mask_score, 4),
        "temperature": _rounded(event.temperature, 2),
        "reasons": list(event.reasons),
        "passed_through": event.passed_through,
        "snapshot": event.snapshot,
        "time_to_verdict_ms": event.time_to_verdict_ms,
    }


def amendment_fields(event: Amendment) -> Fields:
    """A second look, wherever it is told."""
    return {
        "amends": event.amends,
        "camera": event.camera,
        "was": event.was,
        "verdict": event.verdict,
        "ispass": 1 if event.verdict == "pass" else 0,
        "reasons": list(event.reasons),
        "mask": event.mask,
        "mask_score": _rounded(event.mask_score, 4),
        "by": event.by,
        "model": event.model,
        "delay_ms": event.delay_ms,
    }


def _alert(event: Alert) -> Fields:
    """Only the fields that apply: `camera` or `sensor`, `streak` or `value`, and what an outlier is."""
    about = {
        "camera": event.camera,
        "sensor": event.sensor,
        "streak": event.streak,
        "value": _significant(event.value),
    }
    told = {key: part for key, part in about.items() if part is not None}
    found = event.deviation
    outlier = {} if found is None else {"unit": event.unit or "", **deviation_fields(found), "state": found.state}
    watching = {"watching": True} if event.watching else {}
    return {"kind": event.kind, "text": event.text, **told, **outlier, "snapshot": event.snapshot, **watching}


def deviation_fields(deviation: Deviation) -> Fields:
    """What an outlier is, wherever it is told; without its state."""
    expected = deviation.expected
    return {
        "quantity": deviation.quantity,
        "outlier": deviation.outlier,
        "reason": deviation.reason,
        "expected": None if expected is None else [_significant(each) for each in expected],
        "began": timestamp(deviation.began),
    }


def _summary(event: Summary) -> Fields:
    return {
        "sensor": event.sensor,
        "quantity": event.quantity,
        "unit": event.unit,
        "from": timestamp(event.begin),
        "to": timestamp(event.end),
        "count": event.count,
        "min": _significant(event.min),
        "mean": _significant(event.mean),
        "max": _significant(event.max),
        "last": _significant(event.last),
        "outliers": [
            {"outlier": each.outlier, "reason": each.reason, "began": timestamp(each.began)}
            for each in event.deviations
        ],
    }


def _forecast(event: Forecast) -> Fields:
    return {
        "sensor": event.sensor,
        "quantity": event.quantity,
        "unit": event.unit,
        "origin": timestamp(event.origin),
        "step_s": event.step_s,
        **{name: [_significant(each, 5) for each in getattr(event, name)] for name in ("values", "low", "high")},
    }


def _reading(event: Reading) -> Fields:
    """`quality` is present only for a doubtful value."""
    is_temperature = event.quantity == "temperature"
    value = _rounded(event.value, 2) if is_temperature else _significant(event.value)
    fields: Fields = {"sensor": event.sensor, event.quantity: value, "unit": event.unit}
    if event.quality is not Quality.GOOD:
        fields["quality"] = str(event.quality)
    return fields


def _rounded(value: float | None, digits: int) -> float | None:
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


def _significant(value: float | None, digits: int = 7) -> float | None:
    """Seven significant digits: more than a sensor has, without the noise of binary fractions."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def birth(*, thing: str, version: str, model: str | None, at: Moment, **more: Any) -> bytes:
    """The payload of the birth message; `more` adds fields."""
    told = {"state": "online", "thing": thing, "ts": timestamp(at.wall), "v": VERSION}
    return to_bytes({**told, "version": version, "model": model, **more})


def announcement(fields: Mapping[str, Any], *, thing: str, at: Moment) -> bytes:
    """The payload of a retained message that is made when it is sent: no id, no number."""
    head: Fields = {"thing": thing, "ts": timestamp(at.wall), "v": VERSION}
    if not at.synced:
        head["clock_ok"] = False
    return to_bytes({**head, **fields, **head})


def will() -> bytes:
    """The payload of the last will; the broker publishes it and cannot add the time."""
    return to_bytes({"state": "offline"})
