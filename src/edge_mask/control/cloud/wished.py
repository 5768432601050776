"""What the cloud wishes in the named shadow, and what this device remembers of it over restarts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edge_mask.control import difference
from edge_mask.control.cloud.json_in import Nonsense, object_at, whole_number
from edge_mask.control.kept import Kept
from edge_mask.errors import Refused
from edge_mask.suggest import did_you_mean
from edge_mask.wire.fleet_models import Desired, desired_of

_PARTS: Final = ("config", "model")
_GREETING: Final = "welcome"
"""What the AWS console writes into a new shadow."""
MOST_TRIES: Final = 2
"""How often the process may end while the same wish is taken over."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """The named shadow as the cloud has it. Version 0 means that there is none."""

    version: int = 0
    desired: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def read(document: Mapping[str, Any]) -> "Shadow":
        """From the answer to `get`, or `current` of a `documents` message. Raises Nonsense."""
        state = object_at(document, "state")
        return Shadow(whole_number(document, "version"), object_at(state, "desired"), object_at(state, "reported"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish was refused: told in `reported.rejected`, and the reason why the same does not come again."""

    version: int
    """Of the shadow."""
    key: str | None
    text: str

    def shown(self) -> dict[str, Any]:
        """As `reported.rejected`; a null would be removed there, so a missing key is absent."""
        return {"version": self.version, **({"key": self.key} if self.key else {}), "text": self.text}


class Wrong(Exception):
    """The wish has a form that cannot be meant."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


@dataclass(frozen=True, slots=True)
class Wish:
    """`desired`, taken apart."""

    config: Mapping[str, Any]
    model: tuple[str, str] | None
    package: Desired | None = None
    """One that is to be fetched: what `model/desired` may say as well."""

    @staticmethod
    def read(desired: Mapping[str, Any]) -> "Wish":
        """Raises Wrong."""
        for key in desired:
            if key not in (*_PARTS, _GREETING):
                raise Wrong(key[:64], f'unknown key "{key[:64]}"; allowed: config, model{did_you_mean(key, _PARTS)}')
        config = desired.get("config", {})
        if not isinstance(config, Mapping):
            raise Wrong("config", "config is no object; expected a part of the configuration")
        model = desired.get("model")
        if not model:  # null, or an empty object that a null left
            return Wish(difference.full(config), None)
        if isinstance(model, Mapping) and "digest" in model:
            try:
                return Wish(difference.full(config), None, desired_of(model))
            except Refused as error:
                raise Wrong("model", str(error)) from None
        match model:
            case {"name": str(name), "version": str(version)} if name and version and len(model) == 2:
                return Wish(difference.full(config), (name, version))
        raise Wrong("model", 'expected {"name": "…", "version": "…"}, both as text, or beside them digest and sources')


@dataclass(frozen=True, slots=True)
class Remembered:
    """`applied` is what came into force of the wishes so far: the next one is compared with it."""

    config: Mapping[str, Any] = field(default_factory=dict)
    model: tuple[str, str] | None = None
    config_version: int = 0
    """Of the overlay at that time. A smaller one now means that the overlay was lost since."""
    refused: str = ""
    """The digest of the whole `desired` that was refused."""
    refusal: Refusal | None = None
    trying: str = ""
    tries: int = 0
    uncertain: Mapping[str, Any] | None = None
    """What was being taken over when the process ended: it may be in force or not. None when nothing was."""


class Memory:
    """What was applied, what was refused and what is being tried, on the disk. Use it from one thread at a time."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.now = _remembered(kept.read())

    def change(self, **changes: Any) -> None:
        """Raises TryLater when it cannot be written; then it holds in memory only."""
        self.now = replace(self.now, **changes)
        now = self.now
        self._kept.write(
            {
                "config": now.config,
                "model": now.model,
                "config_version": now.config_version,
                "refused": now.refused,
                "refusal": None if now.refusal is None else now.refusal.shown(),
                "trying": now.trying,
                "tries": now.tries,
                "uncertain": now.uncertain,
            }
        )


def digest(desired: Mapping[str, Any]) -> str:
    """The same text for the same wish, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(desired, sort_keys=True).encode()).hexdigest()


def _remembered(found: Mapping[str, Any]) -> Remembered:
    """Nothing, for a file that makes no sense."""
    try:
        model = found.get("model")
        refusal = object_at(found, "refusal")
        return Remembered(
            config=object_at(found, "config"),
            model=(str(model[0]), str(model[1])) if isinstance(model, list) and len(model) == 2 else None,
            config_version=whole_number(found, "config_version", 0),
            refused=str(found.get("refused", "")),
            refusal=None
            if not refusal
            else Refusal(whole_number(refusal, "version"), refusal.get("key"), str(refusal.get("text", ""))),
            trying=str(found.get("trying", "")),
            tries=whole_number(found, "tries", 0),
            uncertain=None if found.get("uncertain") is None else object_at(found, "uncertain"),
        )
    except Nonsense:
        return Remembered()
