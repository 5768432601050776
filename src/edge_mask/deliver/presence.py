"""Whether a destination is there: its connection comes and goes, and one that was refused is opened again later."""

import logging
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from edge_mask.deliver.transport import Transport
from edge_mask.errors import Refused
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_OPEN_AGAIN_AFTER = 60.0


class Presence:
    """`changed` and `away_for` may be called from any thread, the rest by the courier only."""

    def __init__(self, destination: str, transport: Transport, report: Callable[[Fault], None], clock: Clock) -> None:
        self._name = f"courier-{destination}"
        self._transport = transport
        self._outage = Outage(destination, log, report, clock)
        self._clock = clock
        self._states: SimpleQueue[tuple[bool, str]] = SimpleQueue()
        self._open_again_at = float("inf")
        self._away_since: float | None = clock.now().mono

    def changed(self, connected: bool, reason: str) -> None:
        """The transport has connected or lost its connection."""
        self._states.put((connected, reason))

    def away_for(self, now: float) -> Seconds:
        """Seconds since the connection was lost (or never made); 0 while connected."""
        since = self._away_since
        return Seconds(0.0 if since is None else now - since)

    def open(self) -> None:
        """A missing certificate may appear later, so opening is retried; everything else runs on meanwhile."""
        self._open_again_at = float("inf")
        try:
            self._transport.open()
        except Refused as error:
            self._outage.begin("refused", f"{error}; messages are kept, tried again each minute")
            self._open_again_at = self._clock.now().mono + _OPEN_AGAIN_AFTER

    def open_again(self, now: float) -> None:
        """When it was refused, and is due."""
        if now >= self._open_again_at:
            self.open()

    def news(self) -> Iterator[bool]:
        """Each change since the last call, in order: True came, False went."""
        while not self._states.empty():
            connected, reason = self._states.get_nowait()
            if connected:
                self._away_since = None
                if not self._outage.end():
                    log.info("%s: %s", self._name, reason)
            elif self._away_since is None:
                self._away_since = self._clock.now().mono
            yield connected
            if not connected:
                self._outage.begin("offline", f"{reason}; messages are kept and sent later")
