"""What is in force, key by key, and where each value comes from; written for people, with secrets hidden.

file ─┬─ as it stands there ──────▶ its line
      └─ with ${VARIABLES} ───────▶ their names
overlay, default ─────────────────▶ that word
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, Literal

import yaml
from pydantic import SecretStr

from edge_mask import yaml_file
from edge_mask.quantities import Measure
from edge_mask.redact import HIDDEN, redact
from edge_mask.settings.base import Section
from edge_mask.settings.load import LoadedSettings
from edge_mask.settings.overlay import Overlay
from edge_mask.settings.variables import names_in
from edge_mask.yaml_file import Document, shown
from edge_mask.yaml_file import Path as Key

Origin = Literal["file", "environment", "overlay", "default"]

_SECRET: Final = re.compile(r"passw|passphrase|secret|token|api_?key|authori[sz]ation|credential|^pin$", re.IGNORECASE)
_NAMES_A_FILE: Final = re.compile(r"_(file|path|dir)$", re.IGNORECASE)
_LONGEST: Final = 2000
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Value:
    """One key with what holds for it."""

    key: Key
    text: str
    origin: Origin
    line: int = 0
    """Where it stands in the file; 0 when it does not come from there."""
    variables: tuple[str, ...] = ()
    """What it takes from the environment."""
    is_unset: bool = False
    """None of them is set: the defaults that the file gives for them count."""

    @property
    def shown(self) -> str:
        """`cameras[0].source`"""
        return shown(self.key)


def values(found: LoadedSettings, environ: Mapping[str, str] = os.environ) -> list[Value]:
    """Every key of every section, in the order of the sections; `environ` as it was read with."""
    try:
        secrets = found.settings.secrets()
    except OSError:  # a file of one is away: then it cannot be shown either
        secrets = ()
    document = found.document or Document("", "")
    given = found.overlay.over(document.data if isinstance(document.data, Mapping) else {})
    raw = yaml_file.read(document.text, document.name).data
    return [
        _valued(key, value, written, found.overlay, document, raw, secrets, environ)
        for key, value, written in _leaves(found.settings, given, ())
    ]


def overlaid(overlay: Overlay) -> list[Value]:
    """Each key that the overlay holds: what can be taken out of it again."""
    return [Value(key, legibly(key, value), "overlay") for key, value in _keys(overlay.config, ())]


def legibly(key: Key, value: Any, secrets: tuple[str, ...] = ()) -> str:
    """A value as YAML on one line, without what opens a door."""
    data = hidden(key, value)
    if not isinstance(data, str):
        data = yaml.safe_dump(data, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
        data = data.removesuffix("\n").removesuffix("\n...")
    return redact(data, secrets)[:_LONGEST]


def hidden(key: Key, value: Any) -> Any:
    """Plain data of the value at `key`, without secrets in it however deep they lie."""
    if _is_secret(key) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: hidden((*key, str(name)), part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [hidden((*key, place), part) for place, part in enumerate(value)]
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, str | PurePath):
        return redact(str(value))
    return value


def _is_secret(key: Key) -> bool:
    name = next((part for part in reversed(key) if isinstance(part, str)), "")
    return bool(_SECRET.search(name)) and not _NAMES_A_FILE.search(name)


def _leaves(part: Any, given: Any, key: Key) -> Iterator[tuple[Key, Any, Any]]:
    """Key, value in force, and what was written for it (or _ABSENT)."""
    if isinstance(part, Section):
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            measure = next((each for each in field.metadata if isinstance(each, Measure)), None)
            if measure is not None and isinstance(value, int | float):
                value = measure.show(value)
            yield from _leaves(value, _below(given, name), (*key, name))
    elif isinstance(part, tuple) and part and all(isinstance(each, Section) for each in part):
        for place, each in enumerate(part):
            yield from _leaves(each, _below(given, place), (*key, place))
    elif isinstance(part, Mapping) and part and all(isinstance(each, Section) for each in part.values()):
        for name, each in part.items():
            yield from _leaves(each, _below(given, name), (*key, name))
    else:
        yield key, part, given


def _below(given: Any, step: str | int) -> Any:
    try:
        found = given[step]
    except (LookupError, TypeError):
        return _ABSENT
    return _ABSENT if found is None else found


def _valued(
    key: Key,
    value: Any,
    written: Any,
    overlay: Overlay,
    document: Document,
    raw: Any,
    secrets: tuple[str, ...],
    environ: Mapping[str, str],
) -> Value:
    if written is _ABSENT:
        return Value(key, "" if value in (None, ()) else legibly(key, value, secrets), "default")
    text = HIDDEN if isinstance(value, SecretStr) else legibly(key, written, secrets)
    if overlay.gives(key):
        return Value(key, text, "overlay")
    names = tuple(dict.fromkeys(_variables(raw, key)))
    is_unset = bool(names) and not any(environ.get(name) for name in names)
    return Value(key, text, "environment" if names else "file", document.line(key), names, is_unset)


def _variables(raw: Any, key: Key) -> Iterator[str]:
    for step in key:
        raw = _below(raw, step)
    yield from _named(raw)


def _named(raw: Any) -> Iterator[str]:
    if isinstance(raw, str):
        yield from names_in(raw)
    elif isinstance(raw, Mapping | list):
        for each in raw.values() if isinstance(raw, Mapping) else raw:
            yield from _named(each)


def _keys(config: Mapping[str, Any], key: Key) -> Iterator[tuple[Key, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _keys(value, (*key, name))
        else:
            yield (*key, name), value
