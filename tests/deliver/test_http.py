"""The HTTP destination against a real server on loopback: what each answer means."""

import base64
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from tests.broker import HOST, free_port
from tests.deliver.stages import States
from tests.deliver.web_server import Answer, Asked, NonsenseServer, WebServer
from tests.waiting import PATIENCE

from edge_mask.deliver.destination import HttpServer
from edge_mask.deliver.http import HttpTransport
from edge_mask.deliver.http_request import request_of
from edge_mask.errors import Refused
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import Clock, ManualClock, SystemClock
from edge_mask.units import Seconds


def call(url: str, body: bytes = b'{"n":1}', *headers: tuple[str, str], id: str = "one") -> Message:  # noqa: A002 (the field's name)
    properties = {"headers": [list(header) for header in headers]}
    return Message(topic=url, payload=body, priority=Priority.EVIDENCE, qos=1, id=id, properties=properties)


@contextmanager
def transport(
    *, timeout: float = 5.0, clock: Clock | None = None, states: States | None = None
) -> Iterator[HttpTransport]:
    made = HttpTransport("test", clock or ManualClock(), on_state=states or States(), timeout=Seconds(timeout))
    made.open()
    yield made
    made.close(Seconds(PATIENCE))
    assert not made.is_connected


def receipt(of: HttpTransport, message: Message) -> Receipt:
    return of.send(message).result(PATIENCE)


def test_a_body_arrives_as_it_was_made_with_its_headers_and_its_key() -> None:
    with WebServer() as server, transport() as http:
        message = call(f"{server.url}/a/b?c=d", b"\x00\xff any bytes", ("X-Gate", "front"), ("X-Name", "정문"))
        assert receipt(http, message) == Receipt(Outcome.DELIVERED)
        (asked,) = server.asked
        assert (asked.path, asked.body, asked.key) == ("/a/b?c=d", b"\x00\xff any bytes", "one")
        assert asked.headers["X-Gate"] == "front"
        assert asked.headers["X-Name"].encode("latin-1").decode() == "정문"
        assert asked.headers["Host"] == f"{HOST}:{server.port}"


def test_what_a_rule_sets_itself_is_not_set_twice() -> None:
    with WebServer() as server, transport() as http:
        given = (("content-type", "text/plain"), ("idempotency-key", "mine"), ("Host", "vms"), ("Content-Length", "9"))
        assert receipt(http, call(server.url, b"{}", *given)).outcome is Outcome.DELIVERED
        headers = [(name.lower(), text) for name, text in server.asked[0].headers.items()]
        assert {name: text for name, text in headers if name in ("content-type", "idempotency-key", "host")} == {
            "content-type": "text/plain", "idempotency-key": "mine", "host": "vms",
        }  # fmt: skip
        assert [text for name, text in headers if name == "content-length"] == ["2"]
        assert len(headers) == len(dict(headers))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_two_hundreds_are_delivered(status: int) -> None:
    with WebServer(lambda _asked: Answer(status)) as server, transport() as http:
        assert receipt(http, call(server.url)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again_later(status: int) -> None:
    with WebServer(lambda _asked: Answer(status, b"busy\n today")) as server, transport() as http:
        answer = receipt(http, call(server.url))
        assert answer.outcome is Outcome.UNKNOWN
        assert f"answered {status}" in answer.reason
        assert "busy today" in answer.reason


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 413, 422])
def test_any_other_answer_is_a_no_with_its_beginning_as_the_reason(status: int) -> None:
    script = Answer(status, b"long " * 100, {"Location": "/elsewhere"})
    with WebServer(lambda _asked: script) as server, transport() as http:
        answer = receipt(http, call(server.url))
        assert answer.outcome is Outcome.REFUSED
        assert f"answered {status}" in answer.reason
        assert answer.reason.count("long") == 40
        assert len(server.asked) == 1


def test_a_redirection_says_what_to_do() -> None:
    with WebServer(lambda _asked: Answer(301)) as server, transport() as http:
        assert "write the new address instead" in receipt(http, call(server.url)).reason


