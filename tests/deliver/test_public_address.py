"""Which addresses lead out, in every form in which an address of IPv4 may hide in one of IPv6."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from edge_mask.deliver.public_address import is_public

INSIDE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "93.184.216.34")


def hidden(form: str, inner: str) -> str:
    """The IPv6 address of this form that leads to `inner`."""
    v4 = IPv4Address(inner).packed
    packed = {
        "mapped": bytes(10) + b"\xff\xff" + v4,
        "compatible": bytes(12) + v4,
        "SIIT": bytes(8) + b"\xff\xff\0\0" + v4,
        "NAT64": bytes.fromhex("0064ff9b") + bytes(8) + v4,
        "local NAT64": bytes.fromhex("0064ff9b0001") + bytes(6) + v4,
        "local NAT64 /48": bytes.fromhex("0064ff9b0001") + v4[:2] + b"\0" + v4[2:] + bytes(5),
        "6to4": b"\x20\x02" + v4 + bytes(10),
        "Teredo": bytes.fromhex("20010000") + bytes(8) + bytes(each ^ 0xFF for each in v4),
        "Teredo server": bytes.fromhex("20010000") + v4 + bytes(8),
        "ISATAP": bytes.fromhex("2606470000000000") + b"\0\0\x5e\xfe" + v4,
        "ISATAP, global": bytes.fromhex("2606470000000000") + b"\2\0\x5e\xfe" + v4,
    }[form]
    return str(IPv6Address(packed))


FORMS = ("mapped", "compatible", "SIIT", "NAT64", "local NAT64", "local NAT64 /48", "6to4", "Teredo", "Teredo server",
         "ISATAP", "ISATAP, global")  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_address_of_the_network_inside_is_not_public_in_any_form(form: str) -> None:
    assert [inner for inner in INSIDE if is_public(hidden(form, inner))] == []


@pytest.mark.parametrize("form", ["mapped", "NAT64"])
def test_a_public_address_behind_a_translator_of_the_provider_is_public(form: str) -> None:
    assert all(is_public(hidden(form, inner)) for inner in OUTSIDE)


@pytest.mark.parametrize(
    "address",
    ["fec0::1", "fe80::1", "fe80::1%eth0", "fd00::1", "fc00::1", "::", "::1", "ff02::1", "ff0e::1", "100::1", "1::1",
     "2001:db8::1", "2001::1", "2001:10::1", "4000::1", "64:ff9b:1::1", "gate.local", ""],
)  # fmt: skip
def test_an_address_of_a_link_a_site_or_of_nobody_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [*OUTSIDE, "2606:4700:4700::1111", "2a00:1450:4001:82f::200e", "2001:4860::8888"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)
