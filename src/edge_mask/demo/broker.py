"""A broker inside this process, on loopback: enough for the demo, without any storage."""

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from typing import Any

from edge_mask.errors import ConfigurationError, TryLater

HOST = "127.0.0.1"
_ANYBODY = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
_PATIENCE = 10.0  # seconds that its start or stop may take


class EmbeddedBroker:
    """amqtt in a thread with its own event loop. It speaks MQTT 3.1.1 and forgets everything when it stops."""

    def __init__(self) -> None:
        self.port = 0
        self._library = _amqtt()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo-broker", daemon=True)
        self._broker: Any = None

    def start(self) -> None:
        """Listen on a free port. Raises TryLater when it cannot."""
        self._thread.start()
        try:
            self._broker = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(_PATIENCE)
        except Exception as error:
            self.stop()
            raise TryLater(f"the embedded broker did not start: {error}") from error

    async def _open(self) -> Any:
        self.port = _free_port()
        listener = {"type": "tcp", "bind": f"{HOST}:{self.port}", "max_connections": 50}
        broker = self._library.Broker({"listeners": {"default": listener}, "plugins": _ANYBODY})
        await broker.start()
        return broker

    def stop(self) -> None:
        """Close its port and end its thread; safe to call twice."""
        if self._loop.is_closed():
            return
        if self._broker is not None:
            with suppress(TimeoutError):  # on a busy machine; its port goes with this process at the latest
                asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)
            self._broker = None
        if self._thread.ident is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
        if not self._loop.is_running():
            self._loop.close()

    async def _close(self) -> None:
        await self._broker.shutdown()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _amqtt() -> Any:
    """The library with its logging off: it would disturb the output of the demo."""
    try:
        import amqtt.broker
    except ImportError as error:
        sentence = "the demo needs a broker: install it with  pip install 'edge-mask[demo]'"
        raise ConfigurationError([sentence]) from error
    for name in ("amqtt", "transitions"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    return amqtt.broker


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])
