"""Everything that the web sees of a house."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import Request

from edge_mask.errors import TryLater
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import Sighting
from edge_mask.runtime.clock import Clock
from edge_mask.settings.load import LoadedSettings
from edge_mask.settings.model import Settings
from edge_mask.web.access import Accounts, Nobody
from edge_mask.web.feed import Feed

if TYPE_CHECKING:
    from edge_mask.notify.push import Push

Said = Mapping[str, Any]
"""An answer as it is published: `ok` and more."""


class Ask(Protocol):
    """Has a command carried out as over MQTT. Never waits."""

    def __call__(
        self, name: str, payload: bytes, content_type: str = "", *, under: str | None = None
    ) -> "Future[Said]":
        """`payload` is the request as it would be published; with `under` it is the value of that field.

        The future may outlive the house, and never fails: what was not done is an answer, too.
        """
        ...


def _nobody_answers(name: str, *_payload: object, **_more: object) -> "Future[Said]":
    done: Future[Said] = Future()
    text = f"no command is taken here, {name} neither"
    done.set_result({"ok": False, "error": {"code": "failed", "text": text}})
    return done


def _nobody_looks(_picture: bytes) -> "Future[Said]":
    done: Future[Said] = Future()
    done.set_exception(TryLater("nobody looks at pictures here"))
    return done


def _not_counted(_route: str | None, _method: str, _status: int, _seconds: float) -> None: ...


def _nobody_marks(_sighting: Sighting) -> "Future[int]":
    done: Future[int] = Future()
    done.set_exception(TryLater("nothing is recorded here"))
    return done


def _not_told() -> None: ...


@dataclass(frozen=True, slots=True)
class PanelNow:
    """A panel with what it showed last."""

    name: str
    title: str
    unit: str
    at: float | None = None
    """Unix seconds; None before the first."""
    points: Sequence[tuple[str, float]] = ()
    why: str = ""
    """Why it is not newer."""


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
    running_for: Callable[[], float | None] = _not_told
    """Seconds since the program began, over all of its houses."""
    ask: Ask = _nobody_answers
    panels: Callable[[], Sequence[PanelNow]] = tuple
    """Public figures. Never waits."""
    is_safe_mode: bool = False
    """The configuration is broken: there is one page, and no house."""
    in_force: Callable[[], LoadedSettings | None] = _not_told
    """What this house was built from."""
    mark_seen: Callable[[Sighting], "Future[int]"] = _nobody_marks
    """Marks alerts or faults as seen; how many were not marked before. Fails with an EdgeMaskError."""
    look: Callable[[bytes], "Future[Said]"] = _nobody_looks
    """What the model sees in a picture file, which is gone afterwards; fails with an EdgeMaskError. Never waits."""
    metrics: Callable[[], bytes] = bytes
    """The text for Prometheus; blocks."""
    count: Callable[[str | None, str, int, float], None] = _not_counted
    """Told of each answer: its route (None where there is none), method, status, and the seconds until it began."""

    push: "Push | None" = None
    """Web push; None without such a target."""

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
