"""The server itself: a thread with a loop and a socket, which lives over the houses of one process.

  main ──▶ house 1: serve(app) ──▶ away ──▶ house 2: serve(app) ──▶ close
                 │                   │           │
  browsers ──────┴── streams stay, requests wait ┴──▶

A change of the configuration that was asked for over HTTP is answered over the same connection.
"""

import asyncio
import logging
import socket
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import Server

from edge_mask.errors import TryLater
from edge_mask.web.connections import MOST, MOST_HEADERS, Connection
from edge_mask.web.feed import Feed
from edge_mask.web.problems import problem
from edge_mask.web.threads import few_threads

log = logging.getLogger(__name__)

_FOR_A_HOUSE: Final = 8.0
"""Seconds that a request waits while a house is built."""
_HANDSHAKE: Final = 8.0
_TICK: Final = 1.0
_STOPS_WITHIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and with which certificate."""

    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None

    @property
    def shown(self) -> str:
        """For logs and people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.cert is None else 'https'}://{host}:{self.port}/"


class Listener:
    """`open`, `serve`, `away` and `close` are called by one thread at a time."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.address: Address | None = None
        """None while nothing is open."""
        self._house = _House()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._tls: ssl.SSLContext | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._thread is not None and self._thread.is_alive()

    def open(self, address: Address) -> None:
        """Listen there, unless it does already. Raises TryLater: the port is taken, the certificate cannot be used."""
        if self.is_open and self.address == address:
            return
        self.close()
        tls = None if address.cert is None or address.key is None else _context(address.cert, address.key)
        listening = _listening(address)
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        self._server, self._tls, self.address = _Server(self._house, tls, self.feed), tls, address
        self._thread = threading.Thread(
            target=self._server.to_the_end, args=(listening,), name="web server", daemon=True
        )
        self._thread.start()

    def renew(self) -> None:
        """Take over a new certificate for connections to come. Raises TryLater and keeps the old one."""
        address, tls = self.address, self._tls
        if address is None or address.cert is None or address.key is None or tls is None:
            return
        _context(address.cert, address.key)  # a pair that does not fit would spoil the context in use
        tls.load_cert_chain(address.cert, address.key)

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


class _Server(Server):
    """uvicorn's server with an accept loop of our own, which counts connections before they have said anything."""

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None, feed: Feed) -> None:
        config = Config(
            app, http=Connection, ws="none", lifespan="off", interface="asgi3", loop="asyncio",
            log_config=None, access_log=False, proxy_headers=False, server_header=False,
            h11_max_incomplete_event_size=MOST_HEADERS, timeout_keep_alive=15, timeout_graceful_shutdown=0,
        )  # fmt: skip
        super().__init__(config)
        self._context = tls
        self._feed = feed
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._greeting: dict[socket.socket, asyncio.Task[None]] = {}
        """Accepted, and perhaps in the middle of the handshake of TLS."""

    # -- from other threads ------------------------------------------------------------------------------

    def to_the_end(self, listening: socket.socket) -> None:
        """The thread."""
        with closing(listening), asyncio.Runner() as runner:
            runner.run(self.serve(sockets=[listening]))

    def stop(self) -> None:
        """Ask it to end."""
        self.should_exit = True
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(self._hurry)

    # -- in the loop -------------------------------------------------------------------------------------

    def _hurry(self) -> None:
        if self._stopping is not None:
            self._stopping.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        few_threads()
        self._feed.begin()
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self.servers = []
        assert sockets is not None, "the socket is ours"
        self._accepting = [asyncio.create_task(self._accept(each)) for each in sockets]
        self.started = True

    async def main_loop(self) -> None:
        assert self._stopping is not None, "startup comes first"
        while not self.should_exit:
            await self.on_tick(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in (*self._accepting, *self._greeting.values()):
            task.cancel()
        await super().shutdown(sockets)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptor is left, or the client has gone already
                log.debug("no connection accepted: %s", error)
                await asyncio.sleep(0.5)
                continue
            while len(self._greeting) + len(self.server_state.connections) >= MOST:
                if not self._make_room():
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0)
            task = loop.create_task(self._greet(accepted))
            self._greeting[accepted] = task

    def _make_room(self) -> bool:
        """Cut whoever has said nothing for longest; False when all are at work."""
        idle = [each for each in self.server_state.connections if isinstance(each, Connection) and each.is_idle]
        if idle:
            min(idle, key=lambda each: each.since).cut()
        elif self._greeting:
            next(iter(self._greeting.values())).cancel()
        return bool(idle or self._greeting)

    async def _greet(self, accepted: socket.socket) -> None:
        def connection() -> Connection:
            return Connection(self.config, self.server_state, {})

        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                connection, accepted, ssl=self._context, ssl_handshake_timeout=_HANDSHAKE if self._context else None
            )
        except (OSError, asyncio.CancelledError) as error:  # whoever it was speaks no TLS, has gone, or was too slow
            log.debug("a connection ended at its beginning: %s", error)
            accepted.close()
        finally:
            self._greeting.pop(accepted, None)


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def no_password() -> str:
        raise TryLater(f"web.tls.key: {key.name} is locked with a password; allowed: a key without one")

    try:
        context.load_cert_chain(cert, key, no_password)
    except ssl.SSLError as error:
        what = "do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be used"
        raise TryLater(f"web.tls: {cert.name} and {key.name} {what} ({error.reason or error})") from error
    except OSError as error:
        raise TryLater(f"web.tls: {error.filename or cert.name} cannot be read: {error.strerror}") from error
    return context


def _listening(address: Address) -> socket.socket:
    """Raises TryLater."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise TryLater(f"web.host: {address.host} is no address here: {error.strerror or error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address.host == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(place)
        made.listen(MOST)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise TryLater(f"{address.host}:{address.port} cannot be listened on: {error.strerror or error}") from error
    return made
