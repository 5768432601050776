"""The configuration that ran last, kept beside the overlay: what safe mode shows when the file was broken since."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge_mask import yaml_file
from edge_mask.private_file import replace_private
from edge_mask.settings.base import read_whole
from edge_mask.settings.load import LoadedSettings
from edge_mask.settings.origins import hidden, legibly
from edge_mask.yaml_file import Path as Key
from edge_mask.yaml_file import shown


@dataclass(frozen=True, slots=True)
class Change:
    """A key that says something else than when the configuration last ran; nothing where it is absent."""

    key: str
    before: str
    now: str


def kept_at(database: Path) -> Path:
    """Beside the database."""
    return Path(f"{database}.last-good.yaml")


def keep(found: LoadedSettings) -> None:
    """The house runs. Writes nothing that stands there already. Raises OSError."""
    if found.document is None:
        return
    path, text = kept_at(found.settings.outbox.path), found.document.text.encode()
    if not path.exists() or path.read_bytes() != text:
        replace_private(path, text)


def read(database: Path) -> Any:
    """What it says, with its variables as they are written; None when there is none that can be read."""
    path = kept_at(database)
    try:
        return yaml_file.read(read_whole(path).decode(), str(path)).data
    except (OSError, ValueError):
        return None


def as_yaml(data: Any) -> str:
    """For people, with secrets hidden."""
    return "" if data is None else yaml.safe_dump(hidden((), data), allow_unicode=True, sort_keys=False, width=100)


def changes(before: Any, now: Any) -> list[Change]:
    """Each key that differs, with secrets hidden: that one of those was changed is not to be seen."""
    old, new = dict(_flat((), before)), dict(_flat((), now))
    keys = [*old, *(key for key in new if key not in old)]
    told = [
        Change(shown(key), *(legibly(key, each[key]) if key in each else "" for each in (old, new))) for key in keys
    ]
    return [each for each in told if each.before != each.now]


def _flat(key: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _flat((*key, str(name)), part)
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        for place, part in enumerate(value):
            yield from _flat((*key, place), part)
    elif value is not None:
        yield key, value
