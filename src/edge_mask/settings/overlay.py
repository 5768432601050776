"""A part of the configuration that is wished from outside, laid over the file.

The file itself is never written. What is wished (by a shadow, a command, an IoT job) is merged key by key into the
overlay, checked together with the file, and kept beside the database, so that it survives a restart:

  file ──┐
         ├──▶ merged ──▶ Settings, or sentences that name the file or the overlay as the place
  overlay┘
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge_mask.errors import ConfigurationError
from edge_mask.settings.base import read_whole
from edge_mask.yaml_file import MAX_DEPTH, Document, shown
from edge_mask.yaml_file import Path as Key

NOT_FROM_OUTSIDE: Final[tuple[Key, ...]] = (
    ("mqtt",), ("aws",), ("web",), ("device", "thing_name"), ("outbox", "path"),
)  # fmt: skip
"""Who may change these could cut the device off, or take it over: they stand in the file alone."""

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is wished, without nulls; `version` counts every change that was taken."""

    config: Config = field(default_factory=dict)
    version: int = 0
    origin: str = "overlay"
    """What sentences call the place."""

    def changed(self, wish: Config, origin: str) -> "Overlay":
        """With `wish` merged into it; a null takes its key out again."""
        return Overlay(merged(self.config, wish), self.version + 1, origin)

    def over(self, data: Config) -> dict[str, Any]:
        """The file's data with the overlay on top; raises ConfigurationError for what must not be wished."""
        if _is_deeper(self.config, MAX_DEPTH):
            raise ConfigurationError([f"{self.origin}: nested more than {MAX_DEPTH} deep"])
        forbidden = [key for key in NOT_FROM_OUTSIDE if _has(self.config, key)]
        if forbidden:
            text = "cannot be set from outside; it is read from the configuration file alone"
            raise ConfigurationError([f"{self.origin}: {shown(key)}: {text}" for key in forbidden])
        return merged(data, self.config)

    def gives(self, key: Key) -> bool:
        """Whether the value at `key` comes from here: it stands here, or in a list or value that does."""
        here: Any = self.config
        for part in key:
            if not isinstance(here, Mapping):
                return True
            if part not in here:
                return False
            here = here[part]
        return bool(key)


@dataclass(frozen=True, slots=True)
class Layers:
    """Where each value of a merged configuration stands, for the sentences about it."""

    document: Document
    overlay: Overlay

    def sentence(self, key: Key, text: str) -> str:
        """`place: key.path: text`"""
        if self.overlay.gives(key):
            return f"{self.overlay.origin}: {shown(key)}: {text}"
        return self.document.sentence(key, text)

    def line(self, key: Key) -> int:
        """The line in the file; what the overlay says comes first."""
        return 0 if self.overlay.gives(key) else self.document.line(key)


def merged(base: Config, wish: Config) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386): mappings key by key, a null removes, a list replaces the whole list."""
    result = dict(base)
    for key, value in wish.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def kept_at(data: Any) -> Path:
    """The file that keeps the overlay: beside the database that the configuration names, right or wrong."""
    outbox = data.get("outbox") if isinstance(data, Mapping) else None
    path = outbox.get("path") if isinstance(outbox, Mapping) else None
    return Path(f"{path if isinstance(path, str) and path else 'edge-mask.db'}.overlay.json")


def read_kept(path: Path) -> Overlay:
    """The overlay that was kept; an empty one when none was. Raises ConfigurationError with a sentence."""
    try:
        found = json.loads(read_whole(path))
    except (FileNotFoundError, NotADirectoryError):
        return Overlay(origin=str(path))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([f"{path}: is not the JSON that was written there"]) from error
    match found:
        case {"config": dict(config), "version": int(version)}:
            return Overlay(merged({}, config), version, str(path))
    raise ConfigurationError([f"{path}: holds no overlay; expected are config and version"])


def keep(path: Path, overlay: Overlay) -> None:
    """Write the overlay so that a power cut leaves the old one or the new one whole. Raises OSError.

    Only the owner may read it: addresses of cameras hold passwords.
    """
    written = json.dumps({"version": overlay.version, "config": overlay.config}, indent=1).encode()
    fresh = path.with_name(f"{path.name}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(written)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def set_aside(path: Path) -> Path:
    """Take an overlay that cannot be used out of the way; the last one stays for a person to see. Raises OSError."""
    return path.replace(path.with_name(f"{path.name}.refused"))


def _has(config: Config, key: Key) -> bool:
    here: Any = config
    for part in key:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _is_deeper(value: Any, most: int) -> bool:
    return most < 0 or any(_is_deeper(inner, most - 1) for inner in _inside(value))


def _inside(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
