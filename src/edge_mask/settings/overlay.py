"""The overlay: configuration that is set from outside, on top of the file.

The file itself is never written. A change (from a shadow, a command, an IoT job) is merged key by key into the
overlay, checked together with the file, and stored beside the database to survive a restart:

  file ──┐
         ├──▶ merged ──▶ Settings, or sentences that name the file or the overlay as the place
  overlay┘
"""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge_mask import private_file
from edge_mask.errors import ConfigurationError
from edge_mask.settings.base import MOST_READ, read_whole
from edge_mask.yaml_file import MAX_DEPTH, Document, shown
from edge_mask.yaml_file import Path as Key

NOT_FROM_OUTSIDE: Final[tuple[Key, ...]] = (
    ("mqtt",), ("aws",), ("web",), ("notify",), ("panels",), ("device", "thing_name"), ("outbox", "path"),
    ("sink",), ("fleet", "packages"), ("fleet", "pictures"), ("fleet", "second_look"), ("privacy", "second_look"),
    ("fleet", "group"), ("fleet", "peers", "offer"), ("fleet", "peers", "group"),
)  # fmt: skip
"""Only the file may set these: from outside they could cut the device off, or take it over."""

Config = Mapping[str, Any]


class NotFromOutside(ConfigurationError):
    """A wish for what only the file may set."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The keys set from outside, without nulls; `version` counts accepted changes."""

    config: Config = field(default_factory=dict)
    version: int = 0
    origin: str = "overlay"
    """Its name in sentences."""
    checked: Config | None = field(default=None, compare=False, repr=False)
    """With the empty mappings that a wish leaves: they are checked as what was wished, and not kept."""

    def changed(self, wish: Config, origin: str) -> "Overlay":
        """A copy with `wish` merged in; a null removes its key."""
        checked = merged(self.config, wish)
        return Overlay(_pruned(checked), self.version + 1, origin, checked)

    def over(self, data: Config) -> dict[str, Any]:
        """The file's data with the overlay on top. Raises NotFromOutside for keys that only the file may set."""
        config = self.looked_at
        if _is_deeper(config, MAX_DEPTH):
            raise ConfigurationError([f"{self.origin}: nested more than {MAX_DEPTH} deep"])
        forbidden = [key for key in NOT_FROM_OUTSIDE if _has(config, key)]
        if forbidden:
            text = "cannot be set from outside; it is read from the configuration file alone"
            raise NotFromOutside([f"{self.origin}: {shown(key)}: {text}" for key in forbidden])
        return merged(data, config)

    @property
    def looked_at(self) -> Config:
        """What is checked and merged."""
        return self.config if self.checked is None else self.checked

    def gives(self, key: Key) -> bool:
        """Whether the value at `key` comes from the overlay, itself or as part of a list or value."""
        here: Any = self.looked_at
        for part in key:
            if not isinstance(here, Mapping):
                return True
            if part not in here:
                return False
            here = here[part]
        return bool(key)


@dataclass(frozen=True, slots=True)
class Layers:
    """Finds the place of each value of a merged configuration, for sentences."""

    document: Document
    overlay: Overlay

    def sentence(self, key: Key, text: str) -> str:
        """`place: key.path: text`"""
        if self.overlay.gives(key):
            return f"{self.overlay.origin}: {shown(key)}: {text}"
        return self.document.sentence(key, text)

    def line(self, key: Key) -> int:
        """The line in the file; keys of the overlay come first."""
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


def _pruned(config: Config) -> dict[str, Any]:
    """Without mappings that hold nothing: over the file they change nothing either."""
    kept = {key: _pruned(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    return {key: value for key, value in kept.items() if value != {}}


def kept_at(data: Any) -> Path:
    """The file of the overlay, beside the configured database (which may be wrong)."""
    outbox = data.get("outbox") if isinstance(data, Mapping) else None
    path = outbox.get("path") if isinstance(outbox, Mapping) else None
    return Path(f"{path if isinstance(path, str) and path else 'edge-mask.db'}.overlay.json")


def read_kept(path: Path) -> Overlay:
    """The stored overlay; an empty one when there is none. Raises ConfigurationError with a sentence."""
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


def written(overlay: Overlay) -> bytes:
    """What `keep` writes."""
    return json.dumps({"version": overlay.version, "config": overlay.config}, indent=1).encode()


def keep(path: Path, overlay: Overlay) -> None:
    """Write the overlay atomically: a power cut leaves the old or the new one. Raises OSError.

    Only the owner may read it: camera addresses contain passwords.
    """
    private_file.replace_private(path, _readable(path, overlay))


def keep_room(path: Path, overlay: Overlay) -> Callable[[], None]:
    """Before a house is built for it: see `private_file.keep_room`. Raises OSError."""
    return private_file.keep_room(path, _readable(path, overlay))


def _readable(path: Path, overlay: Overlay) -> bytes:
    data = written(overlay)
    if len(data) > MOST_READ:  # it would not be read again
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def set_aside(path: Path) -> Path:
    """Rename an unusable overlay; the last one stays for inspection. Raises OSError."""
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