def test_one_connection_is_used_again_and_again() -> None:
    with WebServer() as server, transport() as http:
        for number in range(5):
            assert receipt(http, call(server.url, id=str(number))).outcome is Outcome.DELIVERED
        assert len({asked.connection for asked in server.asked}) == 1


def test_a_kept_connection_that_the_server_closed_meanwhile_is_made_anew_without_a_word() -> None:
    states = States()
    with WebServer() as server, transport(states=states) as http:
        assert receipt(http, call(server.url, id="a")).outcome is Outcome.DELIVERED
        server.hang_up()
        assert receipt(http, call(server.url, id="b")).outcome is Outcome.DELIVERED
        assert [asked.key for asked in server.asked] == ["a", "b"]
        assert states.told == [(True, "ready")]


def test_a_connection_that_was_idle_for_long_is_made_anew() -> None:
    clock = ManualClock()
    with WebServer() as server, transport(clock=clock) as http:
        receipt(http, call(server.url))
        first = server._connections.copy()
        clock.advance(31.0)
        receipt(http, call(server.url))
        assert len(server.asked) == 2
        assert not server._connections <= first


def test_a_server_that_hangs_up_is_undecided() -> None:
    with WebServer(lambda _asked: None) as server, transport() as http:
        assert receipt(http, call(server.url)) == Receipt(
            Outcome.UNKNOWN, "hung up without an answer (does this port want https?)", is_suspect=True
        )


def test_nobody_there_is_undecided_and_told_once_until_somebody_is() -> None:
    states = States()
    server = WebServer()
    with transport(states=states) as http:
        for _ in range(3):
            answer = receipt(http, call(server.url))
            assert answer.outcome is Outcome.UNKNOWN
            assert "Connection refused" in answer.reason
        with server:
            assert receipt(http, call(server.url)).outcome is Outcome.DELIVERED
        assert [is_there for is_there, _ in states.told[:3]] == [True, False, True]


def test_a_name_that_does_not_exist_is_undecided() -> None:
    with transport() as http:
        answer = receipt(http, call("http://no-such-host.invalid/"))
        assert answer.outcome is Outcome.UNKNOWN
        assert "cannot be reached" in answer.reason


def test_a_server_that_takes_too_long_is_undecided() -> None:
    gate = threading.Event()

    def slow(_asked: Asked) -> Answer:
        gate.wait(PATIENCE)
        return Answer()

    with WebServer(slow) as server, transport(timeout=0.2) as http:
        assert receipt(http, call(server.url)) == Receipt(Outcome.UNKNOWN, "no answer within 0.2 s", is_suspect=True)
        gate.set()
        assert receipt(http, call(server.url)).outcome is Outcome.DELIVERED


