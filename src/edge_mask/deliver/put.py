"""One PUT of a file to an address that somebody else gave, if it lies where that is allowed. Redirections are not followed.

An address is read strictly, in one way: what programs read differently (a user before `@`, `..`, a backslash, letters
beyond ASCII, an encoded `/`) is none.
"""

import base64
import hashlib
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import httpcore

from edge_mask.deliver.http import TIMEOUT, trouble
from edge_mask.deliver.http_connection import HttpConnection, HttpResponse
from edge_mask.deliver.http_request import PORTS, HttpRequest, Origin
from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import Clock

LONGEST: Final = 4096
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_SIGNS = r"A-Za-z0-9._~%!$&'()*+,;=:@"
_ADDRESS = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?(/[{_SIGNS}/-]*)(?:\?([{_SIGNS}/?-]*))?", re.ASCII)
_THERE: Final = 412
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """An address of http or https, taken apart."""

    origin: Origin
    path: str
    query: str

    @property
    def shown(self) -> str:
        """Without what is secret in it."""
        return f"{self.origin.scheme}://{self._host}{self.path}"

    @property
    def host(self) -> str:
        """For the header: with the port where it is not the usual one."""
        return self._host

    @property
    def _host(self) -> str:
        host = f"[{self.origin.host}]" if ":" in self.origin.host else self.origin.host
        return host if self.origin.port == PORTS[self.origin.scheme] else f"{host}:{self.origin.port}"

    def lies_in(self, place: "Address") -> bool:
        """Whether it begins with that one: same scheme, host and port, and a path below."""
        return self.origin == place.origin and self.path.startswith(place.path)


def address_of(text: str) -> Address:
    """Raises Refused with a sentence that holds nothing secret."""
    match = _ADDRESS.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Refused("it is no plain address of http or https: scheme, host, path, without user, blanks or other letters")
    scheme, host, port, path, query = match.groups()
    parts = path.split("/")[1:]
    if re.search(r"%(?![0-9A-Fa-f]{2})", path) or re.search(r"%(2f|5c|00)", path, re.IGNORECASE):
        raise Refused("its path holds an encoded sign that is not allowed there")
    if any(unquote(part) in (".", "..") for part in parts):
        raise Refused("its path holds . or ..")
    number = PORTS[scheme] if port is None else int(port)
    if not 0 < number < 65_536:
        raise Refused("its port is none")
    return Address(Origin(scheme, host.strip("[]").lower(), number), path, query or "")


def checked(text: str, places: Sequence[Address]) -> Address:
    """The address, if it lies in one of these places. Raises Refused."""
    address = address_of(text)
    if not any(address.lies_in(place) for place in places):
        raise Refused(f"{address.shown[:_SHOWN]} is in none of the places where this may go")
    return address


def put(
    address: Address, data: bytes, headers: Mapping[str, str], tls: ssl.SSLContext | None, clock: Clock
) -> bool:
    """Put it there, once; False when it was there already. Raises Refused, TryLater with a sentence."""
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    sent = {
        "Host": address.host,
        "User-Agent": "edge-mask",
        "If-None-Match": "*",
        "Content-MD5": digest,
        **headers,
        "Content-Length": str(len(data)),
    }
    request = HttpRequest(
        method="PUT",
        origin=address.origin,
        path=f"{address.path}?{address.query}" if address.query else address.path,
        headers=tuple((name, text.encode()) for name, text in sent.items()),
        body=data,
        secrets=(),
    )
    with closing(HttpConnection(address.origin, tls, TIMEOUT, clock)) as connection:
        try:
            answer = connection.post(request)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            receipt = trouble(error, address.origin, TIMEOUT)
            raise TryLater(f"{address.shown}: {receipt.reason}") from error
    return _judged(address, answer)


def _judged(address: Address, answer: HttpResponse) -> bool:
    if 200 <= answer.status < 300:
        return True
    if answer.status == _THERE:
        return False
    said = re.search(rb"<Code>([A-Za-z]{1,60})</Code>", answer.body)  # the rest of an answer may hold what is signed
    reason = f"{address.shown}: answered {answer.status} {said[1].decode() if said else answer.phrase[:60]}".rstrip()
    if 300 <= answer.status < 400:
        raise Refused(f"{reason} (redirections are not followed)")
    raise TryLater(reason)
