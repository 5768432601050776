"""HTTP: one origin, one request after the other, on a kept connection.

send() ──queue──▶ thread: POST ──▶ server      2xx Delivered · 408 425 429 5xx, no answer Unknown · else Refused
   ◀──receipt (future)────────────────┘        requests behind an Unknown end Unknown too: order is kept
"""

import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

import httpcore

from edge_mask.deliver.http_connection import HttpConnection, HttpResponse, MayConnect
from edge_mask.deliver.http_request import HttpRequest, Origin, request_of
from edge_mask.deliver.transport import OnState, Sending, Stale
from edge_mask.errors import Refused
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

TIMEOUT = Seconds(10.0)
_TRY_LATER = frozenset({408, 425, 429})
_NOT_NOW = frozenset({408, 425, 429, 503})
"""Status codes of a busy server; they say nothing about the message."""
_SHOWN = 200
"""Characters of a response that are shown."""
OnAnswer = Callable[[HttpRequest, Receipt, str], None]
"""Called with a request, how it ended, and what the server answered (empty when it did not), without secrets."""
_KEPT_IDLE = 30.0
"""Idle seconds after which we reconnect: routers silently forget idle connections."""
_WANTS_TLS = " (does this port want https?)"
_NO_TLS_THERE = " (does this port speak https? otherwise write http://)"


class HttpTransport:
    """A Transport to one origin. It counts as connected from `open` to `close`; receipts and `on_state` show whether
    the server is there."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        on_state: OnState = lambda _connected, _reason: None,
        timeout: Seconds = TIMEOUT,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        may_connect: MayConnect | None = None,
        on_answer: OnAnswer | None = None,
    ) -> None:
        """`name` appears in logs and as the thread's name; `timeout` bounds each step: connect, send, whole response.

        `on_state` and `on_answer` are called in this transport's thread and must return at once.
        """
        self._name = name
        self._clock = clock
        self._on_state = on_state
        self._timeout = timeout
        self._tls = tls
        self._may_connect = may_connect
        self._on_answer = on_answer
        self._queue: SimpleQueue[Sending | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._is_open = False
        self._is_away: bool | None = None
        self._current: Sending | None = None
        self._connection: HttpConnection | None = None
        self._has_answered = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def open(self) -> None:
        """Ready at once: the first message connects."""
        self._is_open = True
        self._thread.start()
        self._tell(True, "ready")

    @property
    def is_connected(self) -> bool:
        return self._is_open

    def send(self, message: Message) -> "Future[Receipt]":
        sending = Sending(message)
        with self._lock:
            if self._is_open:
                self._queue.put(sending)
            else:
                sending.end(Outcome.UNKNOWN, "closed")
        return sending.future

    def close(self, within: Seconds) -> None:
        """Abort the current request; safe to call twice. A thread in a name lookup ends later by itself."""
        with self._lock:
            self._is_open = False
            connection, current = self._connection, self._current
        self._flush("closed")
        self._queue.put(None)
        if connection is not None:
            connection.give_up()
        if self._thread.ident is not None:
            self._thread.join(within)
        if current is not None:
            self._end(current, Receipt(Outcome.UNKNOWN, "closed"))

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._is_open and (sending := self._queue.get()) is not None:
            with self._lock:
                self._current = sending
            receipt = self.receipt_for(sending.message)
            if receipt.outcome is Outcome.UNKNOWN:
                self._flush("the one before it is undecided")
            self._tell(receipt.outcome is not Outcome.UNKNOWN, receipt.reason)
            self._end(sending, receipt)
        self._flush("closed")
        self._drop_connection()

    def request_for(self, message: Message) -> HttpRequest:
        """What is posted for a message; called in this transport's thread. Raises Refused, Stale, OSError."""
        return request_of(message)

    def judged(self, answer: HttpResponse, message: Message) -> Receipt:
        """What an answer means."""
        del message
        return judged(answer)

    def receipt_for(self, message: Message) -> Receipt:
        """Post it, and say how that ended."""
        try:
            request = self.request_for(message)
        except Stale as end:
            return end.receipt
        except Refused as error:
            return Receipt(Outcome.REFUSED, str(error))
        except OSError as error:  # the file of a secret may come back
            return Receipt(Outcome.UNKNOWN, f"{error.filename or 'a file'}: {error.strerror or error}")
        said = ""
        try:
            answer = self._post(request)
            said = redact(_said(answer), request.secrets)
            receipt = self.judged(answer, message)
            self._has_answered = True
        except (httpcore.LocalProtocolError, UnicodeError) as error:
            self._drop_connection()
            receipt = Receipt(Outcome.REFUSED, f"cannot be sent: {error}")
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            self._drop_connection()
            wants_tls = "" if request.origin.scheme == "https" or self._has_answered else _WANTS_TLS
            receipt = trouble(error, request.origin, self._timeout, wants_tls)
        except Exception as error:  # our bug or the library's: this message may cause it
            log.debug("%s: a fault of our own; the message is tried again later", self._name, exc_info=True)
            self._drop_connection()
            receipt = Receipt(Outcome.UNKNOWN, f"internal fault: {type(error).__name__}: {error}", is_suspect=True)
        receipt = replace(receipt, reason=redact(receipt.reason, request.secrets))
        if self._on_answer is not None:
            self._on_answer(request, receipt, said)
        return receipt

    def _post(self, request: HttpRequest) -> HttpResponse:
        """Post, once more on a new connection when a kept one fails: a server may close those at any time."""
        connection = self._connected(request.origin)
        was_used = connection.is_used
        try:
            answer = connection.post(request)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            if not was_used or not self._is_open:
                raise
            self._drop_connection()
            connection = self._connected(request.origin)
            answer = connection.post(request)
        if not connection.is_reusable:
            self._drop_connection()
        return answer

    def _connected(self, origin: Origin) -> HttpConnection:
        """The kept connection, or a new one that connects on first use."""
        kept = self._connection
        if kept is not None and kept.origin == origin and self._is_fresh(kept):
            return kept
        self._drop_connection()
        tls = self._tls() if origin.scheme == "https" else None
        made = HttpConnection(origin, tls, self._timeout, self._clock, self._may_connect)
        with self._lock:
            self._connection = made
            if not self._is_open:
                made.give_up()
        return made

    def _is_fresh(self, kept: HttpConnection) -> bool:
        return kept.is_reusable and self._clock.now().mono - kept.used_at <= _KEPT_IDLE

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    # -- ending requests --------------------------------------------------------------------------------

    def _flush(self, reason: str) -> None:
        """All queued messages end Unknown."""
        with suppress(Empty):
            while True:
                if (sending := self._queue.get_nowait()) is not None:
                    self._end(sending, Receipt(Outcome.UNKNOWN, reason))

    def _end(self, sending: Sending, receipt: Receipt) -> None:
        with self._lock:  # two threads may end the same one
            if self._current is sending:
                self._current = None
            sending.end_with(receipt)

    def _tell(self, is_there: bool, reason: str) -> None:
        if self._is_away is not None and self._is_away is not is_there:
            return
        self._is_away = not is_there
        self._on_state(is_there, reason)


