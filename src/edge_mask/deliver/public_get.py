"""One GET of a document from the public internet, with limits on everything: where it leads, how long, how much, what.

name ──▶ its addresses ──all public?──▶ connect to the first that answers ──▶ TLS, request ──▶ at most so much, by then
                └── no: never connected

The addresses are checked and then connected to without asking for the name again: a name that means something else a
moment later leads nowhere. Redirects are not followed.
"""

import http.client
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from edge_mask.deliver.public_address import is_public
from edge_mask.errors import TryLater
from edge_mask.redact import redact
from edge_mask.runtime.limited_socket import LimitedSocket
from edge_mask.units import Bytes, Seconds

TYPES: Final = (
    "application/json",
    "text/json",
    "text/csv",
    "application/csv",
    "text/plain",
    "application/octet-stream",
)
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Got:
    """What came."""

    kind: str
    """Its media type, lower case; empty when the server does not say."""
    body: bytes


def get(url: str, *, within: Seconds, most: Bytes, now: Callable[[], float], is_private_allowed: bool = False) -> Got:
    """Waits for at most `within`, but for the resolver, which takes what it takes. Raises TryLater with a sentence that
    holds no secret."""
    until = now() + within

    def left() -> float:
        if (rest := until - now()) <= 0.0:
            raise TimeoutError
        return rest

    try:
        return _got(url, left, most, is_private_allowed)
    except TimeoutError:
        raise TryLater(f"{redact(url)}: no whole answer within {within:g} s") from None
    except ssl.SSLError as error:
        raise TryLater(f"{redact(url)}: no TLS with it ({error.reason or 'SSL'})") from None
    except OSError as error:
        raise TryLater(f"{redact(url)}: cannot be reached ({error.strerror or error})") from None
    except (http.client.HTTPException, ValueError) as error:
        raise TryLater(f"{redact(url)}: answers something that is not HTTP ({type(error).__name__})") from None


def _got(url: str, left: Callable[[], float], most: Bytes, is_private_allowed: bool) -> Got:
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    if scheme not in _PORTS or not host:
        raise TryLater(f"{redact(url)}: is no address of http or https")
    port = parts.port or _PORTS[scheme]
    plain = _connected(url, host, port, left, is_private_allowed)
    with closing(plain):
        plain.settimeout(left())
        wire = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if scheme == "https" else plain
        with closing(wire):
            connection = http.client.HTTPConnection(host, port)
            connection.sock = LimitedSocket(wire, left)
            headers = {"User-Agent": "edge-mask", "Accept": "application/json, text/csv", "Accept-Encoding": "identity"}
            path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PRINTABLE)
            connection.request("GET", path, headers=headers)
            return _checked(url, connection.getresponse(), most)


def _connected(url: str, host: str, port: int, left: Callable[[], float], is_private_allowed: bool) -> socket.socket:
    found = list(
        dict.fromkeys((str(info[4][0]), port) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )
    if not is_private_allowed and not all(is_public(address) for address, _ in found):
        raise TryLater(
            f"{redact(url)}: leads into a private network; where that is meant, set `private: true` of the panel"
        )
    trouble: OSError = OSError("it has no address")
    for place in found:
        try:
            return socket.create_connection(place, left())
        except OSError as error:
            trouble = error
    raise trouble


def _checked(url: str, response: http.client.HTTPResponse, most: Bytes) -> Got:
    if 300 <= response.status < 400:
        raise TryLater(f"{redact(url)}: leads elsewhere (status {response.status}); write the address that it leads to")
    if response.status != 200:
        raise TryLater(f"{redact(url)}: answers with status {response.status}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and kind not in TYPES and not kind.endswith("+json"):
        raise TryLater(f"{redact(url)}: answers {kind[:60]!a}, which is neither JSON nor CSV")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise TryLater(f"{redact(url)}: answers packed, unasked")
    if (response.length or 0) > most:
        raise TryLater(f"{redact(url)}: answers more than {most // 1000} kB")
    body = response.read(most + 1)
    if len(body) > most:
        raise TryLater(f"{redact(url)}: answers more than {most // 1000} kB")
    if response.length:
        raise TryLater(f"{redact(url)}: hangs up in the middle of its answer")
    return Got(kind, body)
