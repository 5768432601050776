"""What is known of model packages over a restart: how far the wish is, what failed, and where packages came from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from edge_mask.errors import TryLater
from edge_mask.private_file import replace_private
from edge_mask.settings.base import read_whole

MOST_FAILED: Final = 32
"""Digests that are remembered as refused."""


@dataclass(frozen=True, slots=True)
class Report:
    """How far the device is, as `model/reported` says it."""

    state: str
    revision: int | None
    name: str
    version: str
    digest: str | None = None
    previous: str | None = None
    attempt: int = 1
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an installed package came from, so that it can be fetched again."""

    name: str
    version: str
    digest: str
    sources: tuple[str, ...] = ()
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A digest that was refused or taken back."""

    revision: int
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class Begun:
    """What is being verified or tried; the process may end by it."""

    revision: int
    digest: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Probation:
    """A package that looks since a short while, and may still prove wrong."""

    revision: int
    name: str
    version: str
    digest: str
    starts: int = 0
    """How often the process began with it and did not end as it should."""


@dataclass(frozen=True, slots=True)
class Known:
    """All of it."""

    report: Report | None = None
    failed: Mapping[str, Failed] = field(default_factory=dict)
    """By digest, oldest first."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """By the name of the package's folder."""
    begun: Begun | None = None
    probation: Probation | None = None


class Memory:
    """One private file. Use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = _read(path)

    def change(self, **changes: Any) -> None:
        """On the disk when this returns. Raises TryLater when it cannot be written; then it holds in memory only."""
        if (new := replace(self.now, **changes)) == self.now:
            return
        self.now = new
        try:
            replace_private(self._path, json.dumps(asdict(new)).encode())
        except OSError as error:
            raise TryLater(f"{self._path}: cannot be written: {error.strerror}") from error


def place_of(database: Path) -> Path:
    """The file of the device with this database."""
    return Path(f"{database}.packages.json")


def _read(path: Path) -> Known:
    """Nothing, for a file that is not there or makes no sense: it then counts as lost."""
    try:
        found = json.loads(read_whole(path))
        report, begun, probation = found["report"], found["begun"], found["probation"]
        return Known(
            report=None if report is None else Report(**report),
            failed={str(digest): Failed(**each) for digest, each in found["failed"].items()},
            origins={str(name): _origin(each) for name, each in found["origins"].items()},
            begun=None if begun is None else Begun(**begun),
            probation=None if probation is None else Probation(**probation),
        )
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return Known()


def _origin(found: Mapping[str, Any]) -> Origin:
    return Origin(**{**found, "sources": tuple(map(str, found["sources"]))})
