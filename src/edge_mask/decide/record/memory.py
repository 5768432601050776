"""The memory of a visitor as JSON, and a visitor made of it, who goes on as the first one would have.

Needed where a visit had more looks than a record holds: the earlier ones are replaced by what was left of them in the
visitor's memory. It is taken attribute by attribute, whatever they are called: so it fits a program with the same ones.
"""

import sys
from collections import deque
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from edge_mask.decide.visitor import GatePolicy, Visitor

_ROOMS = ("edge_mask.decide.", "edge_mask.track.", "edge_mask.messages")
"""Where the classes come from of which a visitor's memory consists."""


def memory_of(visitor: Visitor) -> dict[str, Any]:
    """What it remembers, for JSON. Raises TypeError for what has no such form."""
    found: dict[str, Any] = _told(visitor)
    return found


def visitor_with(memory: Any, policy: GatePolicy) -> Visitor:
    """Raises ValueError for the memory of a program whose visitors remember other things."""
    try:
        found = _made(memory, _classes())
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not isinstance(found, Visitor) or vars(found).keys() != vars(Visitor(policy)).keys():
        raise ValueError("a visitor remembers other things in this version")
    return found


def _told(value: Any) -> Any:
    if isinstance(value, Enum):
        return {"enum": [type(value).__name__, value.name]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return [_told(each) for each in value]
    if isinstance(value, deque):
        return {"deque": [_told(each) for each in value], "most": value.maxlen}
    if isinstance(value, list | set | frozenset):
        return {type(value).__name__: [_told(each) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[_told(key), _told(each)] for key, each in value.items()]}
    if type(value).__module__.startswith(_ROOMS):
        return {"a": type(value).__name__, "of": {name: _told(each) for name, each in _attributes(value)}}
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def _attributes(value: Any) -> list[tuple[str, Any]]:
    if is_dataclass(value):
        return [(name, getattr(value, name)) for name in value.__dataclass_fields__]
    return list(vars(value).items())


_COLLECTIONS = {"list": list, "set": set, "frozenset": frozenset}


def _made(value: Any, classes: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return tuple(_made(each, classes) for each in value)
    if not isinstance(value, dict):
        return value
    if "a" in value:
        made = object.__new__(classes[value["a"]])
        for name, each in value["of"].items():
            object.__setattr__(made, name, _made(each, classes))  # a frozen one, too
        return made
    if "deque" in value:
        return deque((_made(each, classes) for each in value["deque"]), value["most"])
    ((kind, content),) = value.items()
    if kind == "enum":
        return classes[content[0]][content[1]]
    if kind == "dict":
        return {_made(key, classes): _made(each, classes) for key, each in content}
    return _COLLECTIONS[kind](_made(each, classes) for each in content)


def _classes() -> dict[str, Any]:
    """By name. All of them are there once a visitor can be made."""
    return {
        name: kind
        for module in tuple(sys.modules.values())
        if getattr(module, "__name__", "").startswith(_ROOMS)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }
