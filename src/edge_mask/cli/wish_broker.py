"""The broker as `edge-mask package deploy` uses it: wishes out, reports in."""

import json
import queue
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from edge_mask.errors import Refused, TryLater

if TYPE_CHECKING:
    from edge_mask.deliver.transport import BrokerTransport
    from edge_mask.messages import Message
    from edge_mask.settings.model import Settings

_ACKNOWLEDGED_WITHIN: Final = 10.0


class WishBroker:
    """Connected under a name of its own, and listening to what the devices report."""

    def __init__(self, settings: "Settings", things: Sequence[str]) -> None:
        from edge_mask.wire.topics import Topics

        self._settings = settings
        self._arrived: queue.Queue[Message] = queue.Queue()
        self._topics = {
            thing: Topics(settings.topics.root, thing, settings.topics.renames) for thing in dict.fromkeys(things)
        }
        self._things = {topics.of("model/reported"): thing for thing, topics in self._topics.items()}
        self._transport: BrokerTransport | None = None

    def __enter__(self) -> Self:
        from edge_mask.deliver.factory import transport_for
        from edge_mask.runtime.clock import SystemClock
        from edge_mask.units import Seconds

        mqtt = self._settings.mqtt.model_copy(
            update={"client_id": self._settings.check_client_id, "require_subscriber": False}  # the broker keeps it
        )
        if mqtt.transport in ("none", "greengrass"):
            raise Refused(f"mqtt.transport is {mqtt.transport}; a wish needs a broker to be published on")
        states: queue.Queue[tuple[bool, str]] = queue.Queue()
        transport = transport_for(
            mqtt,
            aws=self._settings.aws,
            client_id=self._settings.device.thing_name,
            clock=SystemClock(),
            on_state=lambda connected, reason: states.put((connected, reason)),
        )
        for topic in self._things:
            transport.subscribe(topic, self._arrived.put)
        transport.open()
        try:
            connected, reason = states.get(timeout=_ACKNOWLEDGED_WITHIN)
        except queue.Empty:
            connected, reason = False, f"{mqtt.host}:{mqtt.port} does not answer"
        if not connected:
            transport.close(Seconds(1.0))
            raise TryLater(f"the wish was not published: {reason}")
        self._transport = transport
        return self

    def __exit__(self, *_error: object) -> None:
        from edge_mask.units import Seconds

        if self._transport is not None:
            self._transport.close(Seconds(2.0))

    def publish(self, thing: str, payload: bytes) -> None:
        """Retained, and acknowledged. Raises TryLater, or Refused when the broker says no."""
        from edge_mask.messages import Message, Outcome, Priority

        assert self._transport is not None
        topic = self._topics[thing].of("model/desired")
        message = Message(topic=topic, payload=payload, priority=Priority.URGENT, qos=1, retain=True)
        try:
            receipt = self._transport.send(message).result(_ACKNOWLEDGED_WITHIN)
        except TimeoutError:
            raise TryLater(f"{thing}: the broker did not acknowledge the wish") from None
        if receipt.outcome is Outcome.REFUSED:
            raise Refused(f"{thing}: the broker refuses the wish on {topic}: {receipt.reason}")
        if receipt.outcome is not Outcome.DELIVERED:
            raise TryLater(f"{thing}: the wish was not published: {receipt.reason}")

    def heard(self, within: float) -> tuple[str, dict[str, Any]] | None:
        """What a device reports next; None when nothing comes in time."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._arrived.get(timeout=left)
            except queue.Empty:
                return None
            try:
                content = json.loads(message.payload)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict):
                return self._things[message.topic], content
        return None
