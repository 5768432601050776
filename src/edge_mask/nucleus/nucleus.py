"""Keeps one connection to the nucleus up for the whole process: a lost one is made anew, subscriptions with it.

thread: connect ──▶ streams ──▶ tell "connected" ──▶ wait for its end, or for an overdue answer
           ▲                                              │
           └────────── full jitter ◀── tell "away" ◀──────┘
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.nucleus.errors import NoConnection
from edge_mask.nucleus.place import Place, place_of_component
from edge_mask.nucleus.requests import Request
from edge_mask.nucleus.session import Session, library
from edge_mask.runtime.clock import Clock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
OnState = Callable[[bool, str], None]
"""Called with (is connected, reason), in order; must return at once."""
ANSWER_WITHIN = Seconds(10.0)


class Follow:
    """A subscription. It is renewed on each connection until `end`."""

    def __init__(
        self, request: Request[Any], listener: Callable[[Any], None], on_answer: Callable[[EdgeMaskError | None], None]
    ) -> None:
        self._request = request
        self._listener = listener
        self._on_answer = on_answer
        self._session: Session | None = None
        self._stream: Any = None

    def begin(self, session: Session) -> None:
        """Open the stream on this session."""
        self.end()
        answer: Future[None] = Future()
        answer.set_running_or_notify_cancel()
        answer.add_done_callback(self._answered)
        self._session = session
        self._stream = session.follow(self._request, self._listener, answer)

    def end(self) -> None:
        """Close the stream, if there is one."""
        session, stream, self._session, self._stream = self._session, self._stream, None, None
        if session is not None and stream is not None:
            session.leave(stream)

    def _answered(self, answer: "Future[None]") -> None:
        error = answer.exception()
        self._on_answer(error if isinstance(error, EdgeMaskError) else None)


class Nucleus:
    """Any thread may call; callbacks come in threads of ours or of the library, and must return at once."""

    def __init__(
        self,
        place: Callable[[], Place] = place_of_component,
        *,
        answer_within: Seconds = ANSWER_WITHIN,
        backoff: Backoff | None = None,
        refused_backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        """A call without an answer ends after `answer_within`. `refused_backoff` paces attempts with a token that the
        nucleus did not accept."""
        self._place = place
        self._answer_within = answer_within
        self._backoff = backoff or Backoff(cap=30.0)
        self._refused_backoff = refused_backoff or Backoff(base=60.0, cap=60.0)
        self._clock = clock or SystemClock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._telling = threading.RLock()
        self._session: Session | None = None
        self._last: tuple[bool, str] | None = None
        self._watchers: list[OnState] = []
        self._follows: list[Follow] = []
        self._thread = threading.Thread(target=self._run, name="nucleus", daemon=True)

    def open(self) -> None:
        """Start connecting; returns at once. Raises Refused when it never can: no component, no library."""
        self._place()
        library()
        self._thread.start()

    def close(self, within: Seconds) -> None:
        """End the connection; open calls end with NoConnection."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(within)

    @property
    def is_connected(self) -> bool:
        return self._session is not None

    def watch(self, on_state: OnState) -> Callable[[], None]:
        """Hear of the connection, beginning with how it is now if it was tried already. Returns what ends that."""
        with self._telling:
            self._watchers.append(on_state)
            if self._last is not None:
                on_state(*self._last)

        def leave() -> None:
            with self._telling:
                self._watchers.remove(on_state)

        return leave

    def call(self, request: Request[Answer]) -> "Future[Answer]":
        """Ask the nucleus. The future always ends: with the answer, or with TryLater (NoConnection, NotNow) or Refused
        (NotAllowed). Never blocks, never raises."""
        answer: Future[Answer] = Future()
        answer.set_running_or_notify_cancel()
        session = self._session
        if session is None:
            answer.set_exception(NoConnection(f"{request.what}: no connection to the nucleus"))
        else:
            session.call(request, answer)
        return answer

    def follow(
        self,
        request: Request[Answer],
        listener: Callable[[Answer], None],
        on_answer: Callable[[EdgeMaskError | None], None] = lambda _error: None,
    ) -> Follow:
        """Subscribe, now and on each connection. `on_answer` is called each time the nucleus has agreed (None) or not;
        `Follow.begin` asks again (see `renew`)."""
        made = Follow(request, listener, on_answer)
        with self._telling:
            self._follows.append(made)
            if self._session is not None:
                made.begin(self._session)
        return made

    def renew(self, follow: Follow) -> None:
        """Ask again for a subscription that the nucleus did not grant."""
        with self._telling:
            if self._session is not None and follow in self._follows:
                follow.begin(self._session)

    def leave(self, follow: Follow) -> None:
        """End a subscription."""
        with self._telling:
            if follow in self._follows:
                self._follows.remove(follow)
                follow.end()

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            delay = self._one_session()
            self._clock.wait(self._stop, delay)

    def _one_session(self) -> Seconds:
        """Connect and watch until it ends; returns the pause before the next one."""
        began = self._now()
        session: Session | None = None
        backoff = self._backoff
        try:
            session = Session(self._place(), self._wake.set, self._now)
            where = session.connect(self._answer_within)
            self._go_online(session, where)
            self._serve(session)
            reason = session.lost or "closed"
            self._backoff.succeeded(self._now() - began)
        except TryLater as error:
            reason = str(error)
        except Refused as error:
            reason, backoff = str(error), self._refused_backoff
        except Exception as error:  # this thread must live: nobody else makes the connection again
            log.exception("greengrass: a fault of our own; connecting again")
            reason, backoff = f"internal fault: {error}", self._refused_backoff
        self._go_offline(session, reason)
        return backoff.next_delay()

    def _serve(self, session: Session) -> None:
        while not self._stop.is_set() and not session.lost:
            self._wake.wait(session.until_overdue(self._answer_within))
            self._wake.clear()
            session.end_overdue(self._answer_within)

    def _go_online(self, session: Session, where: str) -> None:
        with self._telling:
            self._session = session
            for follow in self._follows:
                follow.begin(session)
            self._tell(True, where)

    def _go_offline(self, session: Session | None, reason: str) -> None:
        self._session = None
        if session is not None:
            session.end(reason)
        with self._telling:
            self._tell(False, reason)

    def _tell(self, is_connected: bool, reason: str) -> None:
        self._last = (is_connected, reason)
        for on_state in list(self._watchers):
            try:
                on_state(is_connected, reason)
            except Exception:  # one listener must not end the connection of the others
                log.exception("greengrass: a listener for the connection's state failed")

    def _now(self) -> Seconds:
        return self._clock.now().mono
