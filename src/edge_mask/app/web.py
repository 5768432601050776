"""From a house to its page; nothing of the web is imported while that is off."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from edge_mask.app.control import Figures, Lent
from edge_mask.app.panels import keeper_for, shown_by
from edge_mask.control.futures import but
from edge_mask.control.look import Look
from edge_mask.control.request import Rejected
from edge_mask.control.wishes import Wishes
from edge_mask.errors import Refused, TryLater
from edge_mask.kinds import Kind
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import Sighting
from edge_mask.messages import Event, Fault, Message
from edge_mask.recording.requests import MarkSeen
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.settings.model import Settings
from edge_mask.vision.shared import Seen

if TYPE_CHECKING:
    from edge_mask.app.metrics import Counters
    from edge_mask.notify.push import Push
    from edge_mask.web.access import Accounts
    from edge_mask.web.door import Door
    from edge_mask.web.listener import Listener
    from edge_mask.web.site import Site

_KEY: Final = "web"
"""The listener is one for the process: a change that is wished over HTTP is answered by the next house."""


def _nothing(_kind: Kind, _message: Message) -> None: ...


def _not_counted(_event: Event) -> None: ...


class Page:
    """The web of one house, in the making."""

    def __init__(
        self,
        settings: Settings,
        wishes: Wishes | None,
        report: Callable[[Fault], None],
        clock: Clock,
        push: "Push | None" = None,
    ) -> None:
        self._settings = settings
        self._push = push
        self._report = report
        self._clock = clock
        self._wishes = wishes
        self._listener = self._open(wishes) if settings.web.enabled and wishes is not None else None
        self._counters = self._count(wishes, clock) if settings.web.enabled and wishes is not None else None
        if self._listener is None and wishes is not None:
            wishes.forget(_KEY)

    @staticmethod
    def _open(wishes: Wishes) -> "Listener":
        from edge_mask.web.listener import Listener

        return wishes.lasting(_KEY, Listener)

    @staticmethod
    def _count(wishes: Wishes, clock: Clock) -> "Counters":
        from edge_mask.app.metrics import Counters

        return wishes.lasting("metrics", lambda: Counters(clock.now().mono))

    @property
    def on_admit(self) -> Callable[[Event], None]:
        """What the intake tells of each event."""
        return _not_counted if self._counters is None else self._counters.tally.recorded

    def watch(self, seen: Seen) -> None:
        """Count the looks of the cameras."""
        if self._counters is not None:
            seen.on_look = self._counters.tally.looked

    @property
    def on_event(self) -> Callable[[Kind, Message], Any]:
        """What the recorder tells of each event."""
        return _nothing if self._listener is None else self._listener.feed.tell

    def on_erase(self) -> None:
        """What the recorder tells when something was erased."""
        if self._listener is not None:
            self._listener.feed.forget()

    def jobs(self, lent: Lent, look: Look) -> list[Job]:
        """What serves the page, where it is wanted."""
        if (listener := self._listener) is None or (counters := self._counters) is None or self._wishes is None:
            return []
        from edge_mask.web.address import Address
        from edge_mask.web.application import front
        from edge_mask.web.server import WebServer

        web = self._settings.web
        accounts = _accounts(self._settings, self._wishes, self._clock)
        listener.let_in_by(accounts.accounts)
        tls = web.tls
        address = Address(web.host, web.port, None if tls is None else tls.cert, None if tls is None else tls.key)

        def is_allowed() -> str:
            if web.is_loopback or accounts.has_users:
                return ""
            return (
                f"web.host is {web.host}, which others reach, and nobody can log in yet; make a user:"
                " edge-mask users add NAME --config FILE"
            )

        keeper = keeper_for(self._settings, self._report, self._clock)
        site = _site(lent, look, listener, accounts, counters, self._push)
        server = WebServer(
            listener,
            address,
            front(site if keeper is None else replace(site, panels=shown_by(keeper))),
            self._report,
            self._clock,
            is_allowed=is_allowed,
            advice=lambda: list(filter(None, [web.exposure])),
            upkeep=accounts.keep,
        )
        return [server] if keeper is None else [server, keeper]


def _accounts(settings: Settings, wishes: Wishes, clock: Clock) -> "Door":
    """Delays and times of use outlive a house."""
    from edge_mask.web.accounts.accounts import Accounts
    from edge_mask.web.door import Door

    path = settings.outbox.path.resolve()
    return Door(wishes.lasting((_KEY, path), lambda: Accounts(path, clock)), settings.web.port)


def _site(
    lent: Lent,
    look: Look,
    listener: "Listener",
    accounts: "Accounts",
    counters: "Counters",
    push: "Push | None",
) -> "Site":
    from edge_mask.control.mouth import Mouth
    from edge_mask.web.site import Site

    mouth = lent.wishes.lasting("mouth", lambda: Mouth(lent.wishes.desk, lent.ground.clock))
    return Site(
        settings=lent.ground.settings,
        clock=lent.ground.clock,
        reader=Reader(lent.ground.settings.outbox.path),
        accounts=accounts,
        feed=listener.feed,
        figures=Figures(lent.figures, lent.ground.clock),
        parts=lent.parts,
        running_for=lambda: lent.ground.clock.now().mono - counters.began,
        ask=mouth.ask,
        in_force=lent.wishes.loaded,
        mark_seen=lambda sighting: _marked(lent, sighting),
        look=lambda picture: look_of_guest(look, picture),
        metrics=_text(lent, counters),
        count=counters.requests.answered,
        push=push,
    )


def _text(lent: Lent, counters: "Counters") -> Callable[[], bytes]:
    """What `/metrics` tells. Its library comes with the first scrape: 1.5 MiB that a house goes without otherwise."""
    from edge_mask.app.metrics import Measure

    measure = Measure(lent, counters)

    def text() -> bytes:
        from edge_mask.web.metrics.collector import HouseCollector
        from edge_mask.web.metrics.text import text_of

        return text_of(HouseCollector(counters.tally, measure, counters.requests))

    return text


def _marked(lent: Lent, sighting: Sighting) -> "Future[int]":
    request = MarkSeen(sighting)
    lent.ground.inbox.ask(request)
    return request.answer


def look_of_guest(look: Look, picture: bytes) -> "Future[Mapping[str, Any]]":
    """The web does not know what control calls its refusals."""

    def why(error: BaseException) -> BaseException:
        if not isinstance(error, Rejected):
            return error
        return TryLater(str(error)) if error.code == "busy" else Refused(str(error))

    return but(look.at(picture), why)
