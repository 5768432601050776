"""The memory of a visitor as JSON, and a visitor made of it, who goes on as the first one would have.

Needed where a visit had more looks than a record holds: the earlier ones are replaced by what was left of them in the
visitor's memory. It is taken attribute by attribute, whatever they are called: so it fits a program with the same ones.
"""

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from edge_mask.decide.visitor import GatePolicy, Visitor

_ROOMS = ("edge_mask.decide.", "edge_mask.track.", "edge_mask.messages")
"""Where the classes come from of which a visitor's memory consists."""
_FEW: Final = 3
_COLLECTIONS = {"list": list, "set": set, "frozenset": frozenset}


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


# -- into JSON -------------------------------------------------------------------------------------------


def _told(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Enum):
        return {"enum": [type(value).__name__, value.name]}
    if isinstance(value, tuple):
        return [_told(each) for each in value]
    if isinstance(value, deque):
        return {"deque": _all(value), "most": value.maxlen}
    if isinstance(value, list | set | frozenset):
        return {type(value).__name__: _all(value)}
    if isinstance(value, dict):
        return {"dict": [[_told(key), _told(each)] for key, each in value.items()]}
    if type(value).__module__.startswith(_ROOMS):
        kind: Any = type(value)
        names = _names(kind) or vars(value)
        return {"a": kind.__name__, "of": {name: _told(getattr(value, name)) for name in names}}
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def _all(values: Iterable[Any]) -> Any:
    """Many of one kind as columns, which take half the room and the time."""
    values = list(values)
    if len(values) <= _FEW or len({type(each) for each in values}) > 1:
        return [_told(each) for each in values]
    kind: Any = type(values[0])
    if kind is tuple and len({len(each) for each in values}) == 1:
        rows: Iterable[Sequence[Any]] = values
    elif names := _names(kind):
        rows = [[getattr(each, name) for name in names] for each in values]
    else:
        return [_told(each) for each in values]
    return {"each": kind.__name__, "of": [[_told(each) for each in column] for column in zip(*rows, strict=True)]}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass; nothing for another class."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


# -- and back --------------------------------------------------------------------------------------------


def _made(value: Any, classes: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return tuple(_made(each, classes) for each in value)
    if not isinstance(value, dict):
        return value
    if "a" in value:
        return _one(classes[value["a"]], value["of"].items(), classes)
    if "deque" in value:
        return deque(_again(value["deque"], classes), value["most"])
    ((kind, content),) = value.items()
    if kind == "enum":
        return classes[content[0]][content[1]]
    if kind == "dict":
        return {_made(key, classes): _made(each, classes) for key, each in content}
    return _COLLECTIONS[kind](_again(content, classes))


def _again(content: Any, classes: dict[str, Any]) -> Iterable[Any]:
    if isinstance(content, list):
        return (_made(each, classes) for each in content)
    rows = zip(*content["of"], strict=True)
    if content["each"] == "tuple":
        return (_made(list(row), classes) for row in rows)
    kind = classes[content["each"]]
    return (_one(kind, zip(_names(kind), row, strict=True), classes) for row in rows)


def _one(kind: Any, attributes: Iterable[tuple[str, Any]], classes: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    for name, each in attributes:
        object.__setattr__(made, name, _made(each, classes))  # a frozen one, too
    return made


def _classes() -> dict[str, Any]:
    """By name. All of them are there once a visitor can be made."""
    return {
        name: kind
        for module in tuple(sys.modules.values())
        if getattr(module, "__name__", "").startswith(_ROOMS)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }
