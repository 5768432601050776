"""One PUT of a file to an address that somebody else has signed. Redirections are not followed.

The store checks the bytes by their digest, and replaces nothing: what is put twice is there once.
"""

import base64
import hashlib
import re
import ssl
from collections.abc import Mapping
from contextlib import closing
from typing import Final

import httpcore

from edge_mask.deliver.http import TIMEOUT, trouble
from edge_mask.deliver.http_connection import HttpConnection, HttpResponse
from edge_mask.deliver.http_request import HttpRequest, Origin
from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.settings.address import Address

_THERE: Final = 412


def put(address: Address, data: bytes, headers: Mapping[str, str], tls: ssl.SSLContext | None, clock: Clock) -> bool:
    """Put it there, once; False when it was there already. Raises Refused, TryLater with a sentence."""
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    sent = {
        "Host": address.place, "User-Agent": "edge-mask", "If-None-Match": "*", "Content-MD5": digest, **headers,
        "Content-Length": str(len(data)),
    }  # fmt: skip
    request = HttpRequest(
        method="PUT",
        origin=Origin(address.scheme, address.host, address.port),
        path=f"{address.path}?{address.query}" if address.query else address.path,
        headers=tuple((name, text.encode()) for name, text in sent.items()),
        body=data,
        secrets=(),
    )
    with closing(HttpConnection(request.origin, tls, TIMEOUT, clock)) as connection:
        try:
            return _judged(address, connection.post(request))
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise TryLater(f"{address}: {trouble(error, request.origin, TIMEOUT).reason}") from error


def _judged(address: Address, answer: HttpResponse) -> bool:
    if 200 <= answer.status < 300:
        return True
    if answer.status == _THERE:
        return False
    said = re.search(rb"<Code>([A-Za-z]{1,60})</Code>", answer.body)  # the rest of an answer may hold what is signed
    reason = f"{address}: answered {answer.status} {said[1].decode() if said else answer.phrase[:60]}".rstrip()
    if 300 <= answer.status < 400:
        raise Refused(f"{reason} (redirections are not followed)")
    raise TryLater(reason)