def _said(answer: HttpResponse) -> str:
    """Its status and the beginning of its body, on one line."""
    text = " ".join(answer.body.decode("utf-8", "replace").split())[:_SHOWN]
    return f"{answer.status} {answer.phrase}".rstrip() + (f": {text}" if text else "")


def judged(answer: HttpResponse) -> Receipt:
    if 200 <= answer.status < 300:
        return Receipt(Outcome.DELIVERED)
    reason = f"answered {_said(answer)}"
    if answer.status in _TRY_LATER or not 300 <= answer.status < 500:
        is_suspect = answer.status not in _NOT_NOW
        return Receipt(Outcome.UNKNOWN, reason, is_suspect=is_suspect, retry_after=answer.retry_after)
    if answer.status < 400:
        reason += " (redirections are not followed: write the new address instead)"
    return Receipt(Outcome.REFUSED, reason)


def trouble(error: Exception, origin: Origin, timeout: Seconds, wants_tls: str = "") -> Receipt:
    """The receipt of a failure, and whether this message may be its cause. `wants_tls` is a hint for a server that
    never answered."""
    cause = error.__cause__ or error
    is_tls = origin.scheme == "https"
    match error:
        case httpcore.ConnectTimeout() | httpcore.ConnectError():
            return Receipt(Outcome.UNKNOWN, _no_connection(cause, timeout, is_tls=is_tls))
        case httpcore.TimeoutException():
            return Receipt(Outcome.UNKNOWN, f"no answer within {timeout:g} s", is_suspect=True)
        case httpcore.RemoteProtocolError() if "without sending a response" in str(error):
            why = f"hung up without an answer{wants_tls}"
        case httpcore.RemoteProtocolError():
            why = f"answered something that is not HTTP: {str(error)[:_SHOWN]}{wants_tls}"
        case _:
            why = f"the connection was lost: {getattr(cause, 'strerror', None) or cause}{wants_tls}"
    return Receipt(Outcome.UNKNOWN, why, is_suspect=True)


def _no_connection(cause: BaseException, timeout: Seconds, *, is_tls: bool) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {cause.verify_message}"
        case ssl.SSLError() | ConnectionResetError() if is_tls:
            return f"no TLS connection: {getattr(cause, 'reason', None) or cause.strerror or cause}{_NO_TLS_THERE}"
        case TimeoutError() if is_tls and "handshake" in str(cause):
            return f"no answer within {timeout:g} s{_NO_TLS_THERE}"
        case TimeoutError():
            return f"no answer within {timeout:g} s"
        case OSError():
            return f"cannot be reached: {cause.strerror or cause}"
        case _:
            return f"cannot be reached: {cause}"
