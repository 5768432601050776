"""The allowed fields of an action, and the check of a mapping against them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union

from edge_mask.plural import counted
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Document, Path

Kind = Union[Literal["text", "int", "bool", "map", "value"], "Shape", "ListOf"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key: whether it is required, the type of its value, and the allowed values (empty: any)."""

    kind: Kind = "text"
    is_required: bool = False
    choices: tuple[Any, ...] = ()
    most: int | None = None
    """Maximum: characters of a text, a number, or items of a list."""
    only_here: bool = False
    """Known to the device only: not exported to AWS."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping with these keys and no others."""

    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list with at least `least` items of one shape."""

    item: Shape
    least: int = 1


def shape(words: str, **special: Field) -> Shape:
    """A shape from a line of words: `name!` is a required text, `name` an optional one; `special` adds the others."""
    fields = {word.rstrip("!"): Field(is_required=word.endswith("!")) for word in words.split()}
    return Shape({**fields, **special})


def check(document: Document, path: Path, value: Any, expected: Shape) -> bool:
    """Whether `value` has this shape; problems go into the document."""
    before = len(document.problems)
    if not isinstance(value, dict):
        document.complain(path, f"a mapping with {', '.join(expected.fields)} is expected, not {_named(value)}")
        return False
    for key in value:
        if key not in expected.fields:
            hint = did_you_mean(key, list(expected.fields))
            document.complain((*path, key), f"there is no such field{hint}; allowed: {', '.join(expected.fields)}")
    for key, field in expected.fields.items():
        if key in value:
            _check_field(document, (*path, key), value[key], field)
        elif field.is_required:
            document.complain(path, f"{key} is missing")
    return len(document.problems) == before


def _check_field(document: Document, path: Path, value: Any, field: Field) -> None:
    kind = field.kind
    if isinstance(kind, Shape):
        check(document, path, value, kind)
    elif isinstance(kind, ListOf):
        _check_many(document, path, value, kind, field.most)
    elif not _is_kind(value, kind):
        document.complain(path, f"{_KINDS[kind]} is expected, not {_named(value)}")
    elif field.choices and value not in field.choices:
        document.complain(path, f"{value!r} is not allowed; allowed: {', '.join(map(str, field.choices))}")
    elif field.most is not None and (len(value) if isinstance(value, str) else value) > field.most:
        document.complain(path, f"at most {field.most}{' characters' if isinstance(value, str) else ''} is allowed")


def _check_many(document: Document, path: Path, value: Any, many: ListOf, most: int | None) -> None:
    if not isinstance(value, list):
        document.complain(path, f"a list is expected, not {_named(value)}")
        return
    if len(value) < many.least or (most is not None and len(value) > most):
        document.complain(path, f"{counted(len(value), 'item')}; {many.least} to {most or 'any number'} are allowed")
    for index, item in enumerate(value):
        check(document, (*path, index), item, many.item)


_KINDS: Mapping[str, str] = {
    "text": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "map": "a mapping of texts",
    "value": "a value",
}


def _is_kind(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "map":
            return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return True


def _named(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
