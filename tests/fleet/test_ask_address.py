"""A second look asked of an address: what is sent, and every way in which a server can fail to answer."""

import json
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.broker import free_port
from tests.deliver.web_server import Answer, Script, WebServer
from tests.papers import Papers

from edge_mask.fleet.frames.answer import PeerAnswer
from edge_mask.fleet.frames.jpeg import Sent
from edge_mask.fleet.looks.ask_address import AskAddress
from edge_mask.fleet.looks.asker import NoAnswer, Question
from edge_mask.runtime.clock import SystemClock
from edge_mask.units import Seconds

QUESTION = Question(Sent(b"\xff\xd8jpeg", 400, 300), "front", 7)
FACE = {"label": "mask", "score": 0.97, "box": {"x": 10, "y": 10, "w": 90, "h": 90}}
GOOD: dict[str, Any] = {"verdict": "mask", "ispass": 1, "faces": [FACE], "inference_ms": 9.0, "model": "large 2.0.0"}


def asked(url: str, token: Path | None = None, ca: Path | None = None, timeout: float = 20.0) -> PeerAnswer | NoAnswer:
    asker = AskAddress(url, token, ca, Seconds(timeout), SystemClock())
    asker.open()
    try:
        return asker.ask(QUESTION)
    except NoAnswer as error:
        return error
    finally:
        asker.close(Seconds(5.0))


def answered(script: Script, timeout: float = 20.0) -> tuple[PeerAnswer | NoAnswer, WebServer]:
    with WebServer(script) as server:
        return asked(f"{server.url}/mask/", timeout=timeout), server


def test_the_picture_goes_with_the_token_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("se-cret-token\n")
    with WebServer(lambda _: Answer(body=json.dumps(GOOD).encode())) as server:
        answer = asked(f"{server.url}/mask/", tmp_path / "token")
    assert isinstance(answer, PeerAnswer)
    assert (answer.model, answer.faces[0].label, answer.faces[0].score) == ("large 2.0.0", "mask", 0.97)
    (request,) = server.asked
    assert request.path == "/mask/"
    assert request.body == QUESTION.picture.data
    assert request.headers["Content-Type"] == "image/jpeg"
    assert request.headers["Authorization"] == "Bearer se-cret-token"
    assert "front" not in str(request.headers)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(500, b"oops"), "no_answer"),
        (Answer(401), "refused"),
        (Answer(404, b"<html>"), "refused"),
        (Answer(302, headers={"Location": "http://elsewhere.example/"}), "refused"),
        (Answer(503, headers={"Retry-After": "1"}), "busy"),
        (Answer(429), "busy"),
        (Answer(200, b"<html>hello</html>"), "unreadable"),
        (Answer(200, b""), "unreadable"),
        (Answer(200, json.dumps({**GOOD, "faces": [FACE] * 400}).encode()), "unreadable"),
        (Answer(200, b'{"faces": "' + b"x" * 10_000_000 + b'"}'), "unreadable"),
        (None, "no_answer"),
    ],
    ids=["500", "401", "404", "302", "503", "429", "html", "nothing", "400 faces", "10 MB", "hangs up"],
)
def test_a_server_that_does_not_answer_as_it_should_is_no_answer(answer: Answer | None, code: str) -> None:
    said, server = answered(lambda _: answer)
    assert isinstance(said, NoAnswer)
    assert said.code == code, said
    assert len(server.asked) == 1
    assert len(str(said)) < 600


def test_nobody_there_is_no_answer_and_says_so() -> None:
    said = asked(f"http://127.0.0.1:{free_port()}/mask/")
    assert isinstance(said, NoAnswer)
    assert (said.code, "refused" in str(said)) == ("no_answer", True)


def test_a_server_that_never_answers_is_waited_for_no_longer_than_the_timeout() -> None:
    release = threading.Event()

    def never(_: object) -> Answer:
        release.wait(60)
        return Answer()

    try:
        said, _ = answered(never, timeout=0.3)
    finally:
        release.set()
    assert isinstance(said, NoAnswer)
    assert (said.code, "within 0.3 s" in str(said)) == ("no_answer", True)


def test_a_certificate_of_somebody_else_gets_no_picture(tmp_path: Path) -> None:
    ours, theirs = Papers(tmp_path / "ours"), Papers(tmp_path / "theirs")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(theirs.server.cert, theirs.server.key)
    with WebServer(lambda _: Answer(body=json.dumps(GOOD).encode()), tls) as server:
        said = asked(f"{server.url}/mask/", ca=ours.ca)
        assert isinstance(said, NoAnswer)
        assert "not trusted" in str(said)
        assert server.asked == []
        assert isinstance(asked(f"{server.url}/mask/", ca=theirs.ca), PeerAnswer)


@pytest.mark.parametrize("missing", ["token", "ca"])
def test_a_file_that_is_gone_is_said_and_nothing_is_sent_without_it(missing: str, tmp_path: Path) -> None:
    with WebServer() as server:
        url = f"{server.url}/mask/" if missing == "token" else f"{server.url.replace('http:', 'https:')}/mask/"
        gone = tmp_path / "gone"
        said = asked(url, token=gone if missing == "token" else None, ca=gone if missing == "ca" else None)
    assert isinstance(said, NoAnswer)
    assert "gone" in str(said)
    assert "o such file" in str(said)
    assert server.asked == []


def test_a_token_that_was_replaced_is_used_for_the_next_question(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-token")
    with WebServer(lambda _: Answer(body=json.dumps(GOOD).encode())) as server:
        asker = AskAddress(f"{server.url}/mask/", token, None, Seconds(20.0), SystemClock())
        asker.open()
        asker.ask(QUESTION)
        token.write_text("second-token")
        asker.ask(QUESTION)
        asker.close(Seconds(5.0))
    assert [each.headers["Authorization"].split()[1] for each in server.asked] == ["first-token", "second-token"]
