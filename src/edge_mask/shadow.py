"""Device shadows as AWS IoT defines them: a desired and a reported state, merged update by update.

Pure: no clock, no store. Limits and merging follow the AWS IoT Device Shadow service documents.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from edge_mask.errors import Refused

Json = Any
"""What a JSON document holds: numbers may be int, float or Decimal."""

DEEPEST: Final = 8
"""Levels of objects and arrays in a state."""

_SHOWN: Final = 40
"""Characters of what is wrong, in the sentence that says so."""

_SECTIONS: Final = ("desired", "reported")
_KNOWN: Final = frozenset({"state", "version", "clientToken"})
_TOPIC: Final = re.compile(
    r"\$aws/things/([A-Za-z0-9:_-]{1,128})/shadow/(?:name/([$A-Za-z0-9:_-]{1,64})/)?(update|delete)"
)


class UpdateRefused(Refused):
    """A shadow does not take this update; the text says why."""


@dataclass(frozen=True, slots=True)
class ShadowTopic:
    """Where a request to a shadow goes: a thing, one of its named shadows or (None) the one without a name."""

    thing: str
    name: str | None
    verb: Literal["update", "delete"]


@dataclass(frozen=True, slots=True)
class Shadow:
    """One shadow. The version counts on over deletions, so that an old update is never taken for a new one."""

    version: int = 0
    state: Mapping[str, Json] = field(default_factory=dict)
    """`desired` and `reported`, each as far as it was ever set."""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    """For each leaf of the state, `{"timestamp": s}`: when it was last written (Unix seconds)."""
    exists: bool = True

    def document(self, seconds: int) -> dict[str, Json] | None:
        """What a reader gets at that time (Unix seconds); None when the shadow was deleted."""
        if not self.exists:
            return None
        state = dict(self.state)
        delta = difference(state.get("desired"), state.get("reported"))
        if delta:
            state["delta"] = delta
        return {"state": state, "metadata": self.metadata, "timestamp": seconds, "version": self.version}


def parse_topic(topic: str) -> ShadowTopic | None:
    """The shadow that `$aws/things/THING/shadow[/name/NAME]/update` (or `delete`) means; None for any other topic."""
    if not topic.startswith("$aws/things/"):
        return None
    found = _TOPIC.fullmatch(topic)
    if found is None:
        return None
    thing, name, verb = found.groups()
    return ShadowTopic(thing, name, "delete" if verb == "delete" else "update")


def updated(shadow: Shadow | None, request: Json, seconds: int) -> Shadow:
    """The shadow after an update request `{"state": {"desired": …, "reported": …}, "version": n}`.

    Objects are merged key by key, null removes, everything else (arrays too) replaces. Raises UpdateRefused.
    """
    before = shadow or Shadow(exists=False)
    state = _checked(request, before)
    base = before if before.exists else Shadow(version=before.version)
    values, times = dict(base.state), dict(base.metadata)
    for section, patch in state.items():
        if patch is None:
            values.pop(section, None)
            times.pop(section, None)
        else:
            times[section] = _stamped(values.get(section), times.get(section), patch, seconds)
            values[section] = _merged(values.get(section), patch)
    return Shadow(before.version + 1, values, times)


def deleted(shadow: Shadow) -> Shadow:
    """Nothing is left but the version."""
    return replace(shadow, version=shadow.version + 1, state={}, metadata={}, exists=False)


def difference(desired: Json, reported: Json) -> dict[str, Json]:
    """What is desired and not, or otherwise, reported; arrays are compared whole."""
    result: dict[str, Json] = {}
    if not isinstance(desired, Mapping):
        return result
    known = reported if isinstance(reported, Mapping) else {}
    for key, wanted in desired.items():
        if isinstance(wanted, Mapping) and isinstance(known.get(key), Mapping):
            if part := difference(wanted, known[key]):
                result[key] = part
        elif key not in known or not _same(known[key], wanted):
            result[key] = wanted
    return result


def _checked(request: Json, before: Shadow) -> Mapping[str, Json]:
    """The request's state. Raises UpdateRefused."""
    if not isinstance(request, Mapping) or not isinstance(request.get("state"), Mapping):
        raise UpdateRefused('expected {"state": {"desired": {…}, "reported": {…}}}')
    if unknown := sorted(request.keys() - _KNOWN):
        raise UpdateRefused(f"unknown key {unknown[0][:_SHOWN]!r}; allowed are state, version and clientToken")
    state: Mapping[str, Json] = request["state"]
    for section, patch in state.items():
        if section not in _SECTIONS:
            raise UpdateRefused(f"unknown state {section[:_SHOWN]!r}; allowed are desired and reported")
        if patch is not None and not isinstance(patch, Mapping):
            raise UpdateRefused(f"{section} is not an object; expected an object, or null to remove it")
        if _depth(patch) > DEEPEST:
            raise UpdateRefused(f"{section} is nested deeper than {DEEPEST} levels")
        if _has_null(patch):
            raise UpdateRefused(f"{section} has a null in an array")
    if "version" in request and not _same(request["version"], before.version):
        asked = str(request["version"])[:_SHOWN]
        raise UpdateRefused(f"the update is for version {asked}, the shadow has {before.version}")
    return state


def _same(left: Json, right: Json) -> bool:
    """Equal as JSON: a Boolean is no number, however Python sees that."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(part, right[key]) for key, part in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _has_null(value: Json) -> bool:
    """True with a null in an array, which AWS refuses."""
    if isinstance(value, Mapping):
        return any(map(_has_null, value.values()))
    return isinstance(value, list) and any(part is None or _has_null(part) for part in value)


def _merged(old: Json, patch: Json) -> Json:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _stamped(old: Json, times: Json, patch: Json, seconds: int) -> Json:
    """The times beside `_merged`'s values, in the same shape; `times` are those of `old`."""
    if isinstance(patch, list):
        return [_stamped_whole(value, seconds) for value in patch]
    if not isinstance(patch, Mapping):
        return {"timestamp": seconds}
    known = old if isinstance(old, Mapping) else {}
    result = dict(times) if isinstance(old, Mapping) and isinstance(times, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _stamped(known.get(key), result.get(key), value, seconds)
    return result


def _stamped_whole(value: Json, seconds: int) -> Json:
    """Inside an array, which is replaced as a whole, the null of an object is a value like any other."""
    if isinstance(value, list):
        return [_stamped_whole(part, seconds) for part in value]
    if isinstance(value, Mapping):
        return {key: _stamped_whole(part, seconds) for key, part in value.items()}
    return {"timestamp": seconds}


def _depth(value: Json) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(part) for part in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(part) for part in value), default=0)
    return 0
