"""JSON states compared: what to send so that one becomes the other, as a merge patch (RFC 7386)."""

from collections.abc import Mapping
from typing import Any

State = Mapping[str, Any]


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: a Boolean is no number, however Python sees that."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(part, right[key]) for key, part in left.items())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def patch(before: State, after: State) -> dict[str, Any]:
    """What makes `after` out of `before`; a null removes its key."""
    result: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if part := patch(old, value):
                result[key] = part
        elif key not in before or not same(old, value):
            result[key] = value
    return result


def wish(before: State, after: State, in_force: State) -> dict[str, Any]:
    """The same for a configuration that others change as well: only what `before` held itself is taken out.

    `in_force` tells whether something of another's would be left beside it; if not, the whole part goes.
    """
    result: dict[str, Any] = {}
    for key, old in before.items():
        here = in_force.get(key)
        if key in after and not (isinstance(old, Mapping) and isinstance(after[key], Mapping)):
            continue
        if not isinstance(old, Mapping):
            result[key] = None
        elif part := wish(old, after.get(key, {}), here if isinstance(here, Mapping) else {}):
            is_empty = key not in after and isinstance(here, Mapping) and part.keys() >= here.keys()
            result[key] = None if is_empty and all(value is None for value in part.values()) else part
        elif key not in after and not here:
            result[key] = None
    for key, value in after.items():
        if key not in before or (not isinstance(value, Mapping) and not same(before[key], value)):
            result[key] = value
        elif isinstance(value, Mapping) and not isinstance(before[key], Mapping):
            result[key] = value
    return result


def full(state: Any) -> Any:
    """Without empty objects: a shadow may or may not keep them, and they say nothing."""
    if not isinstance(state, Mapping):
        return state
    parts = {key: full(value) for key, value in state.items()}
    return {key: value for key, value in parts.items() if not isinstance(value, Mapping) or value}
