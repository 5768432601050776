"""Where commands are asked for from within this process, as by HTTP: read, carried out and answered as over the broker.

payload ──▶ read ──▶ seen before? ──▶ Desk ──▶ Clerk ──▶ the answer, in a future
                          └─ the answer of the first, which was carried out once
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Final

from edge_mask.control.desk import Desk
from edge_mask.control.futures import done
from edge_mask.control.request import Rejected, Reply, read_asked, request_id
from edge_mask.runtime.clock import Clock

Answer = Mapping[str, Any]
MOST_KEPT: Final = 32
"""Answers for those who ask again under the same id: their connection may have broken meanwhile."""


class Mouth:
    """Lives over the houses, as the desk does; any thread."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], Future[Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def stopped(self) -> None:
        """Nothing of it is kept."""

    def ask(self, name: str, payload: bytes, content_type: str = "", *, under: str | None = None) -> "Future[Answer]":
        """Have it carried out; `under`: the payload is the value of that field. Never waits, never raises.

        The future has the answer as it is published, `ok` or not, and may outlive the house. It never fails.
        """
        answer: Future[Answer] = Future()
        answer.set_running_or_notify_cancel()
        try:
            request = read_asked(name, payload, Reply("", hand=answer.set_result), content_type, under=under)
            with self._lock:
                if not self._desk.repeats.is_new(name, request.id, self._clock.now().mono):
                    return self._first(name, request.id)
                self._keep(name, request.id, answer)
            try:
                self._desk.take(request)
            except Rejected:
                self._desk.repeats.forget(name, request.id)
                raise
        except Rejected as error:
            self._desk.reject(Reply("", hand=answer.set_result), request_id(payload), error, self._clock.now().mono)
        return answer

    def _keep(self, name: str, given: str | None, answer: "Future[Answer]") -> None:
        if given is not None:
            self._kept[name, given] = answer
            self._kept.move_to_end((name, given))
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def _first(self, name: str, given: str | None) -> "Future[Answer]":
        """The answer to the request that came first under this id."""
        assert given is not None, "without an id all requests are new"
        if (first := self._kept.get((name, given))) is not None:
            return first
        text = f"request_id: {given} was asked within the last five minutes, and is carried out once"
        return done({"ok": False, "request_id": given, "error": {"code": "bad_request", "text": text}})
