"""A rule's HTTP call as an outbox message, and that message as an HTTP request."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from edge_mask.errors import Refused
from edge_mask.messages import Message, Priority
from edge_mask.redact import redact
from edge_mask.rules.effects import HttpCall

PREFIX: Final = "http:"
"""Prefix of an HTTP destination in the outbox; scheme, host and port follow."""


def waiting_call(call: HttpCall, *, cause: Message, message_id: str) -> Message:
    """The call as an outbox message. One caused by a live message is stored too, as telemetry.

    The cause is stored with it: the rule's error action needs it when the server refuses.
    """
    properties = {
        "headers": [list(header) for header in call.headers],
        "rule": call.rule,
        "topic": cause.topic,
        "payload": cause.payload,
    }
    priority = min(call.priority, Priority.TELEMETRY)
    return Message(topic=call.url, payload=call.body, priority=priority, qos=1, id=message_id, properties=properties)


def destination_of(url: str) -> str:
    """The outbox destination of a URL: one courier for each scheme, host and port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{PREFIX}{parts.scheme.lower()}://{host}{f':{parts.port}' if parts.port else ''}"


_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"})
"""Headers of the connection itself; a rule cannot set them."""
_SECRET = re.compile(r"auth|cookie|token|secret|passw|key|signature", re.IGNORECASE)
_SHORTEST_SECRET = 4
"""Shorter secrets are not redacted: hiding each `1` would only destroy the text."""
_ENCODING = "in user and password, write # as %23, / as %2F, ? as %3F and @ as %40"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a connection."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request; `secrets` are the texts in it that no log may show."""

    origin: Origin
    path: str
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    method: str = "POST"


def request_of(message: Message) -> HttpRequest:
    """The request that `message` (its topic is the address) stands for. Raises Refused with a sentence."""
    try:
        parts = urlsplit(message.topic)
        host, port = parts.hostname, parts.port
        host = (host or "").encode("idna").decode() if ":" not in (host or "") else host
    except ValueError:  # its text would show part of a password that was parsed as the port
        raise Refused(f"{redact(message.topic)}: is not an address; {_ENCODING}") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not host:
        raise Refused(f"{redact(message.topic)}: is not an address; allowed: http://HOST/… or https://HOST/…")
    given = [(str(name), str(text)) for name, text in message.properties.get("headers", ())]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user or password:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        given = _with_default(given, "Authorization", f"Basic {basic}")
    secrets = [password, parts.password or ""]
    secrets += [str(text) for text in message.properties.get("secrets", ())]
    secrets += [part for name, text in given if _SECRET.search(name) for part in (text, *text.split()[-1:])]
    for name, _, text in (pair.partition("=") for pair in parts.query.split("&")):
        secrets += [text, unquote(text)] if _SECRET.search(name) else []
    query = f"?{parts.query}" if parts.query else ""
    host_shown = f"[{host}]" if ":" in host else host
    at_port = "" if port is None or port == PORTS[scheme] else f":{port}"
    return HttpRequest(
        origin=Origin(scheme, host, PORTS[scheme] if port is None else port),
        path=quote((parts.path or "/") + query, safe=_PRINTABLE),
        headers=tuple(_headers(given, message, f"{host_shown}{at_port}")),
        body=message.payload,
        secrets=tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET),
    )


def _with_default(given: list[tuple[str, str]], name: str, text: str) -> list[tuple[str, str]]:
    return given if any(other.lower() == name.lower() for other, _ in given) else [*given, (name, text)]


def _headers(given: Iterable[tuple[str, str]], message: Message, host: str) -> Iterator[tuple[str, bytes]]:
    """The rule's own headers first, then our defaults for the others."""
    named: set[str] = set()
    for name, text in given:
        if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is None or not text.isprintable():
            raise Refused(f"the header {name!r} cannot be sent; allowed: a name without blanks, a text on one line")
        if name.lower() not in _OURS:
            named.add(name.lower())
            yield name, text.strip().encode()
    defaults = {"Idempotency-Key": message.id, "User-Agent": "edge-mask", "Accept-Encoding": "identity"}
    defaults["Content-Type"] = "application/json" if message.payload[:1] in (b"{", b"[") else "application/octet-stream"
    for name, text in defaults.items():
        if name.lower() not in named and text:
            yield name, text.encode()
    if "host" not in named:
        yield "Host", host.encode()
    yield "Content-Length", str(len(message.payload)).encode()
