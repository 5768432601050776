"""Requests to a registry or a folder over HTTP, with limits on time and size.

A redirection is followed to where it leads, as registries send us to their stores; who we are stays with the host that
we told it to.
"""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import IO, Final
from urllib.parse import quote, urljoin, urlsplit

from edge_mask.deliver.tls import TlsFiles, context
from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote.source import CHUNK, Access, Effort
from edge_mask.packages.remote.wire import Wire, connected
from edge_mask.redact import redact

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PORTS: Final = {"http": 80, "https": 443}
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def target_of(url: str) -> Target:
    """Raises Refused for what is no address of http or https."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(f"{redact(url[:200])}: is no address") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _PORTS or not host:
        raise Refused(f"{redact(url[:200])}: is no address of http or https")
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PRINTABLE)
    return Target(scheme, host, port or _PORTS[scheme], path)


def joined(base: str, place: str) -> str:
    """Where a `Location` leads. Raises Refused."""
    try:
        return urljoin(base, place)
    except ValueError:
        raise Refused(f"the server leads to {place[:80]!a}, which is no address") from None


class Response:
    """An answer whose body is read as it comes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Message = response.headers

    def chunks(self) -> Iterator[bytes]:
        """Raises TryLater when the server hangs up before the end."""
        with _told():
            while chunk := self._response.read(CHUNK):
                yield chunk
        if self._response.length:
            raise TryLater("the server hung up in the middle")

    def whole(self, most: int) -> bytes:
        """Raises Refused when it is more than that."""
        body = b""
        for chunk in self.chunks():
            body += chunk
            if len(body) > most:
                raise Refused(f"the server answers more than {most} bytes")
        return body


class Http:
    """Asks servers for one source; every request has a connection of its own."""

    def __init__(self, access: Access, effort: Effort) -> None:
        """Raises Refused when `access.ca` cannot be used."""
        self._effort = effort
        self._ca = access.ca
        self._tls: ssl.SSLContext | None = None

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | IO[bytes] | None = None,
        *,
        follows: bool = True,
    ) -> Iterator[Response]:
        """One request, and the answer wherever it is redirected to. Raises Refused or TryLater."""
        target, headers = target_of(url), dict(headers)
        first = target
        for _ in range(_MOST_REDIRECTS + 1):
            if target.origin != first.origin:
                headers.pop(AUTHORIZATION, None)
            with self._asked(method, target, headers, body) as response:
                place = response.headers.get("Location", "")
                if not follows or response.status not in _REDIRECTS or not place:
                    yield response
                    return
            url = joined(url, place)
            target = target_of(url)
            if target.scheme != "https" and first.scheme == "https":
                raise Refused("the server leads to an address without https")
        raise Refused("the server leads from one address to the next without an end")

    @contextmanager
    def _asked(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | IO[bytes] | None
    ) -> Iterator[Response]:
        with _told():
            wire = connected(target.host, target.port, self._context(target.scheme), self._effort)
        with _ended(wire):
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = wire
            usual = {"User-Agent": "edge-mask", "Accept-Encoding": "identity", "Connection": "close"}
            with _told():
                connection.request(method, target.path, body, {**usual, **headers})
                response = connection.getresponse()
            with closing(response):
                yield Response(response)

    def _context(self, scheme: str) -> ssl.SSLContext | None:
        if scheme == "http":
            return None
        if self._tls is None:
            self._tls = context(TlsFiles(ca=self._ca))
        return self._tls


@contextmanager
def _ended(wire: Wire) -> Iterator[None]:
    try:
        yield
    finally:
        wire.end()


@contextmanager
def _told() -> Iterator[None]:
    """Troubles of the network as sentences."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refused(f"its certificate is not trusted ({error.verify_message})") from None
    except ssl.SSLError as error:
        raise TryLater(f"no TLS with it ({error.reason or 'SSL'})") from None
    except TimeoutError:
        raise TryLater("it does not answer") from None
    except OSError as error:
        raise TryLater(f"it cannot be reached ({error.strerror or error})") from None
    except http.client.HTTPException as error:
        raise TryLater(f"the server hung up or speaks no HTTP ({type(error).__name__})") from None
