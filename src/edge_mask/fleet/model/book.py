"""What is known of wishes and packages: kept on the disk, and told on `model/reported`."""

import logging
from dataclasses import replace
from typing import Any

from edge_mask.errors import TryLater
from edge_mask.fleet.model.memory import MOST_FAILED, Begun, Failed, Known, Memory, Origin, Report
from edge_mask.wire.fleet_models import Desired

log = logging.getLogger(__name__)

ENDS = ("active", "refused", "rolled_back", "restored")
"""The states in which nothing more is done for a wish."""


class Book:
    """Entries of one memory. Use it from one thread at a time."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._is_disk_told = False

    @property
    def now(self) -> Known:
        """All of it."""
        return self._memory.now

    def keep(self, **changes: Any) -> bool:
        """False when the disk does not take it; it is known until the next restart all the same."""
        try:
            self._memory.change(**changes)
        except TryLater as error:
            if not self._is_disk_told:
                log.warning("model: what becomes of it is not known after a restart: %s", error)
            self._is_disk_told = True
            return False
        self._is_disk_told = False
        return True

    def say(
        self, wanted: Desired, state: str, looks: tuple[str, str] | None, *, attempt: int = 1, error: str | None = None
    ) -> None:
        """How far a wish is; `looks` is the model that looks now."""
        told = Report(state, wanted.revision, wanted.name, wanted.version, wanted.digest, attempt=attempt, error=error)
        is_another = looks is not None and looks != (wanted.name, wanted.version)
        self.keep(report=replace(told, previous=" ".join(looks) if looks and is_another else None))

    def is_over(self, wanted: Desired) -> bool:
        """Whether it has ended, and that is what is told."""
        report = self.now.report
        if report is None or report.state not in ENDS or report.revision != wanted.revision:
            return False
        return report.digest == wanted.digest or report.state == "restored"

    def failed(self, wanted: Desired) -> Failed | None:
        """How this wish has failed before."""
        failed = self.now.failed.get(wanted.digest)
        return failed if failed is not None and failed.revision == wanted.revision else None

    def fail(self, digest: str, failed: Failed) -> None:
        """It is not tried again without another revision."""
        others = {each: kept for each, kept in self.now.failed.items() if each != digest}
        self.keep(failed=dict([*others.items(), (digest, failed)][-MOST_FAILED:]), begun=None)

    def begin(self, wanted: Desired) -> None:
        """The process may end by what is done now."""
        self.keep(begun=Begun(wanted.revision, wanted.digest, self.tries(wanted) + 1))

    def tries(self, wanted: Desired) -> int:
        """How often it was begun and the process has ended by it."""
        begun = self.now.begun
        if begun is None or (begun.revision, begun.digest) != (wanted.revision, wanted.digest):
            return 0
        return begun.tries

    def remember(self, wanted: Desired) -> None:
        """Where it came from."""
        self.keep(origins={**self.now.origins, folder_of(wanted): origin_of(wanted)})


def folder_of(wanted: Desired) -> str:
    """The name of its folder, once it is installed."""
    return f"{wanted.name}-{wanted.version}"


def origin_of(wanted: Desired) -> Origin:
    """Where it can be fetched from."""
    return Origin(wanted.name, wanted.version, wanted.digest, tuple(wanted.sources), wanted.signature)
