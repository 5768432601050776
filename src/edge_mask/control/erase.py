"""The command `erase`: rows, pictures and waiting messages of people are deleted."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from edge_mask.act.latest_file import erase_latest
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.control.request import Rejected, Request, shown
from edge_mask.errors import TryLater
from edge_mask.ledger.erasure import Erased, Erasure
from edge_mask.ledger.site_time import earliest
from edge_mask.recording import requests
from edge_mask.units import Unix

PATIENCE: Final = 60.0
"""Seconds; deleted rows are overwritten, which takes long on a slow card."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Carries out `erase`."""

    ask: Callable[[requests.Erase], object]
    """Leaves a request for the recorder."""
    thing: str
    thermometer: str | None
    """The sensor that measures people."""
    pictures: SnapshotStore
    zone: tzinfo
    """The site's, for times without one."""

    def __call__(self, request: Request) -> dict[str, Any]:
        """Raises Rejected, TryLater, Refused."""
        visit, before = request.text("visit"), _time(request.fields.get("before"), self.zone)
        if (visit is None) == (before is None):
            raise Rejected("bad_request", "give either visit, the id of one, or before, a time")
        erased = self._erased(Erasure(visit, before, self.thermometer, self.thing))
        pictures = self.pictures.erase(erased.pictures, None if before is None else Unix(before))
        pictures += erase_latest(self.pictures.folder, before, erased.seen_at)
        return {"counts": {**erased.counts, "pictures": pictures}}

    def _erased(self, erasure: Erasure) -> Erased:
        task = requests.Erase(erasure)
        self.ask(task)
        try:
            return task.answer.result(PATIENCE)
        except Overdue as error:
            raise TryLater(f"the database has not answered for {PATIENCE:g} s; ask again to be sure") from error
        except CancelledError as error:
            raise Rejected("busy", "the device was stopped or built again before; ask again") from error


def _time(given: Any, zone: tzinfo) -> float | None:
    """Unix seconds; a time without a zone is the site's."""
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
    except (ValueError, TypeError) as error:
        text = f"before: found {shown(given)}; allowed: a time such as 2026-11-20T09:30:00Z, or a date"
        raise Rejected("bad_request", text) from error
    return earliest(found, zone)
