"""Which IP addresses belong to the public internet: what somebody else names must not lead into our own network."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = found
    if isinstance(found, IPv6Address):  # an address of the old protocol may stand inside
        inner = found.ipv4_mapped or found.sixtofour or (IPv4Address(found.packed[-4:]) if found in _NAT64 else found)
    return inner.is_global and not inner.is_multicast and found.is_global
