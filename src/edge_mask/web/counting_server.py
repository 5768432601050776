"""uvicorn's server with an accept loop of our own, which counts connections before they have said anything.

accept ─▶ enough of this address? closed ─▶ too many? the longest silent one goes ─▶ handshake ─▶ Connection
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import Server

from edge_mask.web.connections import MOST, MOST_OF_ONE, Connection
from edge_mask.web.feed import Feed
from edge_mask.web.limits import MOST_HEADERS
from edge_mask.web.threads import few_threads

log = logging.getLogger(__name__)

_HANDSHAKE: Final = 8.0
"""Seconds."""
_TICK: Final = 1.0
"""Seconds, for the header `Date`."""
_LAST_WORDS: Final = 0.1
"""Seconds."""


class CountingServer(Server):
    """Of one socket, in one thread."""

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None, feed: Feed) -> None:
        config = Config(
            app, http=Connection, ws="none", lifespan="off", interface="asgi3", loop="asyncio",
            log_config=None, access_log=False, proxy_headers=False, server_header=False,
            h11_max_incomplete_event_size=MOST_HEADERS, timeout_keep_alive=15, timeout_graceful_shutdown=0,
        )  # fmt: skip
        super().__init__(config)
        self.tls = tls
        """For handshakes to come. Any thread replaces it as a whole: one that is changed while a handshake uses it may
        show a certificate with the key of another."""
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
        """Streams have been told to end. Whoever has not ended in a moment is cut, which is no error here."""
        for task in (*self._accepting, *self._greeting.values()):
            task.cancel()
        for each in sockets or ():
            each.close()
        for connection in list(self._all()):
            connection.shutdown()
        if await self._is_quiet():
            return
        for connection in list(self._all()):
            connection.cut()
        await self._is_quiet()  # what was being answered learns that nobody is there

    async def _is_quiet(self) -> bool:
        """Waits for it a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                while self.server_state.tasks or self.server_state.connections:
                    await asyncio.sleep(0.01)
                return True
        return False

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptor is left, or the client has gone already
                log.debug("no connection accepted: %s", error)
                await asyncio.sleep(0.5)
                continue
            if self._has_enough(peer[0]):
                accepted.close()
                continue
            while len(self._greeting) + len(self.server_state.connections) >= MOST:
                if not self._make_room():
                    await asyncio.sleep(0.1)
                await asyncio.sleep(0)
            self._greeting[accepted] = loop.create_task(self._greet(accepted))

    def _has_enough(self, peer: str) -> bool:
        """One address does not get all places. On loopback everybody has the same: a proxy, too."""
        if ip_address(peer.partition("%")[0]).is_loopback:
            return False
        return sum(each.client is not None and each.client[0] == peer for each in self._all()) >= MOST_OF_ONE

    def _all(self) -> Iterator[Connection]:
        return (each for each in self.server_state.connections if isinstance(each, Connection))

    def _make_room(self) -> bool:
        """Cut whoever has said nothing, or not all, for longest; False when all are at work."""
        idle = [each for each in self._all() if each.may_go]
        if idle:
            min(idle, key=lambda each: each.since).cut()
        elif self._greeting:
            next(iter(self._greeting.values())).cancel()
        return bool(idle or self._greeting)

    async def _greet(self, accepted: socket.socket) -> None:
        def connection() -> Connection:
            return Connection(self.config, self.server_state, {})

        tls = self.tls
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                connection, accepted, ssl=tls, ssl_handshake_timeout=_HANDSHAKE if tls else None
            )
        except OSError as error:  # whoever it was speaks no TLS, has gone, or was too slow
            log.debug("a connection ended at its beginning: %s", error)
        finally:
            self._greeting.pop(accepted, None)
