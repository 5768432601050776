"""What the table of wishes wants to have done; caretaker.py does it, hands.py what takes long."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from edge_mask.fleet.model.memory import Origin
from edge_mask.wire.fleet_models import Desired


@dataclass(frozen=True, slots=True)
class Prepare:
    """Fetch, verify, install beside the others, and measure."""

    wanted: Desired
    known: Origin | None
    """Where the installed package of that name and version came from, if there is one and that is known."""
    beside: tuple[str, str] | None
    """Name and version of what looks now: what it is compared with."""
    stop: threading.Event
    """Set when it is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Try:
    """Let the installed package look beside the one that looks."""

    wanted: Desired


@dataclass(frozen=True, slots=True)
class Activate:
    """Look with the installed package."""

    wanted: Desired


@dataclass(frozen=True, slots=True)
class GoBack:
    """Look with the package before again."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The package that should look cannot be loaded."""

    origins: Mapping[str, Origin]
    """By folder: from where it can be fetched again."""
    is_first: bool


@dataclass(frozen=True, slots=True)
class Repaired:
    """How that ended: what looks again."""

    model: tuple[str, str]
    digest: str | None
    how: str


@dataclass(frozen=True, slots=True)
class Tidy:
    """Remove what was fetched and is neither in use nor the way back."""

    origins: Mapping[str, Origin]


Order = Prepare | Try | Activate | GoBack | Repair | Tidy
