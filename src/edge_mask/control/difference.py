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
    result = _taken_out({key: value for key, value in before.items() if key not in after}, in_force)
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if part := wish(old, value, _below(in_force, key)):
                result[key] = part
        elif key not in before or not same(old, value):
            result[key] = value
    return result


def _taken_out(gone: State, in_force: State) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, old in gone.items():
        here = _below(in_force, key)
        part = _taken_out(old, here) if isinstance(old, Mapping) else {}
        is_all = all(part.get(each, here) is None for each in here)
        if is_all or part:
            result[key] = None if is_all else part
    return result


def _below(state: State, key: str) -> State:
    value = state.get(key)
    return value if isinstance(value, Mapping) else {}


def joined(first: State, second: State) -> dict[str, Any]:
    """Both, key by key; where both have one, the second's. A null stays a null."""
    result = dict(first)
    for key, value in second.items():
        old = first.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = joined(old, value) if both and isinstance(old, Mapping) else value
    return result


def full(state: Any) -> Any:
    """Without empty objects: a shadow may or may not keep them, and they say nothing."""
    if not isinstance(state, Mapping):
        return state
    parts = {key: full(value) for key, value in state.items()}
    return {key: value for key, value in parts.items() if not isinstance(value, Mapping) or value}
