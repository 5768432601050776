"""The few settings that people change, as fields of a form; each is one key of the configuration.

Whatever is typed is wished as it stands: what is allowed says the same check that reads the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}")
_BROKEN: Final = re.compile(r"[+-]?(?:[0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15})")
BEFORE: Final = "before."
"""Before the key of a field: what it held when the form was shown."""


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


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody made of the fields, each by its key."""

    texts: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    """What the fields held when they were shown; what is in force now where the form did not say it."""

    def is_touched(self, each: Usual) -> bool:
        """Whether somebody meant to change it."""
        return self.text(each) != self.held(each)

    def text(self, each: Usual) -> str:
        """What it says."""
        return self.texts.get(each.key, self.held(each)).strip()

    def held(self, each: Usual) -> str:
        """What somebody saw in it."""
        return self.before.get(each.key, each.value).strip()

    def shown(self, each: Usual) -> str:
        """In the form again: what was typed, and in a field that nobody touched what is in force."""
        return self.text(each) if self.is_touched(each) else each.value

    def is_stale(self, each: Usual) -> bool:
        """Whether another value is in force than somebody saw."""
        return self.held(each) != each.value and self.text(each) != each.value


def typed_in(fields: Sequence[Usual], sent: Mapping[str, str]) -> Typed:
    """The form as it was sent."""
    keys = [each.key for each in fields]
    return Typed(
        {key: sent[key] for key in keys if key in sent},
        {key: sent[f"{BEFORE}{key}"] for key in keys if f"{BEFORE}{key}" in sent},
    )


def changes(fields: Sequence[Usual], typed: Typed) -> dict[str, Any]:
    """The part of the configuration that somebody changed; an emptied field goes back to the file's."""
    config: dict[str, Any] = {}
    for each in fields:
        if typed.is_touched(each) and typed.text(each) != each.value:
            section, _, name = each.key.partition(".")
            config.setdefault(section, {})[name] = _meant(typed.text(each))
    return config


def _meant(text: str) -> Any:
    """What is no plain number stays as it was typed: the check of the configuration says what is allowed."""
    if not text:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _BROKEN.fullmatch(text):
        return float(text)
    return _WORDS.get(text, text)


def wrong(fields: Sequence[Usual], sentences: Sequence[str]) -> dict[str, str]:
    """What is said against each field, by its key."""
    return {
        each.key: sentence.partition(f"{each.key}: ")[2]
        for each in fields
        for sentence in sentences
        if f"{each.key}: " in sentence
    }
