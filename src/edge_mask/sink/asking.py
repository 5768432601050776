"""Which device is asked for what, and when again. Values only: time is an argument, and whoever uses it publishes.

gap ──grace──▶ due ──a request at a time per device──▶ answered: what never comes is lost, the rest is awaited
                 ▲                                              │
                 └──────── after a growing delay ◀──not here────┘
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edge_mask.sink.devices import Device
from edge_mask.sink.rows import LARGEST_SEQ
from edge_mask.sink.sequences import Key
from edge_mask.sink.spans import Span, common, merged, minus

MOST_NUMBERS: Final = 500
"""In one request; a device takes no more."""
AT_ONCE: Final = 8
"""Devices that are asked at the same time."""
_ANSWERS_WITHIN: Final = 40.0
_COMES_WITHIN: Final = 60.0
"""Seconds until what a device has announced is asked for again; doubles each time."""
_LONGEST: Final = 3600.0
_UNWILLING: Final = 5.0
"""Seconds until a device that is busy is asked again; doubles each time."""
_NEVER: Final = 24 * 3600.0
_MOST_ASKED: Final = 1000


@dataclass(slots=True)
class _Mood:
    """How a device took what it was asked."""

    came: int
    not_before: float = 0.0
    refusals: int = 0


@dataclass(slots=True)
class _Asked:
    """A part of a gap whose messages are on their way."""

    span: Span
    again_at: float
    times: int


@dataclass(frozen=True, slots=True)
class Question:
    """A request that waits for its answer."""

    id: str
    key: Key
    span: Span
    base: str
    until: float

    @property
    def topic(self) -> str:
        """Where it is published."""
        return f"{self.base}/commands/history"

    @property
    def payload(self) -> bytes:
        asked = {"request_id": self.id, "topic": self.key[1], "from_seq": self.span[0], "to_seq": self.span[1]}
        return json.dumps(asked).encode()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is missing of a topic, and where it ends for now."""

    key: Key
    gaps: Sequence[Span]
    """Those alone that are old enough."""
    upto: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What follows from an answer."""

    key: Key
    lost: Sequence[Span] = ()
    """Never comes."""
    why: str = ""
    last: int = 0
    """The newest number of the topic."""


@dataclass(slots=True)
class Asking:
    """One thread uses it."""

    name: str
    """Of this store: what its requests begin with."""
    _moods: dict[str, _Mood] = field(default_factory=dict)
    _under_way: dict[str, Question] = field(default_factory=dict)
    """By thing."""
    _asked: dict[Key, list[_Asked]] = field(default_factory=dict)
    _unwilling: dict[Key, float] = field(default_factory=dict)
    """Topics that a device does not number, and until when it is not asked."""
    _looked: set[Key] = field(default_factory=set)
    """Topics whose newest number the device has told since it came."""

    def has_looked(self, key: Key) -> bool:
        """Whether it is known that nothing is missing at the end, as of the moment when the device came."""
        return key in self._looked

    def due(
        self, wanted: Mapping[str, Sequence[Wanted]], find: Callable[[str], Device | None], now: float
    ) -> list[Question]:
        """What to ask now, by thing. `find` knows the devices."""
        made: list[Question] = []
        for thing, found in wanted.items():
            if len(self._under_way) >= AT_ONCE:
                break
            device = find(thing)
            if device is None or not self._may_ask(thing, device, now):
                continue
            if (next_ := self._next_of(found, now)) is not None:
                question = Question(f"{self.name}-{uuid.uuid4()}", *next_, device.base, now + _ANSWERS_WITHIN)
                self._under_way[thing] = question
                made.append(question)
        return made

    def _next_of(self, found: Iterable[Wanted], now: float) -> tuple[Key, Span] | None:
        """A gap, or the number behind the end of a topic: its answer says what the newest is."""
        willing = [each for each in found if self._unwilling.get(each.key, 0.0) <= now]
        for each in willing:
            if (span := self._next(each.key, each.gaps, now)) is not None:
                return each.key, span
        return next(((each.key, (each.upto + 1,) * 2) for each in willing if each.key not in self._looked), None)

    def _may_ask(self, thing: str, device: Device, now: float) -> bool:
        """One that came anew has forgotten what it was asked, and is asked at once."""
        if not device.is_online:
            self._under_way.pop(thing, None)
            return False
        mood = self._moods.get(thing)
        if mood is None or mood.came != device.came:
            mood = self._moods[thing] = _Mood(device.came)
            self._under_way.pop(thing, None)
            for key in [key for key in self._asked if key[0] == thing]:
                del self._asked[key]
            self._looked = {key for key in self._looked if key[0] != thing}
        return mood.not_before <= now and thing not in self._under_way

    def _next(self, key: Key, spans: Sequence[Span], now: float) -> Span | None:
        """The first part of a gap that is not awaited."""
        asked = [each for each in self._asked.get(key, ()) if common([each.span], spans)]
        self._asked[key] = asked
        awaited = [each.span for each in asked if each.again_at > now]
        for first, last in minus(spans, merged(awaited)):
            return first, min(last, first + MOST_NUMBERS - 1)
        return None

    def overdue(self, now: float) -> None:
        """Questions that nobody has answered."""
        for thing, question in list(self._under_way.items()):
            if question.until <= now:
                del self._under_way[thing]
                self._put_off(thing, now)

    def answered(self, answer: Mapping[str, Any], now: float) -> Learned | None:
        """An answer to anybody's question; what follows from it."""
        asked = [each for each in self._under_way.values() if each.id == answer.get("request_id")]
        if not asked:
            return None
        question = asked[0]
        thing = question.key[0]
        del self._under_way[thing]
        if answer.get("ok") is not True:
            return self._refused(question, answer, now)
        lost, last = _spans(answer.get("missing")), answer.get("last")
        if type(last) is int and not 0 <= last <= LARGEST_SEQ:
            self._put_off(thing, now)
            return None
        mood = self._moods[thing]
        mood.not_before, mood.refusals = 0.0, 0
        self._looked.add(question.key)
        if type(last) is not int:
            last = question.span[1]
        if last < question.span[1]:
            lost.append((max(question.span[0], last + 1), question.span[1]))  # it counts anew, and lower
        self._await(question, now)
        return Learned(question.key, common([question.span], merged(lost)), "the device has them no more", last)

    def _await(self, question: Question, now: float) -> None:
        asked = self._asked.setdefault(question.key, [])
        times = max((each.times for each in asked if common([each.span], [question.span])), default=0)
        asked[:] = [each for each in asked if minus([each.span], [question.span])][-_MOST_ASKED:]
        delay = min(_LONGEST, _COMES_WITHIN * 2.0**times)
        asked.append(_Asked(question.span, now + delay, times + 1))

    def _refused(self, question: Question, answer: Mapping[str, Any], now: float) -> Learned | None:
        error = answer.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if code == "bad_request":  # a topic whose numbers are not the device's own, as of a rule
            self._unwilling[question.key] = now + _NEVER
            self._looked.add(question.key)
            return Learned(question.key, [question.span], "the device does not number this topic")
        if code in ("not_allowed", "unknown_command"):
            self._moods[question.key[0]].not_before = now + _LONGEST
        else:
            self._put_off(question.key[0], now)
        return None

    def _put_off(self, thing: str, now: float) -> None:
        mood = self._moods[thing]
        mood.not_before = now + min(_LONGEST, _UNWILLING * 2.0**mood.refusals)
        mood.refusals += 1


def _spans(found: Any) -> list[Span]:
    """What an answer calls missing, as far as it is as it should be."""
    if not isinstance(found, list):
        return []
    pairs = [tuple(each) for each in found if isinstance(each, list) and len(each) == 2]
    return [(first, last) for first, last in pairs if type(first) is int and type(last) is int and 1 <= first <= last]
