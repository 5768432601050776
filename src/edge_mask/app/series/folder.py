"""The folder of one series beside the database: what was learned of it, each version, and its model.

DATABASE.series/SENSOR.QUANTITY.UNIT/criteria/0001.yaml  0002.yaml …
                                    /active              the number of the one in force; 0 is the shipped one
                                    /model.npz           what training made

Whoever writes here needs no lock on the database; the daemon looks at each minute.
"""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge_mask import yaml_file
from edge_mask.errors import Refused
from edge_mask.private_file import replace_private
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Site

log = logging.getLogger(__name__)

Stamp = tuple[int, ...]
_DIGITS: Final = 4


class SeriesFolder:
    """Made when something is written to it. Methods raise Refused for what cannot be read or written."""

    def __init__(self, database: Path, site: Site) -> None:
        name = ".".join(quote(each, safe=" ") for each in (site.key.sensor, site.key.quantity, site.unit) if each)
        self.path = database.with_name(f"{database.name}.series") / name
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
        file = self._file(version)
        try:
            # Not by settings' `read_whole`: importing settings costs the process that learns 24 MiB.
            text = file.read_bytes() if file.is_file() or not file.exists() else b"\0"
            document = yaml_file.read(text.decode(), str(file))
        except (OSError, ValueError) as error:
            raise Refused(f"{file}: {getattr(error, 'strerror', None) or error}") from error
        if document.problems or not isinstance(document.data, dict):
            raise Refused("; ".join(document.problems) or f"{file}: holds no criteria")
        return Criteria.from_data(document.data, str(file))

    @property
    def active(self) -> int:
        """The version in force; 0 before anything was learned."""
        try:
            return int((self.path / "active").read_text().strip())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise Refused(f"{self.path / 'active'}: {getattr(error, 'strerror', None) or 'holds no number'}") from error

    def in_force(self) -> Criteria:
        """The active criteria; those before them where they cannot be read."""
        for version in self._candidates():
            try:
                return self.criteria(version)
            except Refused as error:
                log.warning("series %s: criteria are left out: %s", self.path.name, error)
        return self._shipped

    def _candidates(self) -> list[int]:
        try:
            active = self.active
        except Refused as error:
            log.warning("series %s: criteria: %s", self.path.name, error)
            return list(reversed(self.versions()))
        return [active, *(each for each in reversed(self.versions()) if each < active)]

    def add(self, criteria: Criteria) -> None:
        """Keep a new version and put it in force."""
        file = self._file(criteria.version)
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(file, criteria.to_yaml().encode())
        except OSError as error:
            raise Refused(f"{error.filename or file}: {error.strerror}") from error
        self.activate(criteria.version)

    def activate(self, version: int) -> None:
        """Put a version in force; the others stay."""
        self.criteria(version)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(self.path / "active", b"%d\n" % version)
        except OSError as error:
            raise Refused(f"{error.filename or self.path}: {error.strerror}") from error

    def stamp(self) -> Stamp:
        """Changes when something here does that matters."""
        found: list[int] = []
        for file in (self.path / "active", self.path / model_file.NAME):
            try:
                state = file.stat()
            except OSError:
                found.append(0)
            else:
                found += [state.st_mtime_ns, state.st_size, state.st_ino]
        return tuple(found)

    def _file(self, version: int) -> Path:
        return self.path / "criteria" / f"{version:0{_DIGITS}}.yaml"
