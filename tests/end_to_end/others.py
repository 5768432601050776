"""Other devices for tests of a fleet: somebody who sends frames, and a peer that answers as a test wants."""

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import cv2
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.broker import HOST, Received
from tests.detect import packages
from tests.end_to_end.daemon import BARE, Daemon, write_config, write_model
from tests.waiting import until

PATIENCE = 90.0
FACE = [((160, 160, 160, 160), BARE)]


def frame(size: tuple[int, int] = (640, 480), quality: int = 90) -> bytes:
    """A JPEG with a bare face, as the tiny model sees one."""
    done, data = cv2.imencode(".jpg", packages.picture(size, *FACE), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)


def now(seconds_ago: float = 0.0) -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds_ago, UTC).isoformat()


def analyser(folder: Path, port: int, thing: str = "analyser-01", accept: int = 4, **changes: Any) -> Path:
    """The configuration of a device without cameras that looks for others, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "model").exists():
        write_model(folder)
    return write_config(
        folder, port,
        **{"device": {"thing_name": thing}, "cameras": [],
           "fleet": {"type": "analysis", "peers": {"accept": accept}}, **changes},
    )  # fmt: skip


class Analysing(Daemon):
    """A running `edge-mask analyse`."""

    WORD = "analyse"


class Client:
    """One MQTT client that keeps what it hears."""

    def __init__(self, port: int, *filters: str, on_message: Callable[[Received], None] = lambda _got: None) -> None:
        self.got: list[Received] = []
        self.changed = threading.Condition(threading.RLock())
        self._on_message = on_message
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"other-{uuid.uuid4()}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe([(each, 0) for each in filters])
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.connect(HOST, port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes | Mapping[str, Any], *, retain: bool = False, **properties: Any) -> None:
        """Publish at QoS 0; properties by paho's names."""
        made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho left it without annotations
        for name, value in properties.items():
            setattr(made, name, value)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, body, 0, retain, made)

    def wait_for(self, which: Callable[[Received], bool], count: int = 1) -> list[Received]:
        """The first `count` messages that `which` wants."""

        def found() -> list[Received]:
            return [each for each in self.got if which(each)]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, PATIENCE), self.got[-5:]
            return found()

    def _heard(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        message = Received(
            topic=got.topic, payload=bytes(got.payload), qos=got.qos, retain=got.retain, properties=got.properties
        )
        with self.changed:
            self.got.append(message)
            self.changed.notify_all()
        self._on_message(message)


class Asker(Client):
    """Sends frames to one device."""

    def __init__(self, port: int, thing: str) -> None:
        self.reply = f"replies/{uuid.uuid4()}"
        self._to = f"edge-mask/{thing}/commands/infer"
        super().__init__(port, self.reply)

    def send(self, picture: bytes, *, ts: str = "", purpose: str = "peer", more: int = 0, **properties: Any) -> bytes:
        """Its correlation data. `more`: so many user properties besides."""
        correlation = uuid.uuid4().bytes
        words = [("camera", "hall"), ("frame", "1"), ("ts", ts or now()), ("purpose", purpose)]
        words += [(f"k{number}", "x" * 60) for number in range(more)]
        given = {
            "ContentType": "image/jpeg", "ResponseTopic": self.reply, "CorrelationData": correlation,
            "UserProperty": words, "MessageExpiryInterval": 1, **properties,
        }  # fmt: skip
        self.say(self._to, picture, **given)
        return correlation

    def wait_until_there(self, code: str = "bad_picture") -> None:
        """Until the device answers no picture so. It looks at one after the other: then none is left there."""

        def answers() -> bool:
            correlation = self.send(b"")
            with self.changed:
                self.changed.wait_for(lambda: self.answers(correlation), 0.3)
                return [each["error"]["code"] for each in self.answers(correlation)] == [code]

        until(answers)

    def answers(self, correlation: bytes) -> list[dict[str, Any]]:
        """What came so far to this frame."""
        with self.changed:
            return [each.json() for each in self.got if correlation_of(each) == correlation]

    def answer_to(self, correlation: bytes) -> dict[str, Any]:
        return self.wait_for(lambda got: correlation_of(got) == correlation)[0].json()

    def ask(self, picture: bytes, **more: Any) -> dict[str, Any]:
        return self.answer_to(self.send(picture, **more))


class FakePeer(Client):
    """A device that tells of its room, and answers each frame with what `answer` makes of it."""

    def __init__(
        self,
        port: int,
        thing: str,
        answer: Callable[["FakePeer", Received], None],
        *,
        free: int = 2,
        group: str = "",
    ) -> None:
        self.thing = thing
        self._answer = answer
        super().__init__(port, f"edge-mask/{thing}/commands/infer", on_message=lambda got: self._answer(self, got))
        self.say(f"edge-mask/{thing}/status", {"state": "online"}, retain=True)
        self.say(f"edge-mask/{thing}/about", {"thing": thing, "group": group}, retain=True)
        self._free = free
        self._silent = threading.Event()
        self._teller = threading.Thread(target=self._tell, name="room", daemon=True)
        self._teller.start()

    def __exit__(self, *error: object) -> None:
        self.hush()
        super().__exit__(*error)

    def hush(self) -> None:
        """Give no more signs of life."""
        self._silent.set()

    def _tell(self) -> None:
        self.tell_room(self._free)
        while not self._silent.wait(2.0):
            self.tell_room(self._free)

    def tell_room(self, free: int) -> None:
        """From now on it has so many places."""
        self._free = free
        body = {"free": free, "ms": 10.0, "model": "fake 1", "accepts": ["peer", "second_look"]}
        self.say(f"edge-mask/{self.thing}/room", body, retain=True)

    def reply(self, got: Received, body: bytes | Mapping[str, Any], correlation: bytes | None = None) -> None:
        self.say(got.properties.ResponseTopic, body, CorrelationData=correlation or correlation_of(got))

    def faces(self, **changes: Any) -> dict[str, Any]:
        """A sensible answer: one bare face."""
        face = {"label": "no_mask", "score": 0.9, "box": {"x": 160.0, "y": 160.0, "w": 160.0, "h": 160.0}}
        return {
            "ok": True,
            "by": self.thing,
            "model": "fake 1",
            "faces": [face],
            "inference_ms": 5.0,
            "free": 2,
        } | changes


def correlation_of(got: Received) -> bytes | None:
    return getattr(got.properties, "CorrelationData", None)
