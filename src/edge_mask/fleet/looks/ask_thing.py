"""Asks another thing over the broker: `commands/infer` with the picture itself, at QoS 0.

question ──▶ analyser's commands/infer           the same correlation data for each try: any answer to it will do
   ▲  └─ not answered: once more, within the timeout
   └── own topic for answers ◀── who knows the correlation data, and is the one who was asked
"""

import secrets
import threading
from collections import deque
from hmac import compare_digest
from typing import Any, Final

from edge_mask.deliver.transport import BrokerTransport
from edge_mask.errors import Refused
from edge_mask.fleet.frames.answer import PeerAnswer, read_answer
from edge_mask.fleet.frames.frame import JPEG, SECOND_LOOK
from edge_mask.fleet.looks.asker import NoAnswer, Question
from edge_mask.messages import Message, Priority
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import keep_waiting
from edge_mask.units import Seconds
from edge_mask.wire.envelope import timestamp
from edge_mask.wire.topics import Topics

_SHARES: Final = (0.4, 0.3, 0.3)
"""Of the timeout, for each try: a frame at QoS 0 may be lost, and a busy analyser drops what has become old."""
_EXPIRES: Final = 1
"""Seconds for which the broker keeps a picture."""
_BUSY_PAUSE: Final = 0.5
_SIGN_OF_LIFE: Final = 0.5
_MOST_HEARD: Final = 4
"""Answers that wait to be read; more to one question are not worth a look."""


class AskThing:
    """`heard` is called in the driver's thread, the rest by the worker."""

    def __init__(self, thing: str, own: Topics, transport: BrokerTransport, timeout: Seconds, clock: Clock) -> None:
        """Subscribes at once."""
        self.who = thing
        self._topic = Topics(own.root, thing, own.renames).command("infer")
        self._answers = own.second_looks
        self._transport = transport
        self._timeout = timeout
        self._clock = clock
        self._changed = threading.Condition()
        self._open: bytes | None = None
        """The correlation data of the question that waits for its answer."""
        self._heard: deque[Message] = deque()
        self._is_ending = False
        transport.subscribe(self._answers, self.heard)

    @property
    def can_ask(self) -> bool:
        return self._transport.is_connected

    def open(self) -> None:
        """Nothing is to be opened: the connection is the house's."""

    def interrupt(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    def close(self, within: Seconds) -> None:
        """Nothing is to be closed."""

    def heard(self, message: Message) -> None:
        """What nobody asked for, asked for earlier, or has an answer to already is passed over."""
        told = message.properties.get("correlation_data")
        with self._changed:
            is_ours = self._open is not None and isinstance(told, bytes) and compare_digest(told, self._open)
            if is_ours and not message.retain and len(self._heard) < _MOST_HEARD:
                self._heard.append(message)
                self._changed.notify_all()

    def ask(self, question: Question) -> PeerAnswer:
        correlation = secrets.token_bytes(16)
        with self._changed:
            self._open = correlation
        try:
            return self._asked(question, correlation)
        finally:
            with self._changed:
                self._open = None
                self._heard.clear()

    def _asked(self, question: Question, correlation: bytes) -> PeerAnswer:
        ends = self._clock.now().mono + self._timeout
        busy: NoAnswer | None = None
        for share in _SHARES:
            self._transport.send(self._message(question, correlation))
            found = self._answer(question, min(ends, self._clock.now().mono + share * self._timeout))
            if found is not None and not found.error:
                return found
            if found is not None and found.error != "busy":
                raise NoAnswer("refused", f"{self.who} says: {found.error}")
            busy = None if found is None else NoAnswer("busy", f"{self.who} has no room")
            if found is not None:
                self._wait_until(min(ends, self._clock.now().mono + _BUSY_PAUSE), for_answer=False)
        raise busy or NoAnswer("no_answer", f"{self.who} has not answered within {self._timeout:g} s")

    def _message(self, question: Question, correlation: bytes) -> Message:
        properties: dict[str, Any] = {
            "content_type": JPEG,
            "response_topic": self._answers,
            "correlation_data": correlation,
            "message_expiry_interval": _EXPIRES,
            "user_properties": [
                ("camera", question.camera),
                ("frame", str(question.frame)),
                ("ts", timestamp(self._clock.now().wall)),  # of this try: it tells how old the picture is on arrival
                ("purpose", SECOND_LOOK),
            ],
        }
        payload = question.picture.data
        return Message(topic=self._topic, payload=payload, priority=Priority.LIVE, qos=0, properties=properties)

    def _answer(self, question: Question, until: float) -> PeerAnswer | None:
        """The first of the one who was asked; None when the time is over. Raises NoAnswer."""
        while (message := self._wait_until(until)) is not None:
            if not str(message.properties.get("content_type", "application/json")).startswith("application/json"):
                raise NoAnswer("unreadable", f"{self.who} answers something that is no JSON")
            try:
                found = read_answer(message.payload, question.picture.width, question.picture.height)
            except Refused as error:
                raise NoAnswer("unreadable", f"{self.who} answers: {error}") from error
            if found.by in ("", self.who):
                return found
        return None

    def _wait_until(self, until: float, *, for_answer: bool = True) -> Message | None:
        """Raises NoAnswer at a stop."""
        with self._changed:
            while not (for_answer and self._heard):
                left = until - self._clock.now().mono
                if left <= 0:
                    return None
                if self._is_ending or not keep_waiting():
                    raise NoAnswer("dropped", "this device stops")
                self._changed.wait(min(left, _SIGN_OF_LIFE))
            return self._heard.popleft()
