"""Where the server listens: the socket, and the certificate, each opened or refused with a sentence."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_mask.errors import TryLater

_BACKLOG: Final = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and with which certificate."""

    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None

    @property
    def shown(self) -> str:
        """For logs and people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.cert is None else 'https'}://{host}:{self.port}/"

    def papers(self) -> tuple[object, ...]:
        """What changes with the files of certificate and key."""
        return tuple(_state(path) for path in (self.cert, self.key) if path is not None)


def _state(path: Path) -> object:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def context_of(cert: Path, key: Path) -> ssl.SSLContext:
    """For handshakes. Raises TryLater."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def no_password() -> str:
        raise TryLater(f"web.tls.key: {key.name} is locked with a password; allowed: a key without one")

    try:
        for path in (cert, key):  # the library does not say which of them is missing
            path.open("rb").close()
        context.load_cert_chain(cert, key, no_password)
    except ssl.SSLError as error:
        what = "do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be used"
        raise TryLater(f"web.tls: {cert.name} and {key.name} {what} ({error.reason or error})") from error
    except OSError as error:
        raise TryLater(f"web.tls: {error.filename or cert.name} cannot be read: {error.strerror}") from error
    return context


def listening_at(address: Address) -> socket.socket:
    """A socket that others can connect to. Raises TryLater."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise TryLater(f"web.host: {address.host} is no address here: {error.strerror or error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address.host == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(place)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise TryLater(f"{address.host}:{address.port} cannot be listened on: {error.strerror or error}") from error
    return made
