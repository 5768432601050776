"""Connections with limits: how many there are, how long one may take to ask, to send, and to read the answer.

uvicorn has no such deadlines (Kludex/uvicorn#157), and counts silent connections as requests that are carried out.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

MOST: Final = 96
"""Connections in all: a camera needs file descriptors, too."""
MOST_OF_ONE: Final = 48
"""Of one address that is not this machine."""
TO_ASK: Final = 8.0
"""Seconds from the first byte of a request, or from the beginning of a connection, to the end of the headers."""
TO_BEGIN: Final = 5.0
"""Seconds for the body of a request, and one more for each part of it that has come."""
PART: Final = 16 * 1024
"""Bytes: so many a second are the least, whatever length was told."""
TO_SEND: Final = 60.0
"""Seconds for a body in any case."""
TO_READ: Final = 20.0
"""Seconds for which a reader may take nothing while something waits for it."""


class Connection(H11Protocol):
    """One connection. Whoever does not keep to the deadlines is cut."""

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._sent = 0
        """Bytes of a body that came after its headers."""
        self.since = self.loop.time()
        """When it began to be silent or to send, for choosing which one goes when there are too many."""

    @property
    def is_idle(self) -> bool:
        """Nothing is asked, or not completely."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    @property
    def may_go(self) -> bool:
        """Nobody is at work for it: it is idle, or has asked for something and keeps back the rest."""
        return self.is_idle or (self.cycle.more_body and not self.cycle.response_started and not self.flow.read_paused)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait(TO_ASK)

    def data_received(self, data: bytes) -> None:
        was_idle = self.is_idle
        super().data_received(data)
        if self.is_idle:
            if was_idle and self._deadline is None:
                self._wait(TO_ASK)
        elif not self.cycle.more_body:
            self._wait(None)
        elif was_idle:
            self.since, self._sent = self.loop.time(), 0
            self._wait(TO_BEGIN, self._look_at_body)
        else:
            self._sent += len(data)

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        self._wait(None)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        self._read_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(TO_READ, self.cut)

    def resume_writing(self) -> None:
        self._read_again()
        super().resume_writing()

    def cut(self) -> None:
        """End it now; what waits for its reader is dropped."""
        if self.transport is not None:
            self.transport.abort()

    def _look_at_body(self) -> None:
        """It may take longer when it comes at a pace, or when we are slow to take it."""
        took = self.loop.time() - self.since
        left = min(TO_SEND, TO_BEGIN + self._sent / PART) - took
        if self.flow.read_paused:
            left = min(1.0, TO_SEND - took)
        if left > 0.0:
            self._wait(left, self._look_at_body)
        else:
            self.cut()

    def _wait(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, then or self.cut)

    def _read_again(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
