"""The page: whether its port is free, its certificate fits, and it is safe to show it where it is shown."""

import json
import ssl
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING

from edge_mask.deliver.certificate import date_of, validity_of
from edge_mask.doctor.finding import Finding
from edge_mask.errors import TryLater
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.model import Settings

if TYPE_CHECKING:
    from edge_mask.web.address import Address

_PART = "page"
_SOON = 3.0


def page(settings: Settings) -> Sequence[Finding]:
    """One line, and one more for what would be better."""
    from edge_mask.web.address import Address  # nothing of the web while it is off

    web, tls = settings.web, settings.web.tls
    address = Address(web.host, web.port, None if tls is None else tls.cert, None if tls is None else tls.key)
    better = [Finding(_PART, "warning", web.exposure)] if web.exposure else []
    return [_served(settings, address), *better]


def _served(settings: Settings, address: "Address") -> Finding:
    from edge_mask.web.accounts.accounts import register_beside
    from edge_mask.web.address import listening_at

    if not settings.web.is_loopback and not register_beside(settings.outbox.path).read().users:
        return Finding(_PART, "failed", f"{address.shown} is not served while nobody can log in")
    try:
        until = _certificate(address)
        with closing(listening_at(address)):
            return Finding(_PART, "ok", f"{address.shown} can be served{until}")
    except TryLater as error:
        if _answers(address):
            return Finding(_PART, "ok", f"{address.shown} is served by a daemon that runs now")
        return Finding(_PART, "failed", str(error))


def _certificate(address: "Address") -> str:
    """How long it holds. Raises TryLater."""
    if address.cert is None or address.key is None:
        return ""
    from edge_mask.web.address import context_of

    context_of(address.cert, address.key)
    try:
        validity = validity_of(address.cert)
    except ValueError as error:
        raise TryLater(f"web.tls.cert: {error}") from error
    if why := validity.problem(SystemClock().now().wall):
        raise TryLater(f"web.tls.cert: {address.cert} {why}")
    return f"; its certificate holds until {date_of(validity.ends)}"


def _answers(address: "Address") -> bool:
    """Whether a daemon of ours has the port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 (nothing is bound)
    strangers = ssl.create_default_context()
    strangers.check_hostname, strangers.verify_mode = False, ssl.CERT_NONE  # nothing is told to whoever answers
    made = (
        HTTPConnection(host, address.port, timeout=_SOON)
        if address.cert is None
        else HTTPSConnection(host, address.port, timeout=_SOON, context=strangers)
    )
    try:
        with closing(made) as connection:
            connection.request("GET", "/healthz")
            found = json.loads(connection.getresponse().read(1000))
    except (OSError, HTTPException, ValueError):
        return False
    return bool(found == {"status": "alive"})
