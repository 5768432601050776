"""What a message of another program says: a value, that its sensor is away, or nothing."""

import json
import math
from typing import Any, Final

import msgspec

from edge_mask.errors import TryLater
from edge_mask.json_path import MISSING, Path, find
from edge_mask.sense.scale import number

UNAVAILABLE: Final = object()
"""The payload says that its sensor is away."""

_WORDS: Final = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0, "open": 1.0, "closed": 0.0, "yes": 1.0, "no": 0.0}
"""Words of states in the messages of Home Assistant, Tasmota, Shelly and others."""
_AWAY: Final = ("unavailable", "offline")
_UNKNOWN: Final = ("", "unknown", "none", "null")
_STATES: Final = {"online": True, "true": True, "on": True, "offline": False, "false": False, "off": False,
                  "available": True, "unavailable": False}  # fmt: skip


def value_of(payload: bytes, path: Path | None, *, is_state: bool) -> float | object | None:
    """The number at the path; UNAVAILABLE; None when this message does not say. Raises TryLater for nonsense.

    `is_state`: true, ON and the like are 1, or 0; of what is measured they say nothing.
    Without a path the payload is the value: a number, or a word such as ON. Devices send some of their values only at
    times, so that a path that leads nowhere, or to null, says nothing.
    """
    if path is None:
        return _plain(_text(payload).strip(), is_state)
    found = find(_document(payload), path)
    if found is MISSING or found is None:
        return None
    if isinstance(found, bool):
        return _plain(json.dumps(found), is_state)
    if isinstance(found, int | float):
        return _finite(found)
    if isinstance(found, str):
        return _plain(found.strip(), is_state)
    raise TryLater(f"holds {_short(found)} where the value should be")


def is_online(payload: bytes) -> bool | None:
    """What an availability topic says, as a word or as `{"state": WORD}`; None when it is neither."""
    text = _text(payload).strip()
    if text.startswith("{"):
        try:
            found = find(msgspec.json.decode(payload), ("state",))
        except (msgspec.DecodeError, RecursionError):
            return None
        text = found if isinstance(found, str) else json.dumps(found) if isinstance(found, bool) else ""
    return _STATES.get(text.lower())


def _plain(text: str, is_state: bool) -> float | object | None:
    word = text.lower()
    if word in _AWAY:
        return UNAVAILABLE
    if word in _UNKNOWN:
        return None
    return _WORDS[word] if is_state and word in _WORDS else number(text, "value")


def _finite(found: float) -> float:
    try:
        value = float(found)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise TryLater("holds a number beyond all limits")
    return value


def _document(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TryLater(f"is no JSON: {_short(_text(payload, strict=False))}") from error


def _text(payload: bytes, *, strict: bool = True) -> str:
    try:
        return payload.decode("utf-8", errors="strict" if strict else "replace")
    except UnicodeDecodeError as error:
        raise TryLater("is no text") from error


def _short(found: Any) -> str:
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    return ascii(text[:60]) + ("…" if len(text) > 60 else "")
