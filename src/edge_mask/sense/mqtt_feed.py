"""What others publish as sensors: one feed for all topics of the house's own connection.

broker ──▶ driver's thread: hear() ──▶ Mailbox (bounded) ──▶ listen() ──▶ values
                                                                └──▶ on_heard (for the rules)
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge_mask import json_path
from edge_mask.errors import TryLater
from edge_mask.messages import Heard, Message
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.sense.feed import Back, Gone, Nonsense, Said, Stands, Utterance
from edge_mask.sense.payload import UNAVAILABLE, is_online, value_of
from edge_mask.sense.sensor import Identity
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_CAPACITY: Final = 1000
_AT_A_TIME: Final = 100

Subscribe = Callable[[str, Callable[[Message], None]], None]


@dataclass(frozen=True, slots=True)
class Ear:
    """Where one sensor's values come from."""

    identity: Identity
    topic: str
    path: json_path.Path | None = None
    """Without one the payload is the value."""
    availability: str | None = None
    is_state: bool = False
    """It says true or ON rather than a number."""


class MqttFeed:
    """A Feed. Retained values are no readings: nobody knows how old they are. Retained availability counts."""

    name = "mqtt"

    def __init__(
        self,
        ears: Sequence[Ear],
        *,
        clock: Clock,
        on_heard: Callable[[Heard], None] | None = None,
        depth_of: Callable[[Message], int] = lambda _message: 0,
    ) -> None:
        """`depth_of`: how many of our own rules have led to a message; they saw it when they made it."""
        self._depth_of = depth_of
        self._clock = clock
        self._on_heard = on_heard
        self._values: dict[str, list[Ear]] = defaultdict(list)
        self._states: dict[str, list[Ear]] = defaultdict(list)
        for ear in ears:
            self._values[ear.topic].append(ear)
            if ear.availability is not None:
                self._states[ear.availability].append(ear)
        self._mailbox: Mailbox[tuple[Message, Moment]] = Mailbox(_CAPACITY)
        self._offline: set[str] = set()
        self._lost = 0

    def subscribe_with(self, subscribe: Subscribe) -> None:
        """Hear every topic once, however many sensors it has."""
        for topic in dict.fromkeys((*self._values, *self._states)):
            subscribe(topic, self.hear)

    def hear(self, message: Message) -> None:
        """In the driver's thread; returns at once."""
        try:
            if not self._mailbox.put((message, self._clock.now()), 0.0):
                self._lost += 1
        except Closed:
            pass

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        heard: list[Utterance] = []
        for message, at in self._mailbox.take_many(_AT_A_TIME, timeout):
            depth = self._depth_of(message)
            if self._on_heard is not None and not message.retain and not depth:
                self._on_heard(Heard(message=message, at=at))
            heard += self._understood(message, at, depth)
        if self._lost and not len(self._mailbox):
            log.warning("mqtt: %d messages for sensors came faster than they could be read; left out", self._lost)
            self._lost = 0
        return heard

    def may_be_back(self) -> bool:
        return False

    def wake(self) -> None:
        self._mailbox.close()

    def close(self) -> None:
        self._mailbox.close()

    def _understood(self, message: Message, at: Moment, depth: int) -> list[Utterance]:
        heard = [each for ear in self._states.get(message.topic, ()) for each in self._state(ear, message)]
        if message.retain:
            return heard + [
                each for ear in self._values.get(message.topic, ()) for each in self._level(ear, message, at)
            ]
        ears = self._values.get(message.topic, ())
        return heard + [each for ear in ears for each in self._value(ear, message, at, depth)]

    def _state(self, ear: Ear, message: Message) -> list[Utterance]:
        name = ear.identity.name
        try:
            online = is_online(message.payload)
        except TryLater:
            online = None
        if online is None:
            return []
        if online:
            self._offline.discard(name)
            return [Back(name)]
        self._offline.add(name)
        return [Gone(name, f"{message.topic} says that it is offline")]

    def _level(self, ear: Ear, message: Message, at: Moment) -> list[Utterance]:
        said = self._value(ear, message, at, 0)
        return [Stands(each.by, each.reading) for each in said if isinstance(each, Said)]

    def _value(self, ear: Ear, message: Message, at: Moment, depth: int) -> list[Utterance]:
        identity = ear.identity
        if identity.name in self._offline:
            return []
        try:
            value = value_of(message.payload, ear.path, is_state=ear.is_state)
            if value is UNAVAILABLE:
                return [Gone(identity.name, f"{message.topic} says that it is unavailable")]
            if isinstance(value, float):
                reading = identity.reading_at(value, identity.unit, at)
                return [Said(identity.name, replace(reading, depth=depth) if depth else reading)]
        except TryLater as error:
            return [Nonsense(identity.name, f"the message on {message.topic} {error}")]
        return [Nonsense(identity.name, f"the message on {message.topic} does not hold the value")]
