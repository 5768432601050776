"""Looks at frames of other devices, in the time that the own cameras leave.

broker ──arrived──▶ a place is free? ──no──▶ busy, at once
                       └──yes──▶ waiting ──worker──▶ the model, between two frames ──▶ answer; the picture is gone
                                    └─ too old when its turn comes: dropped, and nobody is told
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from edge_mask.deliver.transport import Transport
from edge_mask.detect.detector import Answer
from edge_mask.errors import Refused, TryLater
from edge_mask.fleet.frames.frame import FRESH, MOST_BYTES, Purpose, Trouble, properties_of, purpose_of
from edge_mask.fleet.frames.freshness import Freshness
from edge_mask.messages import Image, Message, Priority
from edge_mask.picture import load_picture
from edge_mask.picture_header import BROKEN, size_of
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds
from edge_mask.wire.encode import face_fields
from edge_mask.wire.envelope import to_bytes
from edge_mask.wire.reply import objection_to
from edge_mask.wire.topics import Topics

log = logging.getLogger(__name__)

MOST_PIXELS: Final = 4_000_000
"""Of a picture that is sent along; a small file may stand for more than there is memory."""
SECOND_LOOKS: Final = 2
"""At a time, besides the frames of peers."""
_JPEG: Final = b"\xff\xd8"
_IDLE: Final = 10.0
_GENTLE: Final = 8
"""The time of a frame follows the last ones so slowly."""


class Guests(Protocol):
    """The model of this house, for pictures from elsewhere."""

    @property
    def name(self) -> str: ...
    @property
    def has_room(self) -> bool: ...
    def look_between(self, image: Image, patience: float) -> Answer: ...
    def close(self) -> None: ...


class NoModel:
    """Where none could be loaded."""

    name, has_room = "none", False

    def look_between(self, image: Image, patience: float) -> Answer:  # noqa: ARG002 (one signature)
        """Raises TryLater."""
        raise TryLater("there is no model")

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One frame that waits, or is looked at."""

    purpose: Purpose
    data: bytes
    topic: str
    correlation: bytes
    until: Seconds
    """It is dropped then."""


@dataclass(slots=True)
class Served:
    """Frames of others so far."""

    answered: int = 0
    refused: int = 0
    """Answered with an error: no place was free, no picture, no answer of the model."""
    dropped: int = 0
    """Too old."""


