"""One connection to an HTTP server, through httpcore: strict about the protocol, with limits on time and size.

A server may drip its response byte by byte, never end its headers, or send nothing but `100 Continue`. So each read
gets only the time left for the whole response, and the size of a response is bounded.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpcore

from edge_mask.deliver.http_request import HttpRequest, Origin
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_BODY_READ = 65_536
"""Most bytes of a body that are read to keep the connection; it is closed on a longer one."""
_BEGINNING = b"HTTP/"
_ANSWER_MOST = 4 * _BODY_READ
"""Most bytes on the wire of one response, headers included."""


MayConnect = Callable[[str, str], bool]
"""Whether this host may be connected to at this IP address."""
_LONGEST_PAUSE = 3600.0
"""Seconds: a server that wants to be left alone for longer is asked once an hour."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with the beginning of its body."""

    status: int
    phrase: str
    body: bytes
    retry_after: float = 0.0
    """Seconds, as the server asks in `Retry-After`; 0 when it does not."""


class HttpConnection:
    """One request after the other. `give_up` may be called from any thread, the rest by the owner only."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None,
        timeout: Seconds,
        clock: Clock,
        may_connect: MayConnect | None = None,
    ) -> None:
        """`timeout` bounds each step: connect, send, and the whole response. With `may_connect` only addresses that it
        allows are connected to, whatever the name means at that moment."""
        self.origin = origin
        self.is_used = False
        """Whether it has carried a response before: then the server may have closed it meanwhile."""
        self.used_at = clock.now().mono
        self._clock = clock
        self._timeouts = dict.fromkeys(("connect", "write", "read"), float(timeout))
        self._wire = _Wire(timeout, clock, may_connect)
        self._http = httpcore.HTTPConnection(
            httpcore.Origin(origin.scheme.encode(), origin.host.encode(), origin.port),
            ssl_context=tls,
            network_backend=self._wire,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the request and read the response. After an exception (httpcore's) the connection is unusable."""
        self._wire.begin()
        made = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=request.origin.scheme.encode(),
                host=request.origin.host.encode(),
                port=request.origin.port,
                target=request.path.encode(),
            ),
            headers=[(name.encode(), value) for name, value in request.headers],
            content=request.body,
            extensions={"timeout": self._timeouts},
        )
        response = self._http.handle_request(made)
        body = self._beginning_of(response)
        self.is_used, self.used_at = True, self._clock.now().mono
        phrase = response.extensions["reason_phrase"].decode("ascii", "replace")
        return HttpResponse(response.status, phrase, body, _retry_after(response))

    def _beginning_of(self, response: httpcore.Response) -> bytes:
        """Read the body. The status decides, so a truncated body does not matter. After a protocol error
        the status is not reliable either."""
        body = b""
        try:
            with suppress(httpcore.TimeoutException, httpcore.NetworkError):
                for part in response.iter_stream():
                    body += part
                    if len(body) > _BODY_READ:
                        break
        except httpcore.RemoteProtocolError:
            if not self._wire.has_ended:
                raise
        finally:
            response.close()
        return body[:_BODY_READ]

    @property
    def is_reusable(self) -> bool:
        """Whether another request can go through it."""
        return self._http.is_available() and not self._http.has_expired()

    def give_up(self) -> None:
        """End a blocked read or write at once."""
        self._wire.cut()

    def close(self) -> None:
        with suppress(OSError):
            self._http.close()


def _retry_after(response: httpcore.Response) -> float:
    """RFC 9110, 10.2.3: seconds, or a date."""
    text = next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"retry-after"), "")
    if text.strip().isdecimal():
        return min(float(text), _LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    return min(max(0.0, until.timestamp() - time.time()), _LONGEST_PAUSE)


class _Wire(httpcore.NetworkBackend, httpcore.NetworkStream):
    """Backend and stream in one: both count time and bytes of the current response."""

    def __init__(self, timeout: Seconds, clock: Clock, may_connect: MayConnect | None) -> None:
        self._timeout = timeout
        self._may_connect = may_connect
        self._clock = clock
        self._stream: httpcore.NetworkStream | None = None
        self._is_cut = False
        self._unsent = b""
        self._answer_by: float | None = None
        self._read = 0
        self.has_ended = False
        """The server has closed its side."""

    def begin(self) -> None:
        """Reset the counters for a new request."""
        self._unsent, self._answer_by, self._read = b"", None, 0

    def cut(self) -> None:
        self._is_cut = True
        if self._stream is not None:
            with suppress(OSError):
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        # httpcore sets TCP_NODELAY itself.
        place = host if self._may_connect is None else _allowed_address(host, port, self._may_connect)
        self._stream = httpcore.SyncBackend().connect_tcp(place, port, timeout, local_address, socket_options)
        self._require_uncut()
        return self

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._stream = self._open_stream().start_tls(ssl_context, server_hostname, timeout)
        self._require_uncut()
        return self

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Buffer head and body until the response is read: they then fit into one packet if small."""
        del timeout
        self._unsent += buffer

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            with suppress(httpcore.WriteError):  # a server may respond before it has read everything
                self._open_stream().write(unsent, self._timeout)
        now = self._clock.now().mono
        if self._answer_by is None:
            self._answer_by = now + self._timeout
        if now >= self._answer_by:
            raise httpcore.ReadTimeout("the answer takes too long")
        data = self._open_stream().read(max_bytes, self._answer_by - now)
        if not self._read and not _BEGINNING.startswith(data[: len(_BEGINNING)]):
            raise httpcore.RemoteProtocolError(f"it begins with {data[:20]!r}")
        self._read += len(data)
        if self._read > _ANSWER_MOST:
            raise httpcore.RemoteProtocolError(f"an answer of more than {_ANSWER_MOST} bytes")
        self.has_ended = not data
        return data

    def get_extra_info(self, info: str) -> object:
        return self._open_stream().get_extra_info(info)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _open_stream(self) -> httpcore.NetworkStream:
        assert self._stream is not None, "httpcore connects first"
        return self._stream

    def _require_uncut(self) -> None:
        if self._is_cut:
            self.close()
            raise httpcore.ConnectError("closed")


def _allowed_address(host: str, port: int, may_connect: MayConnect) -> str:
    """The first address of a name, if all of them are allowed: it is what will be connected to. Raises ConnectError."""
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    if not found or not all(may_connect(host, address) for address in found):
        raise httpcore.ConnectError("its address is not in the public internet")
    return found[0]
