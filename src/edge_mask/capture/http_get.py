"""GET requests to one camera through the standard library: a kept connection, a password, limits on everything.

get() ──▶ connection (kept while it can be) ──▶ 2xx: the response, to be read piece by piece
              ▲   401: once more with Basic or Digest · 3xx: there, at most five times · else: a sentence (TryLater)
"""

import http.client
import ssl
from contextlib import suppress
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from edge_mask.capture.http_login import Challenge, best_challenge
from edge_mask.errors import TryLater
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.limited_socket import LimitedSocket
from edge_mask.units import Seconds

_MOST_REDIRECTS = 5
_REFUSAL_READ = 65_536
"""Bytes of an answer without pictures that are read, so that the connection can be used again."""
RESERVED = "# as %23, / as %2F, ? as %3F, @ as %40 and % as %25"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_TROUBLE = (OSError, http.client.HTTPException, ValueError)
"""What the library raises for a server that is away, or that speaks no HTTP."""


class HttpClient:
    """Asks one address; everything between `get` and the last byte of a picture must be done within `within`."""

    def __init__(self, address: str, clock: Clock, within: Seconds) -> None:
        self._address = address
        self._clock = clock
        self._within = within
        self._until = 0.0
        self._connection: http.client.HTTPConnection | None = None
        self._place = ("", "")
        self._challenge: Challenge | None = None

    def get(self) -> http.client.HTTPResponse:
        """The answer to a request, not read yet. Raises TryLater with a sentence, the address in it redacted."""
        self.allow_time()
        try:
            home = urlsplit(self._address)
            _ = home.port  # is parsed only now
        except ValueError:
            raise TryLater(f"{self}: is no address; in user and password, write {RESERVED}") from None
        try:
            return self._follow(home)
        except _TROUBLE as error:
            self.close()
            raise TryLater(f"{self}: {trouble(error, self._within)}") from error

    def allow_time(self) -> None:
        """What comes now has all of the time limit."""
        self._until = self._clock.now().mono + self._within

    def close(self) -> None:
        """Drop the connection; safe to call twice."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
        self._connection = None

    def __str__(self) -> str:
        return redact(self._address)

    def _follow(self, home: SplitResult) -> http.client.HTTPResponse:
        address = self._address
        for _ in range(_MOST_REDIRECTS + 1):
            parts = urlsplit(address)
            if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
                raise TryLater(f"{self}: leads to {redact(address)[:200]}, which is no http or https address")
            response = self._ask(parts, _login(home) if _is_at_home(parts, home) else None)
            where = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or where is None:
                return self._checked(response)
            self._discard(response)
            address = urljoin(address, where)
        raise TryLater(f"{self}: leads from one address to the next, more than {_MOST_REDIRECTS} times")

    def _ask(self, parts: SplitResult, login: "tuple[str, str] | None") -> http.client.HTTPResponse:
        """One request, and a second one with the password when it is asked for."""
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PRINTABLE)
        response = self._send(parts, path, login)
        if response.status != 401 or login is None:
            return response
        known, self._challenge = self._challenge, best_challenge(response.headers.get_all("WWW-Authenticate", []))
        if self._challenge is None or self._challenge.is_same(known):
            return response  # it has seen the password and does not like it
        self._discard(response)
        return self._send(parts, path, login)

    def _send(self, parts: SplitResult, path: str, login: "tuple[str, str] | None") -> http.client.HTTPResponse:
        is_kept = self._connect(parts)
        try:
            return self._exchange(path, login)
        except (ConnectionError, http.client.BadStatusLine):
            if not is_kept:
                raise
        self.close()  # a server may close a kept connection at any time: that says nothing about it
        self._connect(parts)
        return self._exchange(path, login)

    def _exchange(self, path: str, login: "tuple[str, str] | None") -> http.client.HTTPResponse:
        assert self._connection is not None
        headers = {"User-Agent": "edge-mask", "Accept": "*/*", "Cache-Control": "no-cache"}
        if login is not None and self._challenge is not None:
            headers["Authorization"] = self._challenge.answer(*login, path)
        self._connection.request("GET", path, headers=headers)
        return self._connection.getresponse()

    def _connect(self, parts: SplitResult) -> bool:
        """A connection to there; True when it is one that was kept."""
        place = (parts.scheme.lower(), parts.netloc.rpartition("@")[2])
        if self._connection is not None and self._connection.sock is not None and place == self._place:
            return True
        self.close()
        self._place = place
        host, left = parts.hostname or "", self._left()
        if place[0] == "https":
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=left, context=_any_certificate()
            )
        else:
            made = http.client.HTTPConnection(host, parts.port, timeout=left)
        self._connection = made
        made.connect()
        made.sock = LimitedSocket(made.sock, self._left)
        return False

    def _left(self) -> float:
        left = self._until - self._clock.now().mono
        if left <= 0.0:
            raise TimeoutError
        return left

    def _checked(self, response: http.client.HTTPResponse) -> http.client.HTTPResponse:
        if 200 <= response.status < 300:
            return response
        self.close()
        hint = "check the address"
        if response.status in (401, 403):
            has_login = _login(urlsplit(self._address)) is not None
            hint = f"check user and password ({RESERVED})" if has_login else "put user and password into the address"
        reason = "".join(sign for sign in response.reason if sign.isprintable())[:60]
        raise TryLater(f"{self}: answers {response.status} {reason}".rstrip() + f"; {hint}")

    def _discard(self, response: http.client.HTTPResponse) -> None:
        response.read(_REFUSAL_READ)
        if not response.isclosed():
            self.close()


def trouble(error: Exception, within: Seconds) -> str:
    """What the library's error says of the camera."""
    if isinstance(error, TimeoutError):
        return f"no answer within {within:g} s; check the address and the network"
    if isinstance(error, http.client.RemoteDisconnected):
        return "hangs up without an answer"
    if isinstance(error, OSError):
        return f"cannot be reached ({error.strerror or error}); check the address and the network"
    return f"answers something that is not HTTP ({type(error).__name__})"


def _is_at_home(parts: SplitResult, home: SplitResult) -> bool:
    """Whether the password may be sent there: to the same server, or to the same host by a safer way."""
    same_host = parts.hostname == home.hostname
    return same_host and (parts.scheme == "https" or (parts.scheme, parts.port) == (home.scheme, home.port))


def _login(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _any_certificate() -> ssl.SSLContext:
    """Cameras sign their certificates themselves: what is sent is encrypted, who reads it is not known."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
