"""Connections that ask slowly, send slowly, read slowly, say nothing, or are too many: none takes the server's time."""

import asyncio
import gc
import http.client
import itertools
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from tests.broker import HOST, free_port
from tests.papers import Papers
from tests.waiting import until

from edge_mask.errors import TryLater
from edge_mask.web import connections, counting_server
from edge_mask.web.address import Address
from edge_mask.web.listener import Listener

SOON = 0.4
ASKED = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 60_000
        await asyncio.sleep(0)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/endless` never ends; others are answered when their body has come."""
    request = Request(scope, receive)
    if scope["path"] == "/endless":
        await StreamingResponse(endless())(scope, receive, send)
        return
    await Response(str(len(await request.body())))(scope, receive, send)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TO_ASK", "TO_BEGIN", "TO_READ"):
        monkeypatch.setattr(connections, name, SOON)
    monkeypatch.setattr(counting_server, "_HANDSHAKE", SOON)


class At:
    """A listener on loopback."""

    def __init__(self, listener: Listener, address: Address) -> None:
        self.listener, self.address = listener, address

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.address.port), timeout=20)

    def answer(self, text: bytes = ASKED) -> bytes:
        with closing(self.connect()) as connection:
            connection.sendall(text)
            return connection.recv(1000)


@pytest.fixture
def at() -> Iterator[At]:
    listener, address = Listener(), Address(HOST, free_port())
    listener.serve(app)
    listener.open(address)
    yield At(listener, address)
    listener.close()


def is_cut(connection: socket.socket) -> bool:
    """Waits until the other side ends it."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HT", ASKED[:-2] + b"X: ", ASKED[:-2] + b"Content-Length: 50\r\n\r\nhalf",
     ASKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ids=["silent", "half a line", "half the headers", "half a body", "half a chunk"],
)  # fmt: skip
def test_a_request_that_is_not_finished_in_time_is_cut(at: At, said: bytes) -> None:
    with closing(at.connect()) as connection:
        connection.sendall(said)
        assert is_cut(connection)
    assert b"200 OK" in at.answer()


@pytest.mark.usefixtures("impatient")
def test_a_request_that_trickles_is_cut(at: At) -> None:
    with closing(at.connect()) as connection:
        stop = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\n")
                while not stop.wait(0.05):
                    connection.sendall(b"X: y\r\n")

        thread = threading.Thread(target=trickle)
        thread.start()
        assert is_cut(connection)
        stop.set()
        thread.join()


@pytest.mark.usefixtures("impatient")
def test_who_does_not_read_the_answer_is_cut(at: At) -> None:
    with closing(at.connect()) as connection:
        connection.sendall(ASKED.replace(b"GET /", b"GET /endless"))
        until(lambda: not at.listener.connections())
        assert b"200 OK" in at.answer()


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_asks_again_is_kept_until_it_asks_slowly(at: At) -> None:
    with closing(http.client.HTTPConnection(HOST, at.address.port, timeout=20)) as connection:
        for _ in range(3):
            connection.request("POST", "/", b"body")
            assert connection.getresponse().read() == b"4"
            assert connection.sock is not None, "it was kept"
        connection.sock.sendall(b"GET / HT")
        assert is_cut(connection.sock)


def test_silent_connections_make_room_for_one_that_asks(at: At) -> None:
    with ExitStack() as silent:
        for _ in range(connections.MOST + 20):
            silent.enter_context(closing(at.connect()))
        assert b"200 OK" in at.answer()
        assert at.listener.connections() <= connections.MOST


@pytest.mark.parametrize("length", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
def test_bodies_that_never_come_make_room_for_one_that_asks(at: At, length: bytes) -> None:
    with ExitStack() as waiting:
        for _ in range(connections.MOST + 20):
            waiting.enter_context(closing(at.connect())).sendall(ASKED[:-2] + length + b"\r\n\r\n5")
        assert b"200 OK" in at.answer()
        assert b"200 OK" in at.answer(ASKED[:-2] + b"Content-Length: 4\r\n\r\nbody")
        assert at.listener.connections() <= connections.MOST


@pytest.mark.usefixtures("impatient")
def test_a_body_that_trickles_is_cut_and_one_that_comes_at_a_pace_is_not(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PART", 1024)
    with closing(at.connect()) as quick, closing(at.connect()) as slow:
        for each in (quick, slow):
            each.sendall(ASKED[:-2] + b"Content-Length: 40960\r\n\r\n")
        cut = threading.Thread(target=is_cut, args=(slow,))
        cut.start()
        while cut.is_alive():
            quick.sendall(b"x" * 512)  # two of these are enough
            with suppress(OSError):
                slow.sendall(b"x")
            cut.join(0.02)
        quick.sendall(b"x" * 40960)
        assert b"200 OK" in quick.recv(1000)


@pytest.mark.parametrize("size", [20_000, 30_000_000])
def test_headers_that_are_too_long_are_refused_before_they_have_come(at: At, size: int) -> None:
    with closing(at.connect()) as connection, suppress(ConnectionError):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * size)
        assert connection.recv(1000)[:12] in (b"HTTP/1.1 400", b"")
    assert b"200 OK" in at.answer()


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", ASKED[:-2] + b"Host: b\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
     ASKED[:-2] + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"nonsense\r\n\r\n", b"\0" * 100],
    ids=["no host", "two hosts", "TLS", "two lengths", "nonsense", "zeros"],
)  # fmt: skip
def test_what_is_no_request_is_no_harm(at: At, said: bytes) -> None:
    with suppress(ConnectionError):
        assert at.answer(said + b"\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"")
    assert b"200 OK" in at.answer()


def test_a_request_for_another_protocol_is_answered_in_this_one(at: At) -> None:
    upgrade = ASKED[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
    assert b"200 OK" in at.answer(upgrade)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[At]:
    own = Papers(tmp_path).server
    listener, address = Listener(), Address(HOST, free_port(), own.cert, own.key)
    listener.serve(app)
    listener.open(address)
    yield At(listener, address)
    listener.close()


def speak_tls(at: At, ca: Path) -> ssl.SSLSocket:
    return ssl.create_default_context(cafile=ca).wrap_socket(at.connect(), server_hostname=HOST)


@pytest.mark.usefixtures("impatient")
def test_who_begins_no_handshake_is_cut(secure: At, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), closing(secure.connect()) as silent, closing(secure.connect()) as plain:
        plain.sendall(ASKED)
        assert is_cut(plain)
        assert is_cut(silent)
        with closing(speak_tls(secure, tmp_path / "ca.pem")) as connection:
            connection.sendall(ASKED)
            assert b"200 OK" in connection.recv(1000)
    gc.collect()
    assert caplog.messages == []


def test_silent_handshakes_make_room_for_one_that_speaks(
    secure: At, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as silent:
        for _ in range(connections.MOST + 20):
            silent.enter_context(closing(secure.connect()))
        with closing(speak_tls(secure, tmp_path / "ca.pem")) as connection:
            connection.sendall(ASKED)
            assert b"200 OK" in connection.recv(1000)
    gc.collect()
    assert caplog.messages == []


def test_an_old_protocol_is_refused(secure: At, tmp_path: Path) -> None:
    old = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(secure.connect(), server_hostname=HOST)


def test_a_port_that_another_program_has_is_told() -> None:
    with closing(socket.create_server((HOST, 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(TryLater, match=rf"127\.0\.0\.1:{port} cannot be listened on: Address already in use"):
            Listener().open(Address(HOST, port))


def test_a_listener_that_is_closed_gives_its_port_back_and_leaves_no_thread() -> None:
    address, before = Address(HOST, free_port()), set(threading.enumerate())
    for _ in range(3):
        listener = Listener()
        listener.serve(app)
        listener.open(address)
        with closing(At(listener, address).connect()) as half:
            half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
            assert b"200 OK" in At(listener, address).answer()
            listener.close()
    until(lambda: {each for each in threading.enumerate() if "AnyIO" not in each.name} <= before)


def test_a_request_waits_for_the_next_house(at: At) -> None:
    at.listener.away()
    with closing(at.connect()) as connection:
        connection.sendall(ASKED)
        until(lambda: at.listener.waiting)
        at.listener.serve(app)
        assert b"200 OK" in connection.recv(1000)


def test_an_ordinary_stop_with_connections_at_work_is_no_error(at: At, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "uvicorn.error")
    with closing(at.connect()) as silent, closing(at.connect()) as stream:
        stream.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in stream.recv(1000)
        at.listener.close()
        assert is_cut(stream)
        assert is_cut(silent)
    assert not caplog.records


def test_no_handshake_sees_half_of_a_new_certificate(tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    pairs = [(each.cert.read_bytes(), each.key.read_bytes()) for each in (papers.server, papers.of_a_server("second"))]
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(pair: tuple[bytes, bytes]) -> None:
        for path, content in zip((cert, key), pair, strict=True):
            path.write_bytes(content)

    put(pairs[0])
    listener, address = Listener(), Address(HOST, free_port(), cert, key)
    listener.serve(app)
    listener.open(address)
    at, failed, serials, over = At(listener, address), list[Exception](), set[str](), threading.Event()

    def speak() -> None:
        while not over.is_set():
            try:
                with closing(speak_tls(at, papers.ca)) as connection:
                    serials.add(str((connection.getpeercert() or {})["serialNumber"]))
            except (OSError, ssl.SSLError) as error:
                failed.append(error)

    numbers = itertools.count(1)

    def renew_once() -> bool:
        number = next(numbers)
        put(pairs[number % 2])
        listener.renew()
        return bool(failed) or (number >= 150 and len(serials) == 2)

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        until(renew_once)
    finally:
        over.set()
        speaker.join()
        listener.close()
    assert failed == []
    assert len(serials) == 2
