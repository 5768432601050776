"""The user's side: somebody who asks a device over MQTT and waits for answers."""

import json
import threading
import uuid
from typing import Any, Self, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from tests.broker import HOST, Received
from tests.end_to_end.daemon import topic
from tests.waiting import PATIENCE


class Asker:
    """One MQTT client; its answers come to a topic of its own, by correlation data."""

    def __init__(self, port: int, *, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.reply = f"replies/{uuid.uuid4()}"
        self.received: list[Received] = []
        self._is_v5 = version == MQTTProtocolVersion.MQTTv5
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"asker-{uuid.uuid4()}", protocol=version)
        self._client.reconnect_delay_set(cast("int", 0.05), cast("int", 0.2))  # a float does as well
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_anything: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect(HOST, port)
        self._client.loop_start()
        self.wait_subscribed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_subscribed(self) -> None:
        """Until answers can arrive."""
        assert self._subscribed.wait(PATIENCE)

    def send(
        self, name: str, request: Any, *, correlation: bytes | None = None, response: str | None = None, **more: Any
    ) -> None:
        """Publish a request: bytes as they are, anything else as JSON."""
        payload = request if isinstance(request, bytes) else json.dumps(request).encode()
        properties = None
        if self._is_v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho left it so
            if response is not None:
                properties.ResponseTopic = response
            if correlation is not None:
                properties.CorrelationData = correlation
            if "content_type" in more:
                properties.ContentType = more["content_type"]
        self._client.publish(topic(f"commands/{name}"), payload, 1, more.get("retain", False), properties)

    def ask(self, name: str, request: Any, **more: Any) -> dict[str, Any]:
        """Publish a request and wait for its answer."""
        correlation = uuid.uuid4().bytes
        self.send(name, request, correlation=correlation, response=self.reply, **more)
        return self.answer_to(correlation).json()

    def refused(self, name: str, request: Any, **more: Any) -> tuple[str, str]:
        """The same for a request that is answered with an error: its code and its text."""
        answer = self.ask(name, request, **more)
        assert answer["ok"] is False, answer
        return answer["error"]["code"], answer["error"]["text"]

    def answer_to(self, correlation: bytes) -> Received:
        """The answer with this correlation data."""
        return self.wait_for(1, lambda got: getattr(got.properties, "CorrelationData", None) == correlation)[0]

    def wait_for(self, count: int, which: Any = lambda _got: True) -> list[Received]:
        """The first `count` that `which` wants."""

        def found() -> list[Received]:
            return [each for each in self.received if which(each)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, PATIENCE), self.received[-5:]
            return found()

    def answers_on(self, name: str, count: int) -> list[dict[str, Any]]:
        """What arrived on the topic of answers to requests that name none."""
        where = topic(f"commands/{name}/response")
        return [each.json() for each in self.wait_for(count, lambda got: got.topic == where)]

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _got: Any) -> None:
        if not code.is_failure:
            client.subscribe([(self.reply, 1), (topic("commands/+/response"), 1), (topic("errors"), 1)])

    def _on_message(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        message = Received(
            topic=got.topic, payload=bytes(got.payload), qos=got.qos, retain=got.retain, properties=got.properties
        )
        with self._changed:
            self.received.append(message)
            self._changed.notify_all()
