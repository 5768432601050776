"""A document of the public internet: where its address leads, and what a server of somebody else may not do to us."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from edge_mask.deliver.public_get import Got, get
from edge_mask.errors import TryLater
from edge_mask.units import Bytes, Seconds

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def server(speak: Callable[[socket.socket], Any]) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and the requests that came."""
    came: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with closing(accepted):
                    try:
                        came.append(accepted.recv(65_536))
                        speak(accepted)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], came
        listening.shutdown(socket.SHUT_RDWR)


def asked(url: str, *, private: bool = True, within: float = 5.0, most: int = 100_000) -> Got:
    return get(url, within=Seconds(within), most=Bytes(most), now=time.monotonic, is_private_allowed=private)


def said(text: bytes) -> Callable[[socket.socket], None]:
    return lambda wire: wire.sendall(text)


def test_a_document_comes_with_its_kind() -> None:
    with server(said(HEAD + b'Content-Length: 7\r\n\r\n{"a":1}')) as (port, came):
        assert asked(f"http://127.0.0.1:{port}/x y?b=ä") == Got("application/json", b'{"a":1}')
    assert came[0].startswith(b"GET /x%20y?b=%C3%A4 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "[::]"],
)  # fmt: skip
def test_an_address_that_leads_to_this_device_is_not_even_connected_to(host: str) -> None:
    with server(said(HEAD)) as (port, came):
        with pytest.raises(TryLater, match=r"private network|cannot be reached"):
            asked(f"http://{host}:{port}/", private=False)
        assert came == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "[fe80::1]", "[fd00::1]",
             "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_an_address_inside_a_network_is_refused(host: str) -> None:
    with pytest.raises(TryLater, match="leads into a private network"):
        asked(f"http://{host}/", private=False, within=0.5)


def test_a_name_with_one_private_address_is_refused_and_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: between the check and the connection nobody is asked what the name means."""
    calls = []

    def resolve(host: str, port: int, **_more: object) -> list[Any]:
        calls.append(host)
        return [(2, 1, 6, "", (each, port)) for each in ("142.250.1.1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(TryLater, match="private network"):
        asked("http://public.example/", private=False)
    assert calls == ["public.example"]


def test_what_was_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = []

    def connect(place: tuple[str, int], _timeout: float) -> socket.socket:
        connected.append(place)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("142.250.1.1", 80))])
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(TryLater, match="Connection refused"):
        asked("http://public.example/", private=False)
    assert connected == [("142.250.1.1", 80)]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "gopher://x/", "http:///etc"])
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(TryLater, match="no address of http"):
        asked(url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    with server(said(HEAD)) as (other, came):
        text = f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n"
        with server(said(text.encode())) as (port, _), pytest.raises(TryLater, match="leads elsewhere"):
            asked(f"http://127.0.0.1:{port}/")
        assert came == []


def endless(head: bytes) -> Callable[[socket.socket], None]:
    def speak(wire: socket.socket) -> None:
        wire.sendall(HEAD + head)
        while True:
            wire.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    return speak


@pytest.mark.parametrize(
    "speak",
    [
        said(HEAD + b"Content-Length: 1000000000\r\n\r\n"),
        endless(b"Transfer-Encoding: chunked\r\n\r\n"),
        endless(b"\r\n"),
    ],
    ids=["announced", "in pieces", "until it hangs up"],
)
def test_of_an_answer_of_a_gigabyte_no_more_than_the_limit_is_read(speak: Callable[[socket.socket], Any]) -> None:
    with server(speak) as (port, _), pytest.raises(TryLater, match="answers more than 100 kB"):
        asked(f"http://127.0.0.1:{port}/")


def drips(wire: socket.socket) -> None:
    """A whole answer in the end; each byte comes sooner than any limit on a single read."""
    for byte in HEAD + b"Content-Length: 2\r\nX-Slow: " + b"." * 60 + b"\r\n\r\n{}":
        wire.sendall(bytes((byte,)))
        time.sleep(0.02)


def test_a_server_that_drips_is_left_in_time() -> None:
    with server(drips) as (port, _), pytest.raises(TryLater, match=r"within 0\.5 s"):
        asked(f"http://127.0.0.1:{port}/", within=0.5)


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with (
        server(lambda wire: wire.recv(1)) as (port, _),
        pytest.raises(TryLater, match=r"no whole answer within 0\.3 s"),
    ):
        asked(f"http://127.0.0.1:{port}/", within=0.3)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "neither JSON nor CSV"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 2\r\n\r\nhi", "neither JSON nor CSV"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", "packed"),
        (HEAD + b"Content-Length: 20\r\n\r\nhi", "hangs up in the middle|not HTTP"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"", "not HTTP|cannot be reached"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "not HTTP"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_a_sentence(answer: bytes, says: str) -> None:
    with server(said(answer)) as (port, _), pytest.raises(TryLater, match=says):
        asked(f"http://127.0.0.1:{port}/?key=cherry")


def test_a_sentence_holds_no_key_of_the_address() -> None:
    with pytest.raises(TryLater) as caught:
        asked("http://127.0.0.1:9/?key=cherry", within=1.0)
    assert "cherry" not in str(caught.value)
