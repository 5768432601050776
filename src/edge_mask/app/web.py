"""From a house to its page; nothing of the web is imported while that is off."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from edge_mask.app.control import Figures, Lent
from edge_mask.control.wishes import Wishes
from edge_mask.kinds import Kind
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import Sighting
from edge_mask.messages import Fault, Message
from edge_mask.recording.requests import MarkSeen
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.settings.model import Settings

if TYPE_CHECKING:
    from edge_mask.web.access import Accounts
    from edge_mask.web.door import Door
    from edge_mask.web.listener import Listener
    from edge_mask.web.site import Site

_KEY: Final = "web"
"""The listener is one for the process: a change that is wished over HTTP is answered by the next house."""


def _nothing(_kind: Kind, _message: Message) -> None: ...


class Page:
    """The web of one house, in the making."""

    def __init__(
        self, settings: Settings, wishes: Wishes | None, report: Callable[[Fault], None], clock: Clock
    ) -> None:
        self._settings = settings
        self._report = report
        self._clock = clock
        self._wishes = wishes
        self._listener = self._open(wishes) if settings.web.enabled and wishes is not None else None
        if self._listener is None and wishes is not None:
            wishes.forget(_KEY)

    @staticmethod
    def _open(wishes: Wishes) -> "Listener":
        from edge_mask.web.listener import Listener

        return wishes.lasting(_KEY, Listener)

    @property
    def on_event(self) -> Callable[[Kind, Message], Any]:
        """What the recorder tells of each event."""
        return _nothing if self._listener is None else self._listener.feed.tell

    def jobs(self, lent: Lent) -> list[Job]:
        """What serves the page, where it is wanted."""
        if (listener := self._listener) is None or self._wishes is None:
            return []
        from edge_mask.web.application import front
        from edge_mask.web.listener import Address
        from edge_mask.web.server import WebServer

        web = self._settings.web
        accounts = _accounts(self._settings, self._wishes, self._clock)
        tls = web.tls
        address = Address(web.host, web.port, None if tls is None else tls.cert, None if tls is None else tls.key)

        def is_allowed() -> str:
            if web.is_loopback or accounts.has_users:
                return ""
            return (
                f"web.host is {web.host}, which others reach, and nobody can log in yet; make a user:"
                " edge-mask users add NAME --config FILE"
            )

        app = front(_site(self._settings, lent, listener, accounts, self._clock))
        return [
            WebServer(listener, address, app, self._report, self._clock, is_allowed=is_allowed, upkeep=accounts.keep)
        ]


def _accounts(settings: Settings, wishes: Wishes, clock: Clock) -> "Door":
    """Delays and times of use outlive a house."""
    from edge_mask.web.accounts.accounts import Accounts
    from edge_mask.web.door import Door

    path = settings.outbox.path.resolve()
    return Door(wishes.lasting((_KEY, path), lambda: Accounts(path, clock)), settings.web.port)


def _site(settings: Settings, lent: Lent, listener: "Listener", accounts: "Accounts", clock: Clock) -> "Site":
    from edge_mask.web.site import Site

    figures = Figures(lent.figures, clock)

    def mark_seen(sighting: Sighting) -> "Future[int]":
        request = MarkSeen(sighting)
        lent.inbox.ask(request)
        return request.answer

    return Site(
        settings=settings,
        clock=clock,
        reader=Reader(settings.outbox.path),
        accounts=accounts,
        feed=listener.feed,
        figures=figures,
        parts=lent.parts,
        mark_seen=mark_seen,
    )
