"""The folder of one series beside the database: what was learned of it, each version, and its model.

DATABASE.series/SENSOR.QUANTITY.UNIT/criteria/0001.yaml  0002.yaml …
                                    /active              the number of the one in force; 0 is the shipped one
                                    /model.npz           what training made

Whoever writes here needs no lock on the database; the daemon looks at each minute.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge_mask import yaml_file
from edge_mask.errors import Refused
from edge_mask.private_file import replace_private
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Site

Stamp = tuple[int, ...]
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class InForce:
    """The criteria that are judged by."""

    criteria: Criteria
    problem: str | None = None
    """A sentence when they are not those that were put in force."""


class SeriesFolder:
    """Made when something is written to it. Methods raise Refused for what cannot be read or written."""

    def __init__(self, database: Path, site: Site) -> None:
        name = ".".join(quote(each, safe=" ") for each in (site.key.sensor, site.key.quantity, site.unit) if each)
        self.path = _root(database) / name
        self._shipped = site.shipped or Criteria()

    def versions(self) -> list[int]:
        """The numbers of the learned criteria, oldest first."""
        with suppress(OSError):
            return sorted(int(each.stem) for each in (self.path / "criteria").glob("*.yaml") if each.stem.isdecimal())
        return []

    def criteria(self, version: int) -> Criteria:
        """Those of one version; 0 is what was shipped."""
        if version == 0:
            return self._shipped
        if version not in (there := self.versions()):
            listed = ", ".join(["0 (shipped)", *map(str, there)])
            raise Refused(f"there is no version {version}; there are {listed}")
        file = self._file(version)
        try:
            # Not by settings' `read_whole`: importing settings costs the process that learns 24 MiB.
            text = file.read_bytes() if file.is_file() or not file.exists() else b"\0"
            document = yaml_file.read(text.decode(), str(file))
        except (OSError, ValueError) as error:
            raise Refused(f"{file}: {getattr(error, 'strerror', None) or error}") from error
        if document.problems or not isinstance(document.data, dict):
            raise Refused("; ".join(document.problems) or f"{file}: holds no criteria")
        return replace(Criteria.from_data(document.data, str(file)), version=version)

    @property
    def active(self) -> int:
        """The version in force; 0 before anything was learned."""
        try:
            return int((self.path / "active").read_text().strip())
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except (OSError, ValueError) as error:
            raise Refused(f"{self.path / 'active'}: {getattr(error, 'strerror', None) or 'holds no number'}") from error

    def in_force(self) -> InForce:
        """The active criteria; those before them where they cannot be read."""
        problems: list[str] = []
        for version in self._candidates(problems):
            try:
                return _instead(self.criteria(version), problems)
            except Refused as error:
                is_there = version in self.versions()
                problems.append(str(error) if is_there else f"{self.path / 'active'}: {error}")
        return _instead(self._shipped, problems)

    def _candidates(self, problems: list[str]) -> list[int]:
        try:
            active = self.active
        except Refused as error:
            problems.append(str(error))
            return [*reversed(self.versions()), 0]
        return [active, *(each for each in reversed(self.versions()) if each < active)]

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Of one series only one process learns at a time: Refused while another one does. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Refused("another process is learning it just now") from error
            yield

    def add(self, criteria: Criteria) -> None:
        """Keep a new version and put it in force. Raises OSError."""
        file = self._file(criteria.version)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(file, criteria.to_yaml().encode())
        self._put_in_force(criteria.version)

    def activate(self, version: int) -> None:
        """Put a version in force; the others stay."""
        self.criteria(version)
        try:
            self._put_in_force(version)
        except OSError as error:
            raise Refused(f"{error.filename or self.path}: {error.strerror}") from error

    def _put_in_force(self, version: int) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(self.path / "active", b"%d\n" % version)

    def stamp(self) -> Stamp:
        """Changes when something here does that matters."""
        found: list[int] = []
        files = [self.path / "active", self.path / model_file.NAME]
        with suppress(Refused):
            files.append(self._file(self.active))
        for file in files:
            try:
                state = file.stat()
            except OSError:
                found.append(0)
            else:
                found += [state.st_mtime_ns, state.st_size, state.st_ino]
        return tuple(found)

    def _file(self, version: int) -> Path:
        return self.path / "criteria" / f"{version:0{_DIGITS}}.yaml"


def unusable(database: Path) -> str | None:
    """Why nothing that is learned can be kept beside this database; None where it can."""
    root = _root(database)
    if root.is_dir() or not root.exists():
        return None
    return f"{root} is no folder, so that nothing that is learned can be kept; move that file away"


def _root(database: Path) -> Path:
    return database.with_name(f"{database.name}.series")


def _instead(criteria: Criteria, problems: list[str]) -> InForce:
    if not problems:
        return InForce(criteria)
    which = "the shipped criteria are" if criteria.version == 0 else f"version {criteria.version} is"
    text = "; ".join(dict.fromkeys(problems))
    return InForce(criteria, f"{text}; {which} used instead (edge-mask series criteria activate N puts one in force)")
