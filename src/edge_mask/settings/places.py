"""Which files, folders and devices somebody outside may name: a wish must not read or write elsewhere.

wish (command, HTTP, shadow, job) ──▶ each key with a `Place` ──▶ as in force, or as in the file? ──▶ taken
                                                        else ──▶ a device of the kind, or beside? ──▶ taken, or refused

Who writes the file, and the nucleus's configuration of a component, may name anything.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import PurePath
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

from edge_mask.settings.base import Place, Section
from edge_mask.yaml_file import Path as Key

Named = tuple[Key, str, Place]
"""A key with a place, what it says, and what may stand there."""
_FOREIGN: Final = "names a place on this device that the file does not name"


def places(part: Section, key: Key = ()) -> Iterator[Named]:
    """Every file, folder and device that a configuration names; defaults too."""
    for name, field in type(part).model_fields.items():
        value, here = getattr(part, name), (*key, name)
        if (place := place_of(field)) is None:
            yield from chain.from_iterable(places(each, inner) for each, inner in _sections(value, here))
        elif isinstance(value, tuple):
            yield from (((*here, number), str(each), place) for number, each in enumerate(value))
        elif value is not None:
            yield here, str(value), place


def foreign(wished: Section, *known: Section) -> Iterator[tuple[Key, str]]:
    """A sentence for each place in `wished` that may not be named from outside; `known` holds without the wish."""
    named = {(_kind(key), text) for each in known for key, text, _ in places(each)}
    folders = {(kind, PurePath(text).parent) for kind, text in named}
    for key, text, place in places(wished):
        if (_kind(key), text) in named or (place.devices and place.devices.fullmatch(text)):
            continue
        path = PurePath(text)
        if place.has_neighbours and (_kind(key), path.parent) in folders and path.name != "..":
            continue
        more = f", or {place.allowed}" if place.allowed else ""
        yield key, f"{_FOREIGN}; allowed from outside: what the file says{more}"


def place_of(field: FieldInfo) -> Place | None:
    """The mark of a key, the innermost last."""
    found = [each for each in _marks(field.annotation, field.metadata) if isinstance(each, Place)]
    return found[-1] if found else None


def _marks(annotation: Any, metadata: Any) -> Iterator[Any]:
    for inner in get_args(annotation):
        yield from _marks(inner, getattr(inner, "__metadata__", ()))
    yield from metadata


def _sections(value: Any, key: Key) -> Iterator[tuple[Section, Key]]:
    if isinstance(value, Section):
        yield value, key
    elif isinstance(value, tuple):
        yield from ((each, (*key, number)) for number, each in enumerate(value) if isinstance(each, Section))
    elif isinstance(value, Mapping):
        yield from ((each, (*key, name)) for name, each in value.items() if isinstance(each, Section))


def _kind(key: Key) -> Key:
    """The key without the numbers of entries: a list may be sorted anew."""
    return tuple(part for part in key if isinstance(part, str))
