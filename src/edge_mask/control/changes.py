"""Which keys two configurations differ in."""

from collections.abc import Iterator
from typing import Any

from edge_mask.settings.base import Section
from edge_mask.settings.model import Settings
from edge_mask.yaml_file import Path as Key
from edge_mask.yaml_file import shown


def changed_keys(before: Settings, after: Settings) -> tuple[str, ...]:
    """Key paths such as `gate.votes`, in the order of the configuration."""
    return tuple(shown(key) for key in _differing(before, after, ()))


def _differing(before: Any, after: Any, key: Key) -> Iterator[Key]:
    """A list is walked through when both have as many entries; otherwise all of it has changed."""
    if before == after:
        return
    if isinstance(before, Section) and type(before) is type(after):
        old, new = dict(before), dict(after)
        for name in dict.fromkeys((*old, *new)):
            yield from _differing(old.get(name), new.get(name), (*key, name))
    elif isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differing(old, new, (*key, number))
    else:
        yield key
