"""The worker that keeps a house on the web: it opens the listener, tries again while that is not possible, and looks
after the certificate."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import ASGIApp

from edge_mask.errors import TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds
from edge_mask.web.address import Address
from edge_mask.web.listener import Listener

log = logging.getLogger(__name__)

_LOOKS_EVERY: Final = Seconds(2.0)


class WebServer(Job):
    """The page of one house."""

    name = "web"

    def __init__(
        self,
        listener: Listener,
        address: Address,
        app: ASGIApp,
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        is_allowed: Callable[[], str],
        advice: Callable[[], Sequence[str]],
        upkeep: Callable[[], None],
    ) -> None:
        """`is_allowed` says why it must not listen there, or nothing; `advice` what would be better; `upkeep` writes
        what is only in memory so far. The listener stays for the next house."""
        self._listener = listener
        self._address = address
        self._app = app
        self._clock = clock
        self._is_allowed = is_allowed
        self._advice = advice
        self._upkeep = upkeep
        self._outage = Outage("web", log, report, clock)
        self._renewal = Outage("web certificate", log, report, clock)
        self._backoff = Backoff(base=1.0, cap=5.0, settled_after=0.0)
        self._wake = threading.Event()

    def interrupt(self) -> None:
        self._wake.set()

    def begin(self) -> None:
        self._listener.serve(self._app)

    def step(self, stop: threading.Event) -> None:
        pause = self._keep_open()
        self._upkeep()
        if not stop.is_set():
            self._clock.wait(self._wake, pause)

    def end(self) -> None:
        self._listener.away()

    def _keep_open(self) -> Seconds:
        """How long all is well, or until the next try."""
        try:
            self._open()
        except TryLater as error:
            self._outage.begin("not_served", str(error))
            return self._backoff.next_delay()
        if self._outage.end():
            self._backoff.succeeded(0.0)
        self._renew()
        return _LOOKS_EVERY

    def _open(self) -> None:
        """Raises TryLater."""
        if why := self._is_allowed():
            self._listener.close()
            raise TryLater(why)
        if not self._listener.is_open or self._listener.address != self._address:
            self._listener.open(self._address)
            log.info("the page is at %s", self._address.shown)
            for sentence in self._advice():
                log.warning("%s", sentence)

    def _renew(self) -> None:
        try:
            is_new = self._listener.renew()
        except TryLater as error:
            self._renewal.begin("certificate", f"{error}; the one before stays in use")
            return
        if is_new and not self._renewal.end():
            log.info("the web server has taken over a new certificate")
