"""HTTP through the standard library: one origin, one request after the other, a connection that is kept.

send() ──queue──▶ thread: POST ──▶ server      2xx Delivered · 408 425 429 5xx, no answer Unknown · else Refused
   ◀──receipt (future)────────────────┘        what stood behind an Unknown is Unknown too: order is kept
"""

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

from edge_mask.deliver.http_request import Origin, Request, request_of
from edge_mask.deliver.link import OnState
from edge_mask.deliver.pending import Pending
from edge_mask.errors import Refused
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

TIMEOUT = Seconds(10.0)
_TRY_LATER = frozenset({408, 425, 429})
_ANSWER_READ = 65_536
"""Bytes of an answer that are read, so that the connection can be used again; a longer one costs the connection."""
_ANSWER_SHOWN = 200
_KEPT_IDLE = 30.0
"""Seconds after which a connection is made anew: routers forget idle ones without telling anybody."""
_LATE = ["Edge-Mask-Late", "true"]


def in_headers(message: Message, ts: str | None, is_late: bool) -> Message:
    """A body is what the rule made of it, byte for byte: lateness is told in a header. (See courier.Dress.)"""
    del ts
    if not is_late:
        return message
    headers = [*message.properties.get("headers", ()), _LATE]
    return replace(message, properties={**message.properties, "headers": headers})


class HttpTransport:
    """A Transport to one origin. It counts as connected from `open` to `close`: whether the server is there shows
    in the receipts, and in what `on_state` is told when that changes."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        on_state: OnState = lambda _connected, _reason: None,
        timeout: Seconds = TIMEOUT,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        """`name` is what logs and the thread call it; `timeout` is for each step: connect, send, wait for the answer.

        `on_state` is called in this transport's thread and must return at once.
        """
        self._name = name
        self._clock = clock
        self._on_state = on_state
        self._timeout = timeout
        self._tls = tls
        self._queue: SimpleQueue[Pending | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._is_open = False
        self._is_away: bool | None = None
        self._current: Pending | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._to: Origin | None = None
        self._used_at = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def open(self) -> None:
        """Ready at once: the first message makes the connection."""
        self._is_open = True
        self._thread.start()
        self._tell(True, "ready")

    @property
    def is_connected(self) -> bool:
        return self._is_open

    def send(self, message: Message) -> "Future[Receipt]":
        pending = Pending(message)
        with self._lock:
            if self._is_open:
                self._queue.put(pending)
            else:
                pending.end(Outcome.UNKNOWN, "closed")
        return pending.future

    def close(self, within: Seconds) -> None:
        """Give up what is under way; safe to call twice. A thread inside a name look-up ends by itself later."""
        with self._lock:
            self._is_open = False
            connection, current = self._connection, self._current
        self._flush("closed")
        self._queue.put(None)
        if connection is not None and (sock := connection.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(within)
        if current is not None:
            self._end(current, Outcome.UNKNOWN, "closed")

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._is_open and (pending := self._queue.get()) is not None:
            with self._lock:
                self._current = pending
            receipt = self._receipt(pending.message)
            if receipt.outcome is Outcome.UNKNOWN:
                self._flush("the one before it is undecided")
            self._tell(receipt.outcome is not Outcome.UNKNOWN, receipt.reason)
            self._end(pending, receipt.outcome, receipt.reason)
        self._flush("closed")
        self._drop_connection()

    def _receipt(self, message: Message) -> Receipt:
        try:
            request = request_of(message)
        except Refused as error:
            return Receipt(Outcome.REFUSED, str(error))
        try:
            receipt = self._post_again_if_stale(request)
        except (OSError, http.client.HTTPException) as error:
            self._drop_connection()
            receipt = Receipt(Outcome.UNKNOWN, _trouble(error, self._timeout))
        except Exception as error:
            log.exception("%s: a fault of our own; the message is tried again later", self._name)
            self._drop_connection()
            receipt = Receipt(Outcome.UNKNOWN, f"internal fault: {type(error).__name__}")
        return replace(receipt, reason=redact(receipt.reason, request.secrets))

    def _post_again_if_stale(self, request: Request) -> Receipt:
        """A server may close a kept connection at any time: that says nothing about the server, so try a new one."""
        self._choose_connection(request.origin)
        is_used = self._connection is not None
        try:
            return self._post(request)
        except (ConnectionError, http.client.BadStatusLine):
            if not is_used or not self._is_open:
                raise
            self._drop_connection()
            return self._post(request)

    def _choose_connection(self, origin: Origin) -> None:
        if origin != self._to or self._clock.now().mono - self._used_at > _KEPT_IDLE:
            self._drop_connection()
        self._to = origin

    def _post(self, request: Request) -> Receipt:
        connection = self._connected(request.origin)
        names = {name.lower() for name, _ in request.headers}
        connection.putrequest("POST", request.path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders(request.body)
        response = connection.getresponse()
        answer = b""
        with suppress(OSError, http.client.HTTPException):  # the status has decided already
            answer = response.read(_ANSWER_READ)
        self._used_at = self._clock.now().mono
        if response.will_close or not response.isclosed():
            self._drop_connection()
        return _judged(response.status, response.reason, answer)

    def _connected(self, origin: Origin) -> http.client.HTTPConnection:
        if self._connection is None:
            if origin.scheme == "https":
                made: http.client.HTTPConnection = http.client.HTTPSConnection(
                    origin.host, origin.port, timeout=self._timeout, context=self._tls()
                )
            else:
                made = http.client.HTTPConnection(origin.host, origin.port, timeout=self._timeout)
            self._connection = made
            made.connect()
            if not self._is_open:
                raise ConnectionAbortedError("closed")
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
        self._connection = None

    # -- the ends of things ------------------------------------------------------------------------------

    def _flush(self, reason: str) -> None:
        """Whatever waits in the queue is undecided."""
        with suppress(Empty):
            while True:
                if (pending := self._queue.get_nowait()) is not None:
                    self._end(pending, Outcome.UNKNOWN, reason)

    def _end(self, pending: Pending, outcome: Outcome, reason: str) -> None:
        with self._lock:  # two threads may want to end the same one
            if self._current is pending:
                self._current = None
            pending.end(outcome, reason)

    def _tell(self, is_there: bool, reason: str) -> None:
        if self._is_away is not None and self._is_away is not is_there:
            return
        self._is_away = not is_there
        self._on_state(is_there, reason)


def _judged(status: int, phrase: str, answer: bytes) -> Receipt:
    if 200 <= status < 300:
        return Receipt(Outcome.DELIVERED)
    text = " ".join(answer.decode("utf-8", "replace").split())[:_ANSWER_SHOWN]
    reason = f"answered {status} {phrase}".rstrip() + (f": {text}" if text else "")
    if status in _TRY_LATER or status >= 500:
        return Receipt(Outcome.UNKNOWN, reason)
    if 300 <= status < 400:
        reason += " (redirections are not followed: put the new address into the rule)"
    return Receipt(Outcome.REFUSED, reason)


def _trouble(error: Exception, timeout: Seconds) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, http.client.RemoteDisconnected):
        return "hung up without an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError):
        return f"cannot be reached: {error.strerror or error}"
    return f"answered something that is not HTTP: {type(error).__name__} {error}"
