"""Addresses of http and https, read strictly and in one way: what programs read differently is none.

A user before `@`, `.` and `..`, a backslash, an encoded `/`, letters beyond ASCII and blanks make an address of none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from edge_mask.errors import Refused

LONGEST: Final = 4096
PORTS: Final = {"http": 80, "https": 443}
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_SIGNS = r"A-Za-z0-9._~%!$&'()*+,;=:@"
_ADDRESS = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?(/[{_SIGNS}/-]*)(?:\?([{_SIGNS}/?-]*))?", re.ASCII)
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """An address, taken apart."""

    scheme: str
    host: str
    """Without brackets, lower case."""
    port: int
    path: str
    query: str

    def __str__(self) -> str:
        """Without the query, which may be signed."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def place(self) -> str:
        """Host, and the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def lies_in(self, place: "Address") -> bool:
        """Whether it begins with that one: same scheme, host and port, and a path below."""
        ours, theirs = ((each.scheme, each.host, each.port) for each in (self, place))
        return ours == theirs and self.path.startswith(place.path)


def address_of(text: str) -> Address:
    """Raises Refused with a sentence that holds nothing secret."""
    match = _ADDRESS.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Refused(
            "it is no plain address: http:// or https://, a host, a path, without user, blanks or other letters"
        )
    scheme, host, port, path, query = match.groups()
    if re.search(r"%(?![0-9A-Fa-f]{2})", path) or re.search(r"%(2f|5c|00)", path, re.IGNORECASE):
        raise Refused("its path holds an encoded sign that is not allowed there")
    if any(unquote(part) in (".", "..") for part in path.split("/")):
        raise Refused("its path holds . or ..")
    number = PORTS[scheme] if port is None else int(port)
    if not 0 < number < 65_536:
        raise Refused("its port is none")
    return Address(scheme, host.strip("[]").lower(), number, path, query or "")


def checked(text: str, places: Sequence[Address]) -> Address:
    """The address, if it lies in one of these places. Raises Refused."""
    address = address_of(text)
    if not any(address.lies_in(place) for place in places):
        raise Refused(f"{str(address)[:_SHOWN]} is in none of the places where this may go")
    return address
