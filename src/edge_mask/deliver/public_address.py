"""Which IP addresses belong to the public internet: what somebody else names must not lead into our own network.

Of IPv6 only the global unicast addresses do (2000::/3, RFC 4291), and two forms that stand for an address of IPv4.
Other forms of those (IPv4-compatible, SIIT, Teredo, a translator's own prefix) are refused whatever is inside: no
service of the internet is named by one, and who translates them decides where they lead.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""What DNS64 makes of a name that has only an address of IPv4 (RFC 6052)."""
_ISATAP: Final = (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")
"""Before an address of IPv4 that the packet is sent to (RFC 5214)."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast
    if found.ipv4_mapped is not None or found in _NAT64:
        return is_public(str(IPv4Address(found.packed[-4:])))
    inner = _tunnelled_to(found)
    return found in _UNICAST and found.is_global and (inner is None or is_public(str(inner)))


def _tunnelled_to(found: IPv6Address) -> IPv4Address | None:
    """Where the packet goes that carries the packet."""
    if found.sixtofour is not None:
        return found.sixtofour
    return IPv4Address(found.packed[-4:]) if found.packed[8:12] in _ISATAP else None
