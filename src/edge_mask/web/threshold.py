"""What every request passes first, and what every answer gets on its way out.

peer ─▶ trusted proxy? ─▶ Host ours? ─▶ base path off ─▶ Origin ours? ─▶ routes
 421 for a name that is not ours (DNS rebinding) ┘            └ 403 for a form of another site
"""

import logging
import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_mask.redact import redact
from edge_mask.settings.web import Web
from edge_mask.web.access import ROUTE, bearer_of
from edge_mask.web.limits import MOST_HEADERS
from edge_mask.web.problems import answer

log = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
Count = Callable[[str | None, str, int, float], None]
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
ALWAYS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not no-referrer: with that, browsers send `Origin: null` with forms (Fetch Standard, "append a request `Origin`").
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""On every answer that does not say otherwise."""
_OF_THIS_LINK: Final = re.compile(r"[a-z0-9._-]+\.(local|localhost)")
"""Names that no resolver of the Internet answers for (RFC 6762, RFC 6761)."""
_PORTS: Final = {"http": "80", "https": "443"}


class Threshold:
    """Around the application."""

    def __init__(self, app: ASGIApp, web: Web, thing: str, count: Count) -> None:
        self._app = app
        self._count = count
        self._base = web.base_path
        self._names = frozenset({"localhost", thing.lower(), *web.names})
        self._trusted = [ip_network(each) for each in web.trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the server speaks nothing else"
        self._look_behind_proxies(scope)
        began, status, took = monotonic(), 0, 0.0

        async def dressed(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], monotonic() - began
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        try:
            refusal = self._refusal(request, scope)
            await (refusal or self._app)(scope, receive, dressed)
        except Exception:  # the answer was 500, and the others are served on
            log.exception("%s %s failed", scope["method"], scope["path"])
        self._count(scope.get(ROUTE), scope["method"], status, took)
        _note(scope, status, monotonic() - began)

    def _refusal(self, request: Request, scope: Scope) -> Response | None:
        host = request.headers.get("host", "")
        if _size(scope) > MOST_HEADERS:
            text = f"the address and the headers have more than {MOST_HEADERS} bytes"
            return answer(request, 431, text, headers={"Connection": "close"})
        if "content-length" in request.headers and "transfer-encoding" in request.headers:  # RFC 9112, section 6.3
            text = "two lengths: Content-Length and Transfer-Encoding; allowed: one of them"
            return answer(request, 400, text, headers={"Connection": "close"})
        if not self._is_ours(host):
            return answer(request, 421, f"{redact(host)[:100]!a} is no name of this device; allowed: web.names")
        if self._base and scope["path"] == self._base:
            return RedirectResponse(f"{self._base.rpartition('/')[2]}/", status_code=307)
        if self._base and scope["path"].startswith(f"{self._base}/"):
            scope["path"] = scope["path"].removeprefix(self._base)
            scope["raw_path"] = scope["raw_path"].removeprefix(self._base.encode())
        if request.method not in SAFE_METHODS and (why := _foreign(scope, request.headers, host)):
            return answer(request, 403, why)
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a browser that followed a name of somebody else would not send this."""
        name = _without_port(host).lower().rstrip(".")
        if name in self._names or _OF_THIS_LINK.fullmatch(name):
            return True
        return _address(name.removeprefix("[").removesuffix("]")) is not None

    def _look_behind_proxies(self, scope: Scope) -> None:
        """Only a proxy that is trusted may say for whom it asks; the last one that is not trusted asks."""
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._is_trusted(peer):
            return
        asks = _who_asks(headers.getlist("x-forwarded-for"), self._is_trusted)
        scope["client"] = (asks or peer, 0)
        scheme = headers.get("x-forwarded-proto", "").strip().lower()
        if scheme in _PORTS:
            scope["scheme"] = scheme

    def _is_trusted(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


def _who_asks(fields: Iterable[str], is_trusted: Callable[[str], bool]) -> str:
    """The last address that no trusted proxy has; what stands before it may be invented."""
    for text in reversed([part.strip() for field in fields for part in field.split(",")]):
        if _address(text) is None:
            return ""
        if not is_trusted(text):
            return text
    return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and (name.endswith("]") or ":" not in name) else host


def _size(scope: Scope) -> int:
    """Bytes of the head of a request; the parser bounds only one that is not complete."""
    return len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(a) + len(b) + 4 for a, b in scope["headers"])


def _foreign(scope: Scope, headers: Headers, host: str) -> str:
    """Why this did not come from a page of ours, nor from a program with a token; nothing when it did."""
    origin = headers.get("origin")
    if origin is None:
        if bearer_of(headers) is not None:
            return ""
        return "a form without Origin; send it from the page itself, or a token (Authorization: Bearer)"
    if _with_port(origin) == _with_port(f"{scope['scheme']}://{host}"):
        return ""
    return (
        f"sent from {redact(origin)[:100]!a}, and this is {scope['scheme']}://{host[:100]}; a proxy has to pass on"
        " Host, and X-Forwarded-Proto as one of web.trusted_proxies"
    )


def _with_port(origin: str) -> str:
    scheme, _, place = origin.lower().partition("://")
    has_port = _without_port(place) != place
    return origin.lower() if has_port or scheme not in _PORTS else f"{scheme}://{place}:{_PORTS[scheme]}"


def _note(scope: Scope, status: int, took: float) -> None:
    """Who asked for what, without query and cookies, which may hold secrets: what changes something at info."""
    level = logging.DEBUG if scope["method"] in SAFE_METHODS or not 200 <= status < 400 else logging.INFO
    if log.isEnabledFor(level):
        client = scope["client"][0] if scope.get("client") else "?"
        log.log(level, "%s %s %s: %d, %.0f ms", client, scope["method"], scope["path"], status, took * 1000)
