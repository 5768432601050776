"""The server itself: a thread with a loop and a socket, which lives over the houses of one process.

  main ──▶ house 1: serve(app) ──▶ away ──▶ house 2: serve(app) ──▶ close
                 │                   │           │
  browsers ──────┴── streams stay, requests wait ┴──▶

A change of the configuration that was asked for over HTTP is answered over the same connection.
"""

import asyncio
import logging
import threading
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from edge_mask.web.address import Address, context_of, listening_at
from edge_mask.web.counting_server import CountingServer
from edge_mask.web.feed import Feed
from edge_mask.web.problems import problem

log = logging.getLogger(__name__)

_FOR_A_HOUSE: Final = 8.0
"""Seconds that a request waits while a house is built."""
_STOPS_WITHIN: Final = 2.0


class Listener:
    """`open`, `serve`, `away` and `close` are called by one thread at a time."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.address: Address | None = None
        """None while nothing is open."""
        self._house = _House()
        self._let_in: object = None
        self._server: CountingServer | None = None
        self._thread: threading.Thread | None = None
        self._papers: tuple[object, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._thread is not None and self._thread.is_alive()

    def connections(self) -> int:
        """How many there are, for tests and figures."""
        return 0 if self._server is None else len(self._server.server_state.connections)

    @property
    def waiting(self) -> int:
        """Requests that wait for the next house."""
        return self._house.waiting

    def open(self, address: Address) -> None:
        """Listen there, unless it does already. Raises TryLater: the port is taken, the certificate cannot be used."""
        if self.is_open and self.address == address:
            return
        self.close()
        papers = address.papers()
        tls = None if address.cert is None or address.key is None else context_of(address.cert, address.key)
        listening = listening_at(address)
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # our own threshold logs what fails
        self._server, self.address = CountingServer(self._house, tls, self.feed), address
        self._papers = papers
        self._thread = threading.Thread(
            target=self._server.to_the_end, args=(listening,), name="web server", daemon=True
        )
        self._thread.start()

    def renew(self) -> bool:
        """Take over a new certificate for connections to come; False when it is the old one. Raises TryLater and keeps
        the old one."""
        address, server = self.address, self._server
        if address is None or address.cert is None or address.key is None or server is None:
            return False
        if (papers := address.papers()) == self._papers:
            return False
        server.tls = context_of(address.cert, address.key)
        self._papers = papers
        return True

    def let_in_by(self, accounts: object) -> None:
        """Streams that others have let in end, and come again: a house with another database has other users."""
        if self._let_in is not None and self._let_in is not accounts:
            self.feed.cut()
        self._let_in = accounts

    def serve(self, app: ASGIApp) -> None:
        """This house answers from now on."""
        self._house.enter(app)

    def away(self) -> None:
        """No house answers for a while."""
        self._house.leave()

    def close(self) -> None:
        """End every connection and give the port back."""
        server, thread, self._server, self._thread, self.address = self._server, self._thread, None, None, None
        if server is None or thread is None:
            return
        self.feed.end()
        server.stop()
        thread.join(_STOPS_WITHIN)
        if thread.is_alive():
            log.error("the web server does not stop")

    def stopped(self) -> None:
        """The process ends."""
        self.close()


class _House:
    """The application of the house that stands; requests wait a while for the next one."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def enter(self, app: ASGIApp) -> None:
        with self._lock:
            self._app = app
            if (loop := self._loop) is not None:
                with suppress(RuntimeError):  # it was closed
                    loop.call_soon_threadsafe(self._wake)

    def leave(self) -> None:
        with self._lock:
            self._app = None

    def _wake(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self._next()
        await (app or problem(503, "the program is being built anew", headers={"Retry-After": "2"}))(
            scope, receive, send
        )

    async def _next(self) -> ASGIApp | None:
        waiting = asyncio.Event()
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._app is not None:
                return self._app
            self._waiting.add(waiting)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FOR_A_HOUSE):
                    await waiting.wait()
        finally:
            self._waiting.discard(waiting)
        return self._app
