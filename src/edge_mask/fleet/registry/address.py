"""The address of this device as others on its network see it."""

import socket
from contextlib import suppress


def towards(host: str, port: int) -> str | None:
    """The local address from which `host` is reached; nothing is sent. None while there is no way to it."""
    with suppress(OSError, UnicodeError):
        for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
            with suppress(OSError), socket.socket(family, kind, protocol) as probe:
                probe.connect(place)
                return str(probe.getsockname()[0])
    return None
