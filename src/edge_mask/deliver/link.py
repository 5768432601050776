"""One thread keeps a connection up; senders hand their messages to it.

send() ──hand-off──▶ thread: session ──▶ broker       away: wait (full jitter), connect again
   ◀──receipt (future)── acknowledgement, refusal, or the end of the session
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.transport import Listener, OnState, Sending
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_LONGEST_TURN = 5.0


class Again(Exception):
    """A session with nothing under way asks for another one in its place, at once: no outage."""


class Session(Protocol):
    """One connection from CONNECT to its end, used by the link's thread only."""

    def connect(self, should_stop: Callable[[], bool]) -> str:
        """Block until the broker accepts; returns the peer's name. Raises TryLater or Refused."""
        ...

    def publish(self, sending: Sending) -> None:
        """Send it; its future ends now (refused, not sent) or with the broker's answer. An exception is this message's
        fault, not the connection's."""
        ...

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Subscribe once per filter; repeating it costs nothing."""
        ...

    @property
    def has_room(self) -> bool:
        """False while the broker's limit of unacknowledged messages is reached."""
        ...

    @property
    def oldest(self) -> Sending | None:
        """The unacknowledged message that was published first."""
        ...

    def turn(self, timeout: float) -> None:
        """Read and write, waiting at most `timeout` seconds. Raises TryLater when the connection has ended, Again when
        there should be a new one."""
        ...

    def end(self, reason: str, *, politely: bool) -> None:
        """Close the socket, with a DISCONNECT if `politely`; unacknowledged messages end Unknown. Never raises."""
        ...


