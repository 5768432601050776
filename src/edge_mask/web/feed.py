"""The live feed: what the house says is passed to everybody who listens, and to nobody else.

recorder ─tell─▶ event loop: the last few are kept ─▶ a bounded queue for each stream ─▶ browser
                                                        full: the stream is cut, nobody waits for it

A browser that was cut comes again with the id of what it saw last, and gets the rest from what is kept or the history.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from edge_mask import kinds
from edge_mask.kinds import Kind
from edge_mask.messages import Message

WORDS: Final = {
    kinds.VISITS: "visit",
    kinds.AMENDMENTS: "amendment",
    kinds.ALERTS: "alert",
    kinds.LOOKS: "look",
    kinds.READINGS: "reading",
    kinds.FAULTS: "fault",
    kinds.HEALTH: "health",
    kinds.DETECTIONS: "detections",
    kinds.SUMMARIES: "summary",
    kinds.RECORDS: "record",
    kinds.FORECASTS: "forecast",
}
"""What each kind of message is called as an event."""
UNASKED: Final = frozenset(WORDS.values()) - {"detections", "summary", "record", "forecast"}
"""What a stream gets that names no kinds: detections come many times a second, what is said of series is large."""
_AT_ONCE: Final = frozenset({"visit", "amendment", "alert", "fault"})
"""What somebody waits for. The rest is passed on a few times a second, so that a camera that looks as fast as it can
does not wake every stream for each look."""
_TOGETHER: Final = 0.25
"""Seconds."""
_ROOM: Final = 256
"""Events that may wait for a slow reader."""
KEPT: Final = 512
"""Events that are kept for whoever comes again."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message, as viewers get it."""

    word: str
    id: str
    payload: bytes

    def as_event(self) -> bytes:
        """As a server-sent event (HTML Standard, "Server-sent events"); the payload is JSON on one line."""
        place = b"id: %s\n" % self.id.encode() if self.id else b""
        return b"event: %s\n%sdata: %s\n\n" % (self.word.encode(), place, self.payload)


ERASED: Final = Told("erased", "", b"{}")
"""Something was erased: who shows people looks again. Every stream gets it. Without an id: nobody goes on from it."""


class Stream:
    """What waits for one reader. Used in the event loop only."""

    def __init__(self, words: frozenset[str], listener: str, person: str) -> None:
        self.words = words
        self.listener = listener
        self.person = person
        self._waiting: deque[Told] = deque()
        self._wake = asyncio.Event()
        self.is_over = False

    def put(self, told: Told) -> None:
        """Leave an event; a reader that is too slow gets none any more."""
        if self.is_over or told.word not in self.words:
            return
        if len(self._waiting) >= _ROOM:
            self.cut()
        else:
            self._waiting.append(told)
        self._wake.set()

    def cut(self) -> None:
        """Its reader gets none any more of what waits, and comes again."""
        self._waiting.clear()
        self.end()

    def erased(self) -> None:
        """What waits may tell of somebody who is erased: none of it is sent, and its reader comes again."""
        if self._waiting:
            self.cut()
        self._waiting.append(ERASED)
        self._wake.set()

    def end(self) -> None:
        """Nothing more comes."""
        self.is_over = True
        self._wake.set()

    @property
    def is_filled(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    async def take(self, within: float) -> list[Told]:
        """What has come, or nothing after `within` seconds or at the end."""
        if not self._waiting and not self.is_over:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._wake.wait()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Feed:
    """From one recorder after the other to the streams of one server."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: set[Stream] = set()
        self._kept: deque[Told] = deque(maxlen=KEPT)
        self._coming: deque[Told] = deque()
        """Told, and not passed on yet."""
        self._is_awaited = False
        """Whether it will be passed on soon in any case."""
        self._wants_detections = False
        self._is_ended = False

    # -- from the recorder's thread ----------------------------------------------------------------------

    def tell(self, kind: Kind, message: Message) -> None:
        """Pass a message on; returns at once."""
        word, loop = WORDS.get(kind), self._loop
        if word is None or loop is None or (kind is kinds.DETECTIONS and not self._wants_detections):
            return
        self._coming.append(Told(word, message.id, message.payload))
        if word in _AT_ONCE:
            self._soon(loop, self._spread)
        elif not self._is_awaited:
            self._is_awaited = True
            self._soon(loop, lambda: loop.call_later(_TOGETHER, self._spread))

    def end(self) -> None:
        """Every stream ends: the server stops. From any thread."""
        if (loop := self._loop) is not None:
            self._soon(loop, self._end)

    def forget(self) -> None:
        """Something was erased, which every stream is told. Who comes again reads the history, and so does who has not
        read yet what waits."""
        if (loop := self._loop) is not None:
            self._soon(loop, self._forget)

    def cut(self) -> None:
        """Every stream of now ends, and whoever may comes again. From any thread."""
        if (loop := self._loop) is not None:
            self._soon(loop, self._cut)

    @staticmethod
    def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has just been closed
            loop.call_soon_threadsafe(call)

    # -- in the loop -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """This loop serves from now on."""
        self._loop = asyncio.get_running_loop()
        self._is_ended = self._is_awaited = False
        self._coming.clear()

    def listen(self, words: Iterable[str], listener: str = "", person: str = "") -> Stream:
        """A new stream; `leave` ends it."""
        stream = Stream(frozenset(words), listener, person)
        stream.is_over = self._is_ended
        self._streams.add(stream)
        self._look_at_wants()
        return stream

    def leave(self, stream: Stream) -> None:
        """Its reader has gone."""
        self._streams.discard(stream)
        self._look_at_wants()

    def since(self, event_id: str) -> list[Told] | None:
        """What came after this one; None when it is not among those that are kept."""
        for place, told in enumerate(self._kept):
            if told.id == event_id:
                return list(self._kept)[place + 1 :]
        return None

    def __len__(self) -> int:
        return len(self._streams)

    def streams_of(self, listener: str) -> int:
        """How many one listener has."""
        return sum(stream.listener == listener for stream in self._streams)

    def streams_for(self, person: str) -> int:
        """How many one person has, in all sessions."""
        return sum(stream.person == person for stream in self._streams)

    def _spread(self) -> None:
        self._is_awaited = False  # first: what comes from now on asks again
        while self._coming:
            told = self._coming.popleft()
            if told.word != "detections":
                self._kept.append(told)
            for stream in self._streams:
                stream.put(told)

    def _forget(self) -> None:
        self._spread()
        self._kept.clear()
        for stream in self._streams:
            stream.erased()

    def _end(self) -> None:
        self._is_ended = True
        self._cut()

    def _cut(self) -> None:
        self._spread()
        for stream in self._streams:
            stream.end()

    def _look_at_wants(self) -> None:
        self._wants_detections = any("detections" in stream.words for stream in self._streams)
