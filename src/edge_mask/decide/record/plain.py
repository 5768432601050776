"""Frozen dataclasses as lists and numbers that JSON can hold, and back, by the types of their fields.

A dataclass becomes the list of its values. The names of its fields stand once beside all of them (`field_names`): so a
field that is added later is recorded without any work here, and is not missed in older records if it has a default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Names = Mapping[str, Sequence[str]]
"""The fields of each dataclass, in the order of its values."""


def plain(value: Any) -> Any:
    """A value for JSON. Raises TypeError for what has no such form."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    kind: Any = type(value)
    if names := _fields_of(kind):
        return [plain(getattr(value, name)) for name in names]
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def field_names(kind: type) -> dict[str, list[str]]:
    """Of this dataclass and of those that its fields hold."""
    found: dict[str, list[str]] = {}
    waiting: list[Any] = [kind]
    while waiting:
        hint = waiting.pop()
        if not (isinstance(hint, type) and is_dataclass(hint)):
            waiting += get_args(hint)
        elif hint.__name__ not in found:
            found[hint.__name__] = list(_fields_of(hint))
            waiting += _hints_of(hint).values()
    return found


def rebuilt(kind: type[T], value: Any, names: Names) -> T:
    """The dataclass of that kind again. Raises ValueError for what it cannot have been made of."""
    made: T = _again(kind, value, names)
    return made


def _again(hint: Any, value: Any, names: Names) -> Any:
    if isinstance(hint, NewType):
        return _again(hint.__supertype__, value, names)
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        (hint,) = (each for each in inner if each is not NoneType)
        return _again(hint, value, names)
    if kind is Literal:
        return _checked(value in inner, value, hint)
    if kind is tuple:
        _checked(isinstance(value, list), value, hint)
        return tuple(_again(inner[0], each, names) for each in value)
    if is_dataclass(hint):
        return _dataclass(hint, value, names)
    if hint is float:
        return float(_checked(isinstance(value, int | float) and not isinstance(value, bool), value, hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return _checked(isinstance(value, hint), value, hint)


def _dataclass(kind: Any, value: Any, names: Names) -> Any:
    given = names.get(kind.__name__)
    if not isinstance(value, list) or given is None or len(value) != len(given):
        raise ValueError(f"{kind.__name__} has other fields than its record")
    hints, found = _hints_of(kind), dict(zip(given, value, strict=True))
    lacking = [name for name in _fields_of(kind) if name not in found and name not in _optional(kind)]
    if lacking:
        raise ValueError(f"{kind.__name__} has no {', '.join(lacking)} in the record")
    return kind(**{name: _again(hints[name], each, names) for name, each in found.items() if name in hints})


def _checked(is_right: bool, value: Any, hint: Any) -> Any:
    if not is_right:
        raise ValueError(f"found {value!r} where {getattr(hint, '__name__', hint)} belongs")
    return value


@cache
def _fields_of(kind: Any) -> tuple[str, ...]:
    """Nothing for what is no dataclass."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


@cache
def _optional(kind: Any) -> frozenset[str]:
    return frozenset(
        each.name for each in fields(kind) if each.default is not MISSING or each.default_factory is not MISSING
    )


@cache
def _hints_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