class StallDetector:
    """Detects a stall: the same message stays the oldest unacknowledged one for too long.

    A slow broker that acknowledges in turn is no stall, however long its queue is.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._oldest: Sending | None = None
        self._since = Seconds(0.0)

    def left(self, oldest: Sending | None, now: Seconds) -> float:
        """Seconds until the timeout: infinite when nothing waits, 0 or less after it."""
        if oldest is not self._oldest:
            self._oldest, self._since = oldest, now
        return float("inf") if oldest is None else self._since + self._patience - now


class Link:
    """Keeps one session up. Nothing is sent, or kept for later, while there is none: SQLite is the only queue.

    We do not use the MQTT library's thread: it counts a CONNACK as success (two clients with one id then disconnect
    each other in a storm), resends unacknowledged messages by itself, and queues what is published while offline.
    Here each session starts empty, and its end is reported.
    """

    def __init__(
        self,
        new_session: Callable[[Doorbell], Session],
        *,
        will: Message | None,
        birth: Callable[[], Message] | None,
        ack_timeout: float,
        backoff: Backoff,
        refused_backoff: Backoff,
        on_state: OnState,
        clock: Clock,
    ) -> None:
        self._new_session = new_session
        self._will = will
        self._birth = birth
        self._ack_timeout = ack_timeout
        self._stall = StallDetector(ack_timeout)
        self._backoff = backoff
        self._refused_backoff = refused_backoff
        self._on_state = on_state
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Sending] = deque()
        self._listeners: dict[str, Listener] = {}
        self._online_since: Seconds | None = None
        self._stop = threading.Event()
        self._give_up_at = Seconds(0.0)
        self._bell = Doorbell()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Start connecting in the background. Raises what making a session raises: it could never connect."""
        self._new_session(self._bell)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._online_since is not None

    def send(self, message: Message) -> "Future[Receipt]":
        """See the Transport protocol; ends Unknown at once while there is no connection."""
        sending = Sending(message)
        with self._lock:
            if is_online := self.is_connected:
                self._waiting.append(sending)
        if is_online:
            self._bell.ring()
        else:
            sending.end(Outcome.UNKNOWN, "no connection")
        return sending.future

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Call `listener` in the link's thread for each arrival; the subscription is renewed on each connect."""
        with self._lock:
            self._listeners[topic_filter] = listener
        self._bell.ring()

    def stop(self, within: float) -> None:
        """Wait for acknowledgements, publish the will, disconnect: together at most `within` seconds."""
        self._give_up_at = Seconds(self._now() + 0.8 * within)
        self._stop.set()
        self._bell.ring()
        if self._thread.ident is None:
            self._bell.close()
            return
        self._thread.join(within)
        if self._thread.is_alive():  # in a name lookup or handshake, which cannot be interrupted
            log.warning("mqtt: still busy connecting after %.1f s; left behind, it ends by itself", within)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                delay, reason = self._one_session()
            except Again as again:
                log.info("mqtt: %s", again)
                continue
            self._tell(False, reason)
            self._clock.wait(self._stop, delay)
        self._bell.close()

    def _one_session(self) -> tuple[Seconds, str]:
        """Connect and serve until the connection ends; returns the delay and why it ended. Raises Again."""
        session = self._new_session(self._bell)
        backoff = self._backoff
        try:
            where = session.connect(self._stop.is_set)
            self._go_online(session, where)
            self._serve(session)
            reason = "closed"
        except TryLater as error:
            reason = str(error)
        except Refused as error:
            reason, backoff = str(error), self._refused_backoff
        except Again as again:
            self._go_offline(session, str(again), politely=True)
            raise
        except Exception as error:
            log.exception("mqtt: a fault of our own; connecting again")
            reason, backoff = f"internal fault: {error}", self._refused_backoff
        self._go_offline(session, reason, politely=self._stop.is_set())
        return backoff.next_delay(), reason

    def _go_online(self, session: Session, where: str) -> None:
        self._listen(session)  # first: whoever sees the birth may ask at once
        if self._birth is not None:
            self._publish(session, Sending(self._birth()))
        with self._lock:
            self._online_since = self._now()
        self._tell(True, where)

    def _go_offline(self, session: Session, reason: str, *, politely: bool) -> None:
        """End every waiting or unacknowledged message as Unknown."""
        with self._lock:
            since, self._online_since = self._online_since, None
            left = list(self._waiting)
            self._waiting.clear()
        if since is not None:
            self._backoff.succeeded(self._now() - since)
        session.end(reason, politely=politely)
        for sending in left:
            sending.end(Outcome.UNKNOWN, reason)

    def _serve(self, session: Session) -> None:
        """Send, read and write until stopped. Raises TryLater when the connection is lost."""
        while not self._stop.is_set():
            self._listen(session)
            self._hand_over(session)
            session.turn(self._until_overdue(session))
        self._finish(session)

    def _finish(self, session: Session) -> None:
        """The last turns: accepted messages, then the will (a broker discards it on DISCONNECT)."""
        with self._lock:
            since, self._online_since = self._online_since, None
            if self._will is not None:
                self._waiting.append(Sending(self._will))
        self._backoff.succeeded(self._now() - (since or self._now()))
        while (self._waiting or session.oldest is not None) and (left := self._give_up_at - self._now()) > 0:
            self._hand_over(session)
            session.turn(min(left, self._until_overdue(session)))

    def _hand_over(self, session: Session) -> None:
        while session.has_room:
            with self._lock:
                if not self._waiting:
                    return
                sending = self._waiting.popleft()
            self._publish(session, sending)

    def _publish(self, session: Session, sending: Sending) -> None:
        """Publish; an error of the library refuses the message. Ending the connection would repeat the error on the
        next one, for ever."""
        try:
            session.publish(sending)
        except Exception as error:  # noqa: BLE001 (whatever a library raises on what it was given: that is refused)
            sending.end(Outcome.REFUSED, f"cannot be put into a packet: {type(error).__name__}: {error}")

    def _listen(self, session: Session) -> None:
        with self._lock:
            listeners = list(self._listeners.items())
        for topic_filter, listener in listeners:
            session.subscribe(topic_filter, listener)

    def _until_overdue(self, session: Session) -> float:
        """How long a turn may wait. Raises TryLater on a stall: only a new connection frees the unacknowledged
        messages of a frozen broker.
        """
        left = self._stall.left(session.oldest, self._now())
        if left <= 0:
            raise TryLater(f"the broker acknowledged nothing for {self._ack_timeout:g} s")
        return min(left, _LONGEST_TURN)

    def _tell(self, is_connected: bool, reason: str) -> None:
        try:
            self._on_state(is_connected, reason)
        except Exception:  # a failing callback must not end the connection
            log.exception("mqtt: the listener for the connection's state failed")

    def _now(self) -> Seconds:
        return self._clock.now().mono
