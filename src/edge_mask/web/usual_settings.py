"""The few settings that people change, as fields of a form; each is one key of the configuration.

Whatever is typed is wished as it stands: what is allowed says the same check that reads the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.settings.load import LoadedSettings
from edge_mask.settings.model import Settings
from edge_mask.settings.origins import values

_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "gate.without_temperature": ("refuse", "ignore"),
    "snapshots.visits": ("none", "refused", "all"),
    "snapshots.looks": ("none", "no_mask", "all"),
    "snapshots.blur_faces": ("true", "false"),
}
_WORDS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Usual:
    """One field."""

    key: str
    """`gate.votes`"""
    value: str
    """As it would be written into the file."""

    @property
    def name(self) -> str:
        """Of its texts."""
        return self.key.partition(".")[2]

    @property
    def choices(self) -> Sequence[str]:
        """Empty where anything can be typed."""
        return _CHOICES.get(self.key, ())


def usual(loaded: LoadedSettings) -> list[Usual]:
    """Those that mean something on this device, with what is in force."""
    shown = {each.shown: each.text for each in values(loaded)}
    return [Usual(key, shown[key]) for key in _keys(loaded.settings) if key in shown]


def _keys(settings: Settings) -> list[str]:
    roles = {camera.role for camera in settings.cameras}
    return [
        *(["gate.votes"] if "gate" in roles else []),
        *(["gate.fever_above", "gate.without_temperature"] if settings.gate.temperature_sensor is not None else []),
        *(["cctv.streak", "cctv.rearm_after"] if "cctv" in roles else []),
        *(["snapshots.visits"] if "gate" in roles else []),
        *(["snapshots.looks"] if "cctv" in roles else []),
        *(["snapshots.blur_faces", "snapshots.keep"] if roles else []),
    ]


def changes(fields: Sequence[Usual], typed: Mapping[str, str]) -> dict[str, Any]:
    """The part of the configuration that differs from what is in force; an emptied field goes back to the file's."""
    config: dict[str, Any] = {}
    for each in fields:
        text = typed.get(each.key, each.value).strip()
        if text != each.value:
            section, _, name = each.key.partition(".")
            config.setdefault(section, {})[name] = _meant(text)
    return config


def _meant(text: str) -> Any:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _WORDS.get(text, text)


def wrong(fields: Sequence[Usual], sentences: Sequence[str]) -> dict[str, str]:
    """What is said against each field, by its key."""
    return {
        each.key: sentence.partition(f"{each.key}: ")[2]
        for each in fields
        for sentence in sentences
        if f"{each.key}: " in sentence
    }
