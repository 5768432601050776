"""What the tables of shadow and jobs want to have done; worker.py does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Publish it."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Configure:
    """Merge this part of the configuration into the overlay."""

    part: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Activate:
    """Look with this installed model."""

    name: str
    version: str


Order = Say | Configure | Activate
