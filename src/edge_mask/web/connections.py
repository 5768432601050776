"""Connections with limits: how many there are, how long one may take to ask, to send, and to read the answer.

uvicorn has no such deadlines (Kludex/uvicorn#157), and counts silent connections as requests that are carried out.
"""

import asyncio
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
TO_SEND: Final = 60.0
"""Seconds for the body of a request: 8 MiB at 140 kB/s."""
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
        self.since = self.loop.time()
        """When it began to be silent, for choosing which one goes when there are too many."""

    @property
    def is_idle(self) -> bool:
        """Nothing is asked, or not completely."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait(TO_ASK)

    def data_received(self, data: bytes) -> None:
        was_idle = self.is_idle
        super().data_received(data)
        if self.is_idle:
            if was_idle and self._deadline is None:
                self._wait(TO_ASK)
        elif was_idle:
            self._wait(TO_SEND if self.cycle.more_body else None)
        elif not self.cycle.more_body:
            self._wait(None)

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

    def _wait(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.cut)

    def _read_again(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