class Serve(Job):
    """`arrived` is called in the driver's thread; everything else may be asked from any."""

    name = "frames of others"

    def __init__(
        self,
        topics: Topics,
        transport: Transport,
        model: Guests,
        clock: Clock,
        *,
        accept: int,
        second_looks: int = SECOND_LOOKS,
        owns_model: bool = False,
    ) -> None:
        """`accept`: frames of peers at a time. `owns_model`: no lane closes it."""
        self._topics = topics
        self._transport = transport
        self._model = model
        self._clock = clock
        self._places: Mapping[Purpose, int] = {"peer": accept, "second_look": second_looks}
        self._owns_model = owns_model
        self._changed = threading.Condition()
        self._waiting: deque[_Asked] = deque()
        self._taken: list[_Asked] = []
        """Those that wait and the one that is looked at."""
        self._fresh = Freshness()
        self._is_ending = False
        self.served = Served()
        self.ms = 0.0
        """Milliseconds that a frame takes, on average of the last ones; 0 before the first."""

    # -- from other threads ------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Frames of peers that it would take now."""
        return self._free() if self._model.has_room else 0

    def arrived(self, message: Message) -> bool:
        """Whether it is a frame of another device; then it is answered or dropped here. Returns at once."""
        purpose = purpose_of(message, self._topics)
        if purpose is None:
            return False
        default = self._topics.answer("infer")
        topic = message.properties.get("response_topic", default)
        if message.retain or (topic != default and objection_to(topic, default, self._topics)):
            return True
        correlation = message.properties.get("correlation_data", b"")
        now = self._clock.now()
        left = FRESH - self._fresh.age(topic, properties_of(message).get("ts", ""), now)
        asked = _Asked(purpose, message.payload, topic, correlation, Seconds(now.mono + left))
        if left <= 0:
            self.served.dropped += 1
        elif len(message.payload) > MOST_BYTES:
            self._refuse(asked, "bad_picture")
        elif not self._take(asked):
            self._refuse(asked, "busy")
        return True

    def _take(self, asked: _Asked) -> bool:
        with self._changed:
            alike = sum(each.purpose == asked.purpose for each in self._taken)
            if self._is_ending or alike >= self._places[asked.purpose]:
                return False
            self._taken.append(asked)
            self._waiting.append(asked)
            self._changed.notify()
            return True

    def _free(self, but: str = "") -> int:
        """Places for peers, as if `but` had no frame here."""
        with self._changed:
            taken = sum(each.purpose == "peer" and each.topic != but for each in self._taken)
        return max(0, self._places["peer"] - taken)

    # -- the worker --------------------------------------------------------------------------------------

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (one picture is short)
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._is_ending, _IDLE) or self._is_ending:
                return
            asked = self._waiting.popleft()
        self._look(asked)

    def interrupt(self) -> None:
        with self._changed:
            self._is_ending = True
            self._waiting.clear()
            self._taken.clear()
            self._changed.notify_all()

    def end(self) -> None:
        if self._owns_model:
            self._model.close()

    def _look(self, asked: _Asked) -> None:
        began = self._clock.now().mono
        said = self._tried(asked, asked.until - began)
        with self._changed:  # before the answer: whoever has it may send the next at once
            if asked in self._taken:
                self._taken.remove(asked)
        if said is None:
            self.served.dropped += 1
        elif isinstance(said, str):
            self._refuse(asked, said)
        else:
            took = 1000 * (self._clock.now().mono - began)
            self.ms = took if not self.ms else self.ms + (took - self.ms) / _GENTLE
            self.served.answered += 1
            self._answer(asked, {"ok": True, "by": self._topics.thing, "model": self._model.name, **said})

    def _tried(self, asked: _Asked, patience: float) -> Mapping[str, Any] | Trouble | None:
        """What the picture shows, or why that cannot be said; None when it is too late."""
        if patience <= 0:
            return None
        try:
            return self._seen(asked.data, patience) or "broken_output"
        except Refused:
            return "bad_picture"
        except TryLater as error:
            log.debug("frames of others: %s", error)
            return None
        except Exception:  # no picture of anybody may take the house down
            log.exception("frames of others: a picture could not be looked at")
            return "bad_picture"

    def _seen(self, data: bytes, patience: float) -> dict[str, Any]:
        """What the picture shows, in pixels of the file; nothing when the model gives no answer.

        Raises Refused, TryLater.
        """
        _check_size(data)
        picture = load_picture(data)
        answer = self._model.look_between(picture.image, patience)
        if answer.trouble:
            return {}
        faces = [face_fields(replace(face, box=picture.in_file(face.box))) for face in answer.faces]
        return {"faces": faces, "inference_ms": round(answer.inference_ms, 2)}

    def _refuse(self, asked: _Asked, code: Trouble) -> None:
        self.served.refused += 1
        self._answer(asked, {"ok": False, "by": self._topics.thing, "error": {"code": code}})

    def _answer(self, asked: _Asked, fields: Mapping[str, Any]) -> None:
        """At QoS 0: an answer that is lost is as late as one that would be sent again."""
        payload = to_bytes({**fields, "free": self._free(asked.topic) if self._model.has_room else 0})
        properties: dict[str, Any] = {"content_type": "application/json", "message_expiry_interval": 2}
        if asked.correlation:
            properties["correlation_data"] = asked.correlation
        self._transport.send(
            Message(topic=asked.topic, payload=payload, priority=Priority.LIVE, qos=0, properties=properties)
        )


def _check_size(data: bytes) -> None:
    """Raises Refused."""
    if not data.startswith(_JPEG):
        raise Refused("the picture is no JPEG")
    try:
        size = size_of(data)
    except BROKEN:
        return  # what reads it says so
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise Refused(f"the picture has {size[0]} x {size[1]} pixels")
