"""Takes out of the shadows what they show of people.

This device's own ──▶ what cameras saw, the alert of it, what the gate's thermometer measured and its highest values
what rules wrote  ──▶ each reported value of then: a rule may have copied anything
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.ledger.shadows import Shadows
from edge_mask.units import Unix
from edge_mask.wire.envelope import timestamp

Patch = dict[str, Any]
OURS: Final = frozenset({"cameras", "sensors", "highest", "alert", "uploaded_at"})
"""What the device itself reports; rules may write beside it."""


@dataclass(frozen=True, slots=True)
class Goes:
    """What is taken out, by when it was seen (Unix seconds)."""

    seen: Callable[[str], bool]
    """Of a camera, or told by an alert; times in a shadow are texts."""
    measured: Callable[[float], bool]
    """By the thermometer; metadata tell whole seconds."""
    written: Callable[[float], bool]
    """By a rule."""


def before(time: float) -> Goes:
    """Everything seen before it. Texts sort as the times do."""
    text = timestamp(Unix(time))
    return Goes(lambda at: at < text, lambda second: second < time, lambda second: second < time)


def of_visit(moments: frozenset[float], first: float, last: float, verdict: float) -> Goes:
    """What was seen at these moments, and measured between `first` and `last`."""
    texts = {timestamp(Unix(each)) for each in moments}
    return Goes(texts.__contains__, lambda second: int(first) <= second <= last, lambda second: second == int(verdict))


def forget(shadows: Shadows, thing: str | None, thermometer: str | None, goes: Goes, seconds: int) -> None:
    """`thing` is this device; `seconds`: now."""
    for address, shadow in list(shadows.all.items()):
        reported, times = _below(shadow.state, "reported"), _below(shadow.metadata, "reported")
        if address == thing:
            others = {key: value for key, value in reported.items() if key not in OURS}
            gone = _own(reported, times, thermometer, goes) | _aged(others, times, goes.written)
        else:
            gone = _aged(reported, times, goes.written)
        if gone:
            to, _, name = address.partition("/")
            shadows.update(to, name or None, {"state": {"reported": gone}}, seconds)


def _own(reported: Mapping[str, Any], times: Mapping[str, Any], thermometer: str | None, goes: Goes) -> Patch:
    """Emptied objects stay: they tell the cloud's copy what there is no more."""
    gone: Patch = {}
    for name, camera in _below(reported, "cameras").items():
        for part, seen in camera.items() if isinstance(camera, Mapping) else ():
            if _is_seen(seen, goes):
                gone.setdefault("cameras", {}).setdefault(name, {})[part] = None
    alert = _below(reported, "alert")
    if _is_seen(alert, goes) and ("camera" in alert or alert.get("kind") == "tailgating"):
        gone["alert"] = None
    if thermometer is not None:
        gone |= _of_thermometer(reported, times, thermometer, goes)
    return gone


def _of_thermometer(reported: Mapping[str, Any], times: Mapping[str, Any], name: str, goes: Goes) -> Patch:
    sensor, written = (_below(_below(each, "sensors"), name) for each in (reported, times))
    parts = [part for part in sensor if (at := _newest(written.get(part))) is not None and goes.measured(at)]
    gone: Patch = {"sensors": {name: dict.fromkeys(parts)}} if parts else {}
    highest, known = _below(reported, "highest"), _below(times, "highest")
    for quantity, value in highest.items():
        at = _newest(known.get(quantity))
        # The highest of all sensors is of this one when it is this one's, too, or when nobody can say whose it is.
        others = [each for other, each in _below(reported, "sensors").items() if other != name]
        is_others = any(
            isinstance(each, Mapping) and quantity in each and each.get("highest") == value for each in others
        )
        if at is not None and goes.measured(at) and not is_others:
            gone.setdefault("highest", {})[quantity] = None
    return gone


def _aged(values: Mapping[str, Any], times: Mapping[str, Any], goes: Callable[[float], bool]) -> Patch:
    gone: Patch = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            if part := _aged(value, _below(times, key), goes):
                gone[key] = part
        elif (at := _newest(times.get(key))) is not None and goes(at):
            gone[key] = None
    return gone


def _newest(times: Any) -> float | None:
    """When a value was last written; of an array, its newest part."""
    if isinstance(times, list):
        found = [at for each in times if (at := _newest(each)) is not None]
        return max(found, default=None)
    if not isinstance(times, Mapping):
        return None
    at = times.get("timestamp")
    if isinstance(at, int | float):
        return float(at)
    return _newest(list(times.values()))


def _is_seen(seen: Any, goes: Goes) -> bool:
    at = seen.get("at") if isinstance(seen, Mapping) else None
    return isinstance(at, str) and goes.seen(at)


def _below(state: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = state.get(key)
    return found if isinstance(found, Mapping) else {}
