"""A message as one line for people."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Fields = Mapping[str, Any]


def line(topic: str, payload: bytes) -> str:
    """`12:30:05  visits       front: no_pass, no mask (0.97), 36.5 °C`; unknown or broken payloads as they are."""
    kind = topic.rsplit("/", 1)[-1]
    try:
        fields = json.loads(payload)
        text = _DESCRIPTIONS.get(kind, _anything)(fields)
        at = _clock(fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        text, at = payload.decode("utf-8", "replace"), " " * 8
    return f"{at}  {kind:<12} {text}"


def _clock(fields: Fields) -> str:
    """The time of observation in the local zone; the will of a lost connection has none."""
    if "ts" not in fields:
        return " " * 8
    return f"{datetime.fromisoformat(fields['ts']).astimezone():%H:%M:%S}"


def _visit(fields: Fields) -> str:
    mask = str(fields["mask"] or "unclear").replace("_", " ")
    score = f" ({fields['mask_score']:.2f})" if fields["mask_score"] is not None else ""
    degrees = f", {fields['temperature']:.1f} °C" if fields["temperature"] is not None else ""
    reasons = f"  because: {', '.join(fields['reasons'])}" if fields["reasons"] else ""
    return f"{fields['camera']}: {fields['verdict']}, {mask}{score}{degrees}{reasons}"


def _look(fields: Fields) -> str:
    faces = f"{fields['faces']} face{'' if fields['faces'] == 1 else 's'}"
    return f"{fields['camera']}: {faces}, {fields['no_mask']} without mask, streak {fields['streak']}"


def _alert(fields: Fields) -> str:
    return f"{fields['kind']}: {fields['text']}"


def _temperature(fields: Fields) -> str:
    unit = "°C" if fields["unit"] == "C" else fields["unit"]
    return f"{fields['sensor']}: {fields['temperature']:.1f} {unit}"


def _status(fields: Fields) -> str:
    model = f", model {fields['model']}" if fields.get("model") else ""
    return f"{fields['state']}{model}"


def _error(fields: Fields) -> str:
    return f"{fields['component']}: {fields['code']}: {fields['text']}"


def _health(fields: Fields) -> str:
    """Before the first look there is no time that one takes."""
    took = "" if fields["inference_ms"] is None else f" of {fields['inference_ms']:.1f} ms"
    return (
        f"processor {fields['cpu']:.0f} %, memory {fields['memory']:.0f} %, {fields['fps']:.1f} looks/s{took},"
        f" {fields['outbox']['pending']} messages waiting"
    )


def _anything(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False)


_DESCRIPTIONS: Mapping[str, Callable[[Fields], str]] = {
    "visits": _visit,
    "looks": _look,
    "alerts": _alert,
    "temperature": _temperature,
    "status": _status,
    "errors": _error,
    "health": _health,
}
