"""Connects to the broker for a moment, beside the daemon, and hears what the broker has kept."""

import queue
import time
from collections.abc import Callable, Iterable
from typing import Final

from edge_mask.deliver.factory import transport_for
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds

QUIET: Final = 0.5
"""Seconds without anything that was kept: then all of it has come."""
_PATIENCE: Final = 10.0
_LONGEST: Final = 60.0
MOST_BYTES: Final = 1_000_000
"""Of a packet; a broker of MQTT 5 sends no larger one to whoever says so."""
_NO_WAY: Final = {
    "none": "mqtt.transport is none: there is no broker to ask",
    "greengrass": "mqtt.transport is greengrass: a nucleus lets in only what it has started itself, and keeps nothing"
    " for whoever comes later; ask with a configuration of the broker itself (transport mqtt or aws-iot)",
}


def hear(settings: Settings, filters: Iterable[str], on_message: Callable[[Message], None], *, quiet: float) -> None:
    """Give `on_message` what the broker kept, until nothing more of it comes for `quiet` seconds.

    Raises TryLater when the broker does not answer, Refused when it cannot be asked this way.
    """
    if (why := _NO_WAY.get(settings.mqtt.transport)) is not None:
        raise Refused(why)
    states: queue.SimpleQueue[tuple[bool, str]] = queue.SimpleQueue()
    arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()
    transport = transport_for(
        settings.mqtt.model_copy(update={"client_id": settings.fleet_client_id}),
        aws=settings.aws,
        client_id=settings.device.thing_name,
        clock=SystemClock(),
        on_state=lambda connected, reason: states.put((connected, reason)),
        most_bytes=MOST_BYTES,
    )
    for each in filters:
        transport.subscribe(each, arrived.put)
    try:
        transport.open()
        _wait_for(states, settings)
        _drain(arrived, on_message, quiet)
    finally:
        transport.close(Seconds(1.0))


def _wait_for(states: "queue.SimpleQueue[tuple[bool, str]]", settings: Settings) -> None:
    try:
        connected, reason = states.get(timeout=_PATIENCE)
    except queue.Empty as error:
        raise TryLater(f"{settings.mqtt.host}:{settings.mqtt.port} does not answer") from error
    if not connected:
        raise TryLater(reason)


def _drain(arrived: "queue.SimpleQueue[Message]", on_message: Callable[[Message], None], quiet: float) -> None:
    """Devices that speak meanwhile are heard too; only what was kept is waited for."""
    now = time.monotonic()
    until, latest = now + quiet, now + _LONGEST
    while (left := min(until, latest) - time.monotonic()) > 0:
        try:
            message = arrived.get(timeout=left)
        except queue.Empty:
            return
        on_message(message)
        if message.retain:
            until = time.monotonic() + quiet
