"""Everything that the web sees of a house."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from starlette.requests import Request

from edge_mask.errors import TryLater
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import Sighting
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.web.access import Accounts, Nobody
from edge_mask.web.feed import Feed


def _nobody_answers(name: str, _fields: Mapping[str, Any]) -> "Future[Mapping[str, Any]]":
    done: Future[Mapping[str, Any]] = Future()
    done.set_exception(TryLater(f"no command is taken here, {name} neither"))
    return done


def _nobody_marks(_sighting: Sighting) -> "Future[int]":
    done: Future[int] = Future()
    done.set_exception(TryLater("nothing is recorded here"))
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One house, as the web sees it. A new house has a new one; the server and its streams stay."""

    settings: Settings
    clock: Clock
    reader: Reader
    """Of the database; its methods block, so they belong into `in_thread`."""
    accounts: Accounts = field(default_factory=Nobody)
    feed: Feed = field(default_factory=Feed)
    figures: Callable[[], Mapping[str, Any]] = dict
    """What `health` says now; blocks."""
    parts: Callable[[], Sequence[Mapping[str, str]]] = tuple
    """How each part is, as `edge-mask check` says it: `{part, state, text}`; blocks."""
    ask: Callable[[str, Mapping[str, Any]], "Future[Mapping[str, Any]]"] = _nobody_answers
    """Has a command carried out as over MQTT; the future may outlive the house. Fails with an EdgeMaskError."""
    mark_seen: Callable[[Sighting], "Future[int]"] = _nobody_marks
    """Marks alerts or faults as seen; how many were not marked before. Fails with an EdgeMaskError."""

    @property
    def thing(self) -> str:
        """Who this device is."""
        return self.settings.device.thing_name

    @property
    def zone(self) -> tzinfo:
        """Where its days begin."""
        return self.settings.device.zone

    @property
    def folder(self) -> Path:
        """Where the state lies that is no configuration: beside the database."""
        return self.settings.outbox.path.resolve().parent

    @property
    def pictures(self) -> Path:
        """Where pictures are kept."""
        return self.settings.snapshots.dir


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    found: Site = request.app.state.site
    return found