def test_something_that_speaks_no_http_is_undecided() -> None:
    with socket.create_server((HOST, 0)) as listening, transport() as http:
        future = http.send(call(f"http://{HOST}:{listening.getsockname()[1]}/"))
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        answer = future.result(PATIENCE)
        assert answer.outcome is Outcome.UNKNOWN
        assert "not HTTP" in answer.reason


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
NONSENSE: dict[str, dict[str, Any]] = {
    "a chunk of a negative size": {"parts": [CHUNKED + b"-1\r\nhello\r\n"], "hangs_up": False},
    "a chunk of no size": {"parts": [CHUNKED + b"zz\r\nhello\r\n"], "hangs_up": False},
    "headers without end": {"parts": [HEAD, b"X-More: " + b"y" * 1000 + b"\r\n"], "repeats": True},
    "a header without end": {"parts": [HEAD + b"X: ", b"y" * 5000], "repeats": True},
    "a header that is none": {"parts": [HEAD + b"no colon here\r\n\r\n"]},
    "two lengths": {"parts": [HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"]},
    "a length that is none": {"parts": [HEAD + b"Content-Length: many\r\n\r\nab"]},
    "a negative length": {"parts": [HEAD + b"Content-Length: -5\r\n\r\nab"]},
    "a status that is none": {"parts": [b"HTTP/1.1 OK great\r\n\r\n"]},
    "a status of nine digits": {"parts": [b"HTTP/1.1 200200200 OK\r\n\r\n"]},
    "another protocol": {"parts": [b"SSH-2.0-OpenSSH_9.2\r\n"], "hangs_up": False},
    "bytes": {"parts": [bytes(range(256))], "hangs_up": False},
    "an alert of TLS": {"parts": [b"\x15\x03\x01\x00\x02\x02\x46"]},
    "nothing": {"parts": []},
    "half a status": {"parts": [b"HTTP/1.1 20"]},
    "half a head": {"parts": [HEAD + b"X: y\r\n"]},
    "silence": {"parts": [], "hangs_up": False},
    "a head byte by byte": {"parts": [HEAD, b"x"], "repeats": True, "pause": 0.05},
    "continue for ever": {"parts": [b"HTTP/1.1 100 Continue\r\n\r\n"], "repeats": True},
    "early hints for ever": {"parts": [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"], "repeats": True, "pause": 0.01},
    "another protocol from now on": {"parts": [b"HTTP/1.1 101 Switching Protocols\r\n\r\n"], "hangs_up": False},
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_an_answer_that_breaks_the_protocol_is_undecided_in_one_sentence(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = NONSENSE[kind]["parts"]
    how = {name: value for name, value in NONSENSE[kind].items() if name != "parts"}
    with NonsenseServer(*parts, **how) as server, transport(timeout=0.5, clock=SystemClock()) as http:
        answer = receipt(http, call(server.url))
        assert answer.outcome is Outcome.UNKNOWN
        assert answer.is_suspect
        assert answer.reason
        assert len(answer.reason) < 400
        assert "\n" not in answer.reason
        assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([HEAD + b"Content-Length: 50\r\n\r\nshort"], id="a body that ends early"),
        pytest.param([CHUNKED + b"5\r\nhel"], id="a chunk that ends early"),
        pytest.param([HEAD + b"Content-Length: 2\r\n\r\nmore than that"], id="a body that is longer than it says"),
        pytest.param([HEAD + b"\r\nuntil the end"], id="a body without a length"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"], id="early hints"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\n"], id="an old version"),
    ],
)
def test_the_status_decides_and_not_what_becomes_of_the_body(parts: list[bytes]) -> None:
    with NonsenseServer(*parts) as server, transport(timeout=1.0, clock=SystemClock()) as http:
        assert [receipt(http, call(server.url, id=name)).outcome for name in "ab"] == [Outcome.DELIVERED] * 2
        assert server.requests == 2


def test_a_body_without_end_costs_the_connection_and_no_time() -> None:
    slow = [HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"]
    with (
        NonsenseServer(*slow, repeats=True, pause=0.05) as drip,
        NonsenseServer(CHUNKED, b"2710\r\n" + b"x" * 10_000 + b"\r\n", repeats=True) as flood,
        transport(timeout=0.5, clock=SystemClock()) as http,
    ):
        assert receipt(http, call(drip.url)).outcome is Outcome.DELIVERED
        assert receipt(http, call(flood.url)).outcome is Outcome.DELIVERED


def test_tls_on_one_side_only_is_hinted_at_both_ways() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    with WebServer(tls=context) as server, transport() as http:
        answer = receipt(http, call(server.url.replace("https", "http")))
        assert "does this port want https?" in answer.reason
    with WebServer() as server, transport() as http:
        answer = receipt(http, call(server.url.replace("http", "https")))
        assert "does this port speak https?" in answer.reason


def test_small_packets_leave_at_once() -> None:
    with WebServer() as server, transport() as http:
        receipt(http, call(server.url))
        assert http._connection is not None
        sock = http._connection._wire.get_extra_info("socket")
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_stands_behind_an_undecided_message_is_not_sent_before_it() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def fail_first(asked: Asked) -> Answer:
        arrived.set()
        go_on.wait(PATIENCE)
        return Answer(500 if asked.key == "1" else 200)

    with WebServer(fail_first) as server, transport() as http:
        first = http.send(call(server.url, id="1"))
        assert arrived.wait(PATIENCE)
        others = [http.send(call(server.url, id=str(number))) for number in (2, 3)]
        go_on.set()
        outcomes = [future.result(PATIENCE).outcome for future in (first, *others)]
        assert outcomes == [Outcome.UNKNOWN] * 3
        assert [asked.key for asked in server.asked] == ["1"]


def test_closing_ends_what_is_under_way_undecided_and_at_once() -> None:
    gate = threading.Event()

    def never(_asked: Asked) -> Answer | None:
        gate.wait(PATIENCE)
        return None

    with WebServer(never) as server, transport(timeout=PATIENCE) as http:
        future = http.send(call(server.url))
        server.wait_for(1)
        http.close(Seconds(PATIENCE))
        assert not http._thread.is_alive()
        assert future.result(0).outcome is Outcome.UNKNOWN
        assert http.send(call(server.url)).result(0) == Receipt(Outcome.UNKNOWN, "closed")
        gate.set()


def test_tls_believes_the_systems_authorities_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with WebServer(tls=context) as server:
        with transport() as http:
            answer = receipt(http, call(server.url))
            assert answer.outcome is Outcome.UNKNOWN
            assert "certificate is not trusted" in answer.reason
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # how OpenSSL is told of the system's
        with transport() as http:
            assert receipt(http, call(server.url)).outcome is Outcome.DELIVERED


def test_user_and_password_in_the_address_become_a_header_and_are_never_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(asked: Asked) -> Answer:
        return Answer(403, f"{asked.headers['Authorization']} hunter2secret {asked.headers['X-Api-Key']}".encode())

    with WebServer(echo) as server, transport() as http:
        address = server.url.replace("//", "//gate:hunter2secret@")
        answer = receipt(http, call(f"{address}/in", b"{}", ("X-Api-Key", "abcdef123456")))
        sent = server.asked[0].headers["Authorization"]
        assert base64.b64decode(sent.split()[1]) == b"gate:hunter2secret"
        assert "answered 403" in answer.reason
        for said in (answer.reason, caplog.text):
            assert "hunter2secret" not in said
            assert "abcdef123456" not in said
            assert sent.split()[1] not in said


@pytest.mark.parametrize(
    "url", ["http://", "ftp://x/", "http://h:99999/", "http://[::1/", "mailto:a@b", "http://" + "a" * 70 + "/", ""]
)
def test_an_address_that_is_none_is_refused_with_a_sentence(url: str) -> None:
    with transport() as http:
        answer = receipt(http, call(url))
        assert answer.outcome is Outcome.REFUSED
        assert "is not an address" in answer.reason


@pytest.mark.parametrize("sign", "#/?")
def test_a_password_that_looks_like_the_end_of_an_address_is_not_shown(sign: str) -> None:
    with transport() as http:
        answer = receipt(http, call(f"https://gate:hunter{sign}2secret@vms.local/in"))
    assert answer.outcome is Outcome.REFUSED
    assert "in user and password, write # as %23" in answer.reason
    assert "hunter" not in answer.reason


@pytest.mark.parametrize("header", [("X Y", "a"), ("", "a"), ("X:", "a"), ("X", "a\r\nInjected: b"), ("정문", "a")])
def test_a_header_that_cannot_be_sent_is_refused_and_nothing_is_sent(header: tuple[str, str]) -> None:
    with WebServer() as server, transport() as http:
        assert receipt(http, call(server.url, b"{}", header)).outcome is Outcome.REFUSED
        assert server.asked == []


@given(st.text(max_size=80))
def test_no_address_makes_more_than_a_request_or_a_refusal(text: str) -> None:
    try:
        request = request_of(call(f"http://gate.example/{text}"))
    except Refused:
        return
    assert request.path.isascii()
    assert request.path.isprintable()
    assert " " not in request.path


def test_lateness_is_told_in_a_header_and_the_body_stays_as_it_was() -> None:
    port = free_port()
    message = call(f"http://{HOST}:{port}/", b'{"nid":"0x01"}', ("X", "y"))
    server = HttpServer(name="http://gate", boot="boot-1")
    late = server.dressed(message, "2026-11-20T00:00:00.000Z", is_late=True)
    assert late.payload == message.payload
    assert late.properties["headers"] == [["X", "y"], ["Edge-Mask-Late", "true"]]
    assert server.dressed(message, None, is_late=False) is message
