"""One connection to the nucleus, from connect to its end; only this file knows the library (awsiotsdk).

The library calls back in its own thread: here that resolves futures and wakes, and nothing waits in it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.nucleus.errors import NoConnection, translated
from edge_mask.nucleus.place import Place, require_socket
from edge_mask.nucleus.requests import Request
from edge_mask.units import Seconds

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_LEFT_OPEN = 1.0
"""Seconds until an answered stream is ended from our side, when the nucleus has not ended it (nucleus lite)."""


@dataclass(frozen=True, slots=True)
class _Library:
    """What we use of awsiotsdk; its event loop is one thread for the life of the process."""

    model: Any
    client: Any
    rpc: Any
    bootstrap: Any
    options: Any


@cache
def library() -> _Library:
    """Import it. Raises Refused, naming the extra."""
    try:
        from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup, SocketDomain, SocketOptions
        from awsiot import eventstreamrpc
        from awsiot.greengrasscoreipc import client, model
    except ImportError as error:
        raise Refused(
            f"greengrass: the AWS libraries are not installed ({error.name or error}): pip install 'edge-mask[aws]'"
        ) from error
    # It logs each failed attempt as an error; we say it ourselves, once.
    logging.getLogger(eventstreamrpc.__name__).setLevel(logging.CRITICAL)
    loop = EventLoopGroup(1)
    options = SocketOptions()
    options.domain = SocketDomain.Local
    return _Library(model, client, eventstreamrpc, ClientBootstrap(loop, DefaultHostResolver(loop)), options)


class Session:
    """Ends once, with a reason; calls that are open then end with NoConnection. Any thread may call."""

    def __init__(self, place: Place, wake: Callable[[], object], now: Callable[[], Seconds]) -> None:
        """`wake` is called from any thread when the session has ended, or when a first answer is awaited."""
        self._place = place
        self._wake = wake
        self._now = now
        self._library = library()
        self._connection: Any = None
        self._client: Any = None
        self._lock = threading.Lock()
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._answered: deque[tuple[Seconds, Any]] = deque()
        self._heard_at = now()
        self._lost = ""

    def connect(self, within: Seconds) -> str:
        """Block until the nucleus accepts; returns where it is. Raises TryLater or Refused."""
        require_socket(self._place.socket)
        lib = self._library
        self._connection = lib.rpc.Connection(
            host_name=str(self._place.socket),
            port=0,
            bootstrap=lib.bootstrap,
            socket_options=lib.options,
            connect_message_amender=lib.rpc.MessageAmendment.create_static_authtoken_amender(self._place.token),
        )
        try:
            self._connection.connect(self).result(within)
        except TookTooLong as error:
            raise TryLater(f"the nucleus takes connections at {self._place.socket} but does not answer") from error
        except Exception as error:
            raise self._not_connected(error) from error
        self._client = lib.client.GreengrassCoreIPCClient(self._connection)
        return f"connected to the Greengrass nucleus at {self._place.socket}"

    def _not_connected(self, error: Exception) -> EdgeMaskError:
        why = (
            "the token in SVCUID is of an earlier start or of another component; restart the component through"
            " Greengrass"
        )
        if type(error).__name__ == "AccessDeniedError":
            return Refused(f"the nucleus did not let us in: {why}")
        if getattr(error, "name", "") == "AWS_IO_SOCKET_CLOSED":  # its no, when it hangs up before we have read it
            return TryLater(f"the nucleus hung up instead of letting us in; if that stays so, {why}")
        return TryLater(f"the nucleus's socket {self._place.socket} cannot be used: {error}")

    # -- calls and streams -------------------------------------------------------------------------------

    def call(self, request: Request[Answer], answer: "Future[Answer]") -> None:
        """Send a request; `answer` ends with what it reads, or with an EdgeMaskError. Never blocks, never raises."""
        self._end_old_streams()
        self._ask(request, answer, request.read, None)

    def follow(self, request: Request[Answer], listener: Callable[[Answer], None], answer: "Future[None]") -> Any:
        """Open a stream; `answer` ends when the nucleus has agreed. Returns what `leave` takes, None when it failed."""
        return self._ask(request, answer, lambda _response: None, _Stream(request, listener, self.heard))

    def leave(self, stream: Any) -> None:
        """End a stream."""
        stream.close()

    def _ask(self, request: Request[Any], answer: "Future[Any]", read: Callable[[Any], Any], stream: Any) -> Any:
        call = _Call(request.what, answer, self._now())
        number = self._await(call)
        if self._lost:
            self._forget(number)
            call.end(None, NoConnection(f"{request.what}: {self._lost}"))
            return None
        try:
            new = getattr(self._client, f"new_{request.operation}")
            operation = new() if stream is None else new(stream)
            operation.activate(request.shape(self._library.model))
        except Exception as error:  # noqa: BLE001 (the library raises what it likes; the caller gets it as an answer)
            self._forget(number)
            call.end(None, translated(error, request.what))
            return None

        def on_answer(response: "Future[Any]") -> None:
            self.heard()
            self._forget(number)
            error = response.exception()
            if stream is None:
                self._answered.append((self._now(), operation))
            try:
                call.end(None if error else read(response.result()), error and translated(error, request.what))
            except Exception as unreadable:  # noqa: BLE001 (an answer that is not as documented)
                call.end(None, translated(unreadable, request.what))

        operation.get_response().add_done_callback(on_answer)
        return operation

    def _await(self, call: "_Call") -> int:
        with self._lock:
            self._number += 1
            number = self._number
            self._calls[number] = call
            is_first = len(self._calls) == 1
        if is_first:
            self._wake()
        return number

    def _forget(self, number: int) -> None:
        with self._lock:
            self._calls.pop(number, None)

    def _end_old_streams(self) -> None:
        """Nucleus lite leaves each stream open; the classic one ends it with its answer, just after our callback."""
        while self._answered and self._now() - self._answered[0][0] > _LEFT_OPEN:
            self._answered.popleft()[1].close()

    # -- how it is ---------------------------------------------------------------------------------------

    @property
    def lost(self) -> str:
        """Why it has ended; empty while it lives."""
        return self._lost

    def heard(self) -> None:
        """The nucleus said something."""
        self._heard_at = self._now()

    def until_overdue(self, patience: Seconds) -> Seconds | None:
        """Seconds until the oldest call has waited for `patience`; None while nothing waits."""
        with self._lock:
            oldest = next(iter(self._calls.values()), None)
        return None if oldest is None else Seconds(max(0.0, oldest.since + patience - self._now()))

    def end_overdue(self, patience: Seconds) -> None:
        """End the calls that have waited for too long. When nothing at all was heard since, the nucleus hangs, and the
        session ends."""
        with self._lock:
            late = [(number, call) for number, call in self._calls.items() if self._now() - call.since >= patience]
            for number, _ in late:
                del self._calls[number]
        if late and self._heard_at < late[0][1].since:
            self.end(f"the nucleus has answered nothing for {patience:g} s")
        for _, call in late:
            call.end(None, NoConnection(f"{call.what}: the nucleus did not answer for {patience:g} s"))

    def end(self, reason: str) -> None:
        """Close it; what is open ends with `reason`."""
        self._lost = self._lost or reason
        if self._connection is not None:
            self._connection.close()
        with self._lock:
            left, self._calls = list(self._calls.values()), {}
        for call in left:
            call.end(None, NoConnection(f"{call.what}: {self._lost}"))

    # -- what the library tells (its LifecycleHandler) -----------------------------------------------------

    def on_connect(self) -> None:
        self.heard()

    def on_disconnect(self, reason: Exception | None) -> None:
        self._lost = self._lost or f"the connection to the nucleus was lost{f' ({reason})' if reason else ''}"
        self._wake()

    def on_error(self, _error: Exception) -> bool:
        """Whether the connection must end."""
        return True

    def on_ping(self, _headers: object, _payload: bytes) -> None:
        self.heard()


@dataclass(slots=True)
class _Call:
    """A request that waits for its answer."""

    what: str
    answer: "Future[Any]"
    since: Seconds

    def end(self, value: Any, error: BaseException | None) -> None:
        """Later ends are ignored: an answer after the timeout."""
        with suppress(InvalidStateError):
            if error is None:
                self.answer.set_result(value)
            else:
                self.answer.set_exception(error)


class _Stream:
    """What the library tells about one stream (its StreamResponseHandler)."""

    def __init__(self, request: Request[Any], listener: Callable[[Any], None], heard: Callable[[], None]) -> None:
        self._request = request
        self._listener = listener
        self._heard = heard

    def on_stream_event(self, event: Any) -> None:
        self._heard()
        try:
            self._listener(self._request.read(event))
        except Exception:  # an exception here would be printed by the library and lost
            log.exception("greengrass: %s: a listener failed on an event", self._request.what)

    def on_stream_error(self, error: Exception) -> bool:
        """Whether the stream must end."""
        log.debug("greengrass: %s: an event could not be read: %s", self._request.what, error)
        return False

    def on_stream_closed(self) -> None:
        """With its connection, or by us."""
