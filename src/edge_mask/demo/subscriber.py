"""Whoever reads along: a client of the embedded broker that hands each message on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from edge_mask.deliver.paho import PahoTransport
from edge_mask.demo.broker import HOST
from edge_mask.errors import TryLater
from edge_mask.messages import Message
from edge_mask.units import Seconds

TOPICS: Final = "edge-mask/#"
_PATIENCE: Final = 6.0


@contextmanager
def connected(port: int, name: str, receive: Callable[[Message], None] | None = None) -> Iterator[PahoTransport]:
    """Connected before it is handed out, so that the first message is seen. Raises TryLater."""
    is_ready = threading.Event()
    client = PahoTransport(
        host=HOST,
        port=port,
        client_id=name,
        version="3.1.1",  # the embedded broker knows no other
        on_state=lambda is_connected, _reason: is_ready.set() if is_connected else None,
    )
    if receive is not None:
        client.subscribe(TOPICS, receive)
    client.open()
    try:
        if not is_ready.wait(_PATIENCE):
            raise TryLater("the embedded broker does not answer")
        yield client
    finally:
        client.close(Seconds(2.0))
