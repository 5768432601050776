"""The desk: requests that wait, requests in hand, and their answers. It outlives the houses.

message ──▶ unread ──▶ admit ──▶ waiting (32) ──▶ in hand (4) ──▶ answered ──▶ Afterwards ──▶ whoever asked
                          └─ full: busy           └─ also when the house that began it was replaced meanwhile
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from edge_mask.control.afterwards import Afterwards
from edge_mask.control.repeats import Repeats
from edge_mask.control.request import MOST_BYTES, Rejected, Reply, Request
from edge_mask.kinds import Priority
from edge_mask.messages import Message
from edge_mask.wire.envelope import to_bytes

AT_ONCE: Final = 4
MOST_WAITING: Final = 32
_ROOM: Final = 8_000_000
"""Bytes of requests that were not read yet."""
_MOST_UNREAD: Final = 1000
_LONGEST_TEXT: Final = 8000
"""Characters of a sentence: a configuration may be wrong in a thousand places."""


class Desk:
    """May be used from any thread; nothing here waits."""

    def __init__(self, afterwards: Afterwards) -> None:
        self.afterwards = afterwards
        self.repeats = Repeats()
        self._lock = threading.Lock()
        self._unread: deque[Message] = deque()
        self._unread_bytes = 0
        self._dropped = 0
        self._waiting: deque[Request] = deque()
        self._in_hand: set[Request] = set()
        self._ring: Callable[[], object] = lambda: None

    @property
    def in_hand(self) -> int:
        """How many are being carried out."""
        return len(self._in_hand)

    def served_by(self, ring: Callable[[], object]) -> None:
        """From now on call `ring`, which returns at once, when a place is free or an answer is due."""
        self._ring = ring
        self.afterwards.heard_by(ring)

    def arrived(self, message: Message) -> None:
        """A request, in the driver's thread; what finds no room is counted."""
        with self._lock:
            if self._unread_bytes + len(message.payload) > _ROOM or len(self._unread) >= _MOST_UNREAD:
                self._dropped += 1
            else:
                self._unread_bytes += len(message.payload)
                self._unread.append(message)
        self._ring()

    def unread(self) -> Message | None:
        """The next that was not read yet."""
        with self._lock:
            if not self._unread:
                return None
            message = self._unread.popleft()
            self._unread_bytes -= len(message.payload)
            return message

    def take_dropped(self) -> int:
        """How many found no room since it was last asked."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped

    def admit(self, request: Request) -> None:
        """Let it wait for its turn. Raises Rejected when too many do."""
        with self._lock:
            # A place in hand that is free belongs to the first who waits: the worker takes them soon.
            if len(self._waiting) + len(self._in_hand) >= AT_ONCE + MOST_WAITING:
                raise Rejected("busy", f"{MOST_WAITING} requests wait already; ask again later")
            self._waiting.append(request)

    def take(self, request: Request) -> None:
        """Admit it, for one that did not come through `arrived`. Raises Rejected."""
        self.admit(request)
        self._ring()

    def next(self) -> Request | None:
        """The next one to carry out, which is then in hand; None when none waits or enough are."""
        with self._lock:
            if not self._waiting or len(self._in_hand) >= AT_ONCE:
                return None
            request = self._waiting.popleft()
            self._in_hand.add(request)
            return request

    def answered(self, request: Request, answer: Mapping[str, Any], now: float) -> None:
        """It was carried out, and this is what to say."""
        self.say(request.reply, {"ok": True, "request_id": request.id, **answer}, now)
        self._put_down(request)

    def failed(self, request: Request, error: Rejected, now: float) -> None:
        """It was begun, and this is why it is not done."""
        self.reject(request.reply, request.id, error, now)
        self._put_down(request)

    def reject(self, reply: Reply, request_id: str | None, error: Rejected, now: float) -> None:
        """It is not carried out."""
        text = str(error)
        if len(text) > _LONGEST_TEXT:
            text = f"{text[:_LONGEST_TEXT]}…"
        self.say(reply, {"ok": False, "request_id": request_id, "error": {"code": error.code, "text": text}}, now)

    def say(self, reply: Reply, body: Mapping[str, Any], now: float) -> None:
        """Send it to whoever asked, as soon as there is a connection."""
        body = {key: value for key, value in body.items() if key != "request_id" or value is not None}
        if reply.hand is not None:
            reply.hand(body)
            return
        payload = to_bytes(body)
        if len(payload) > MOST_BYTES:
            text = f"the answer takes {len(payload)} bytes; a message carries at most {MOST_BYTES}"
            self.reject(reply, body.get("request_id"), Rejected("failed", text), now)
            return
        properties: dict[str, Any] = {"content_type": "application/json"}
        if reply.correlation_data is not None:
            properties["correlation_data"] = reply.correlation_data
        message = Message(topic=reply.topic, payload=payload, priority=Priority.LIVE, qos=1, properties=properties)
        self.afterwards.say(message, now)

    def _put_down(self, request: Request) -> None:
        with self._lock:
            self._in_hand.discard(request)
        self._ring()
