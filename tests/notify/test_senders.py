"""One sender and one server that behaves as the real one: what is posted, and what an answer means."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import decode_header
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.deliver.web_server import Answer, Asked, NonsenseServer, WebServer
from tests.notify.houses import TOKEN, TOPIC

from edge_mask.deliver.http import HttpTransport
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.notify.notice import Notice
from edge_mask.notify.pictures import MOST, Pictures
from edge_mask.notify.senders import Senders
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.notify import NtfyTarget, Target, TelegramTarget, WebhookTarget
from edge_mask.units import Seconds

PICTURE = "20260701T120000.000Z-front-no-mask.jpg"
LONG = "마스크😷" * 2500


def notice(**more: Any) -> Notice:
    fields = {"title": "Hot: 마스크 😷", "text": "one\ntwo", "priority": "high", "kind": "fever", "event": "event-1"}
    return Notice(**{**fields, **more})


@contextmanager
def sender(target: Target, folder: Path = Path("/nowhere"), *, sends_pictures: bool = True) -> Iterator[HttpTransport]:
    pictures = Pictures(folder, lambda _seconds: None)
    senders = Senders([target], SystemClock(lambda: True), pictures, None, sends_pictures=sends_pictures)
    made = senders.sender(target.name, "", f"notify {target.name}", timeout=Seconds(5.0))
    made.open()
    try:
        yield made
    finally:
        made.close(Seconds(1.0))


def post(transport: HttpTransport, told: Notice, age: float = 10.0) -> Receipt:
    message = Message(
        topic="notify/guard", payload=told.packed(), priority=Priority.URGENT, qos=1, id="id-1", properties={"age": age}
    )
    return transport.send(message).result(15)


def ntfy(server: WebServer, **more: Any) -> NtfyTarget:
    return NtfyTarget.model_validate({"name": "guard", "kind": "ntfy", "server": server.url, "topic": TOPIC, **more})


def telegram(server: WebServer | NonsenseServer, **more: Any) -> TelegramTarget:
    fields = {"name": "guard", "kind": "telegram", "server": server.url, "chat": -100123, "token": TOKEN}
    return TelegramTarget.model_validate({**fields, **more})


def webhook(server: WebServer, **more: Any) -> WebhookTarget:
    fields = {"name": "guard", "kind": "webhook", "url": f"{server.url}/hook/secret-path?key=abcdef"}
    return WebhookTarget.model_validate({**fields, **more})


def keep_picture(folder: Path, side: int = 64) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (folder / PICTURE).write_bytes(data)
    return data


def form_of(asked: Asked) -> dict[str, bytes]:
    """The parts of multipart/form-data, by name."""
    boundary = asked.headers["Content-Type"].partition("boundary=")[2].encode()
    found = {}
    for part in asked.body.split(b"--" + boundary)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        found[head.partition(b'name="')[2].partition(b'"')[0].decode()] = body.removesuffix(b"\r\n")
    return found


def decoded(header: str) -> str:
    return "".join(
        part.decode(kind or "ascii") if isinstance(part, bytes) else part for part, kind in decode_header(header)
    )


def test_ntfy_gets_json_with_its_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tk_secret\n")
    with WebServer() as server, sender(ntfy(server, token_file=tmp_path / "token")) as transport:
        assert post(transport, notice()).outcome is Outcome.DELIVERED
        assert post(transport, notice(text=LONG)).outcome is Outcome.DELIVERED
        short, long = server.wait_for(2)
    assert short.path == "/"
    assert short.headers["Authorization"] == "Bearer tk_secret"
    assert json.loads(short.body) == {
        "topic": TOPIC, "title": "Hot: 마스크 😷", "message": "one\ntwo", "priority": 4, "tags": ["thermometer"],
    }  # fmt: skip
    cut = json.loads(long.body)["message"]
    assert len(cut.encode()) <= 4096
    assert cut.endswith("…")


def test_ntfy_gets_the_picture_with_the_words_in_headers(tmp_path: Path) -> None:
    data = keep_picture(tmp_path)
    with WebServer() as server, sender(ntfy(server), tmp_path) as transport:
        assert post(transport, notice(snapshot=PICTURE)).outcome is Outcome.DELIVERED
        assert post(transport, notice(snapshot=PICTURE, text=LONG)).outcome is Outcome.DELIVERED
        asked, long = server.wait_for(2)
    assert asked.path == f"/{TOPIC}"
    assert asked.body == data
    assert asked.headers["Filename"] == PICTURE
    assert decoded(asked.headers["Title"]) == "Hot: 마스크 😷"
    assert asked.headers["Message"] == r"one\ntwo"
    assert decoded(long.headers["Message"]).endswith("…")


def test_telegram_gets_words_of_at_most_4096_utf16_units() -> None:
    with WebServer() as server, sender(telegram(server)) as transport:
        assert post(transport, notice(priority="low")).outcome is Outcome.DELIVERED
        assert post(transport, notice(text=LONG)).outcome is Outcome.DELIVERED
        short, long = server.wait_for(2)
    assert short.path == f"/bot{TOKEN}/sendMessage"
    assert json.loads(short.body) == {
        "chat_id": -100123, "text": "Hot: 마스크 😷\none\ntwo", "disable_notification": True,
    }  # fmt: skip
    assert len(json.loads(long.body)["text"].encode("utf-16-le")) <= 2 * 4096


def test_telegram_gets_a_picture_with_a_caption_of_1024_units(tmp_path: Path) -> None:
    data = keep_picture(tmp_path)
    with WebServer() as server, sender(telegram(server), tmp_path) as transport:
        assert post(transport, notice(snapshot=PICTURE, text=LONG)).outcome is Outcome.DELIVERED
        (asked,) = server.wait_for(1)
    assert asked.path == f"/bot{TOKEN}/sendPhoto"
    form = form_of(asked)
    assert form["photo"] == data
    assert form["chat_id"] == b"-100123"
    assert len(form["caption"].decode().encode("utf-16-le")) <= 2 * 1024


def test_a_refused_picture_leaves_the_words(tmp_path: Path) -> None:
    keep_picture(tmp_path)

    def refusing(asked: Asked) -> Answer:
        is_photo = asked.path.endswith("/sendPhoto")
        return (
            Answer(400, b'{"ok":false,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}') if is_photo else Answer()
        )

    with WebServer(refusing) as server, sender(telegram(server), tmp_path) as transport:
        assert post(transport, notice(snapshot=PICTURE)).outcome is Outcome.DELIVERED
        assert [asked.path.rpartition("/")[2] for asked in server.wait_for(2)] == ["sendPhoto", "sendMessage"]


def test_a_webhook_is_signed_as_its_receiver_checks_it(tmp_path: Path) -> None:
    data = keep_picture(tmp_path)
    key = b"0123456789abcdef0123456789abcdef"
    secret = "whsec_" + base64.b64encode(key).decode()
    with WebServer() as server, sender(webhook(server, secret=secret), tmp_path) as transport:
        assert post(transport, notice(snapshot=PICTURE)).outcome is Outcome.DELIVERED
        (asked,) = server.wait_for(1)
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert asked.headers["webhook-signature"] == f"v1,{wanted}"
    assert asked.headers["webhook-id"] == "id-1"
    body = json.loads(asked.body)
    assert body["data"]["title"] == "Hot: 마스크 😷"
    assert base64.b64decode(body["data"]["picture"]) == data


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "20260701T120000.000Z-front-gone.jpg", "", "20260701T120000.000Z-..%2f-x.jpg"]
)
def test_a_picture_that_is_gone_or_elsewhere_leaves_the_words(tmp_path: Path, name: str) -> None:
    with WebServer() as server, sender(ntfy(server), tmp_path) as transport:
        assert post(transport, notice(snapshot=name)).outcome is Outcome.DELIVERED
        (asked,) = server.wait_for(1)
    assert json.loads(asked.body)["message"] == "one\ntwo"


def test_without_permission_no_picture_is_even_read(tmp_path: Path) -> None:
    keep_picture(tmp_path)
    with WebServer() as server, sender(ntfy(server), tmp_path, sends_pictures=False) as transport:
        post(transport, notice(snapshot=PICTURE))
        assert server.wait_for(1)[0].path == "/"


def test_a_large_picture_is_made_small_enough_and_a_promised_one_is_waited_for(tmp_path: Path) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        keep_picture(tmp_path, 1200)

    found = Pictures(tmp_path, wait).of(PICTURE, age=0.5)
    assert len(waits) == 1
    assert found is not None
    assert (tmp_path / PICTURE).stat().st_size > MOST >= len(found)
    assert Pictures(tmp_path / "empty", lambda s: waits.append(s)).of(PICTURE, age=0.5) is None
    assert len(waits) < 30


@pytest.mark.parametrize(("status", "outcome"), [(400, "refused"), (401, "refused"), (403, "refused"), (404, "refused"),
    (302, "refused"), (429, "unknown"), (500, "unknown"), (503, "unknown")])  # fmt: skip
def test_what_an_answer_means_and_that_it_shows_no_secret(
    status: int, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "edge_mask")

    def answer(asked: Asked) -> Answer:
        where = {"Location": f"http://elsewhere{asked.path}"}
        return Answer(status, f"no: {asked.path} {asked.headers.get('Authorization')}".encode(), where)

    with WebServer(answer) as server:
        for target in (telegram(server), webhook(server), ntfy(server), ntfy(server, token="tk_secret_token")):
            with sender(target) as transport:
                receipt = post(transport, notice())
            assert receipt.outcome.value == outcome
            said = receipt.reason + caplog.text
            assert not [s for s in (TOKEN, "secret-path", "abcdef", "tk_secret_token") if s in said]
        assert len(server.wait_for(4)) == 4, "no redirection is followed"


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (Answer(429, b"{}", {"Retry-After": "17"}), 17.0),
        (Answer(503, b"{}", {"Retry-After": "99999999999"}), 3600.0),
        (Answer(429, b'{"ok":false,"parameters":{"retry_after":31}}'), 31.0),
        (Answer(429, b'{"parameters":{"retry_after":"soon"}}'), 0.0),
        (Answer(429, b"{}", {"Retry-After": "soon"}), 0.0),
        (Answer(429, b"{}", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), 0.0),
    ],
)
def test_a_server_says_for_how_long_it_wants_to_be_left_alone(answer: Answer, pause: float) -> None:
    with WebServer(lambda _asked: answer) as server, sender(telegram(server)) as transport:
        receipt = post(transport, notice())
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.retry_after == pause


def test_nonsense_and_a_missing_token_file_are_tried_again(tmp_path: Path) -> None:
    with NonsenseServer(b"SSH-2.0-no\r\n") as server, sender(telegram(server)) as transport:
        receipt = post(transport, notice())
    assert receipt.outcome is Outcome.UNKNOWN
    assert TOKEN not in receipt.reason
    with WebServer() as other, sender(ntfy(other, token_file=tmp_path / "gone")) as transport:
        receipt = post(transport, notice())
        assert receipt.outcome is Outcome.UNKNOWN
        (tmp_path / "gone").write_text("back")
        assert post(transport, notice()).outcome is Outcome.DELIVERED


def test_a_token_that_would_lead_elsewhere_is_refused() -> None:
    with WebServer() as server, sender(telegram(server, token="../evil")) as transport:
        receipt = post(transport, notice())
    assert receipt.outcome is Outcome.REFUSED
    assert "evil" not in receipt.reason
    assert not server.asked
