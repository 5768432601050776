"""Where a picture may be put: what is not plainly inside of an allowed place is refused, before anything is sent."""

import pytest

from edge_mask.errors import Refused
from edge_mask.settings.address import address_of, checked

PLACES = [address_of("https://store.example/pictures/"), address_of("http://127.0.0.1:8333/p/")]


@pytest.mark.parametrize(
    "url",
    [
        "https://store.example/pictures/gate-01/2026/11/29/a.jpg?X-Amz-Signature=ab",
        "https://STORE.example/pictures/a.jpg",
        "https://store.example:443/pictures/a%20b.jpg",
        "http://127.0.0.1:8333/p/a.jpg",
    ],
)
def test_what_lies_in_an_allowed_place(url: str) -> None:
    assert checked(url, PLACES).path.startswith(("/pictures/", "/p/"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/pictures/a.jpg",
        "http://store.example/pictures/a.jpg",  # another scheme
        "ftp://store.example/pictures/a.jpg",
        "file:///pictures/a.jpg",
        "https://store.example@evil.example/pictures/a.jpg",
        "https://store.example:x@evil.example/pictures/a.jpg",
        "https://user@store.example/pictures/a.jpg",
        "https://store.example.evil.example/pictures/a.jpg",
        "https://store.example./pictures/a.jpg",
        "https://store.example:8443/pictures/a.jpg",
        "https://store.example:0443/pictures/a.jpg?" + "x" * 5000,
        "https://store.example:99999/pictures/a.jpg",
        "https://store.example:/pictures/a.jpg",
        "https://store.example/pictures",
        "https://store.example/pictures-of-others/a.jpg",
        "https://store.example/Pictures/a.jpg",
        "https://store.example/pictures/../secret/a.jpg",
        "https://store.example/pictures/%2e%2e/secret/a.jpg",
        "https://store.example/pictures/%2E./secret/a.jpg",
        "https://store.example/pictures/..%2fsecret/a.jpg",
        "https://store.example/pictures/..%5csecret/a.jpg",
        "https://store.example/pictures/..\\secret/a.jpg",
        "https://store.example\\@evil.example/pictures/a.jpg",
        "https://store.example/pictures/a.jpg#@evil.example",
        "https://store.example/pictures/a%.jpg",
        "https://store.example/pictures/a%00.jpg",
        "https://store.example/pictures/a b.jpg",
        "https://store.example/pictures/a.jpg\r\nHost: evil.example",
        "https://store.example/pictures/a.jpg\n",
        " https://store.example/pictures/a.jpg",
        "https://ѕtore.example/pictures/a.jpg",  # a Cyrillic letter
        "https://xn--tore-s2d.example/pictures/a.jpg",
        "https://store。example/pictures/a.jpg",
        "https://store.example/pictures/ａ.jpg",
        "//store.example/pictures/a.jpg",
        "/pictures/a.jpg",
        "https:/store.example/pictures/a.jpg",
        "https:///pictures/a.jpg",
        "HTTPS://store.example/pictures/a.jpg",
        "https://[::1]/pictures/a.jpg",
        "http://127.1:8333/p/a.jpg",
        "http://0x7f.0.0.1:8333/p/a.jpg",
        "http://localhost:8333/p/a.jpg",
        "",
    ],
)
def test_what_lies_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(Refused) as found:
        checked(url, PLACES)
    assert "Signature" not in str(found.value)
