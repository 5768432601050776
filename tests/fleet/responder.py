"""An analyser for tests: it answers each picture on the broker as it is told to, also as no analyser should."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.broker import HOST


@dataclass(frozen=True)
class Asked:
    """One picture that arrived."""

    payload: bytes
    topic: str
    qos: int
    content_type: str
    response_topic: str
    correlation: bytes
    expiry: int
    properties: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """One message that goes back."""

    payload: bytes
    content_type: str = "application/json"
    correlation: bytes | None = None
    """None is that of the question."""
    retain: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


def seen(label: str, score: float = 0.97, by: str = "analyser-01", **more: Any) -> Reply:
    """An answer that covers the middle of the picture, where the face is."""
    face = {"label": label, "score": score, "box": more.pop("box", {"x": 155.0, "y": 155.0, "w": 170.0, "h": 170.0})}
    return Reply(
        json.dumps(
            {"ok": True, "by": by, "model": "large 2.0.0", "faces": [face], "inference_ms": 9.0, **more}
        ).encode()
    )


class Responder:
    """Collects what it is asked, and sends what `answer` returns."""

    def __init__(self, port: int, answer: Callable[[Asked], Iterable[Reply]], thing: str = "analyser-01") -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self._is_subscribed = threading.Event()
        self._topic = f"edge-mask/{thing}/commands/infer"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{thing}-test", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._is_subscribed.set()
        self._client.connect(HOST, port, 60)
        self._client.subscribe(self._topic, 1)
        self._client.loop_start()
        assert self._is_subscribed.wait(10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, asked: Asked, reply: Reply) -> None:
        """Send an answer now."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.CorrelationData = asked.correlation if reply.correlation is None else reply.correlation
        properties.ContentType = reply.content_type
        self._client.publish(asked.response_topic, reply.payload, 0, retain=reply.retain, properties=properties)

    def _on_message(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        told: Any = got.properties
        asked = Asked(
            bytes(got.payload), got.topic, got.qos, told.ContentType, told.ResponseTopic, told.CorrelationData,
            told.MessageExpiryInterval, dict(told.UserProperty),
        )  # fmt: skip
        self.asked.append(asked)
        for reply in self.answer(asked):
            self.say(asked, reply)
