"""Cameras that are asked over HTTP: single pictures, JPEGs in a row, motion JPEG; passwords and limits."""

import contextlib
import itertools
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.capture.http_server import (
    Answer,
    HttpCameraServer,
    Request,
    basic,
    brightnesses,
    digest,
    in_a_row,
    jpeg,
    still,
    with_boundaries,
)
from tests.capture.scenes import Reports, film

from edge_mask.capture import Camera
from edge_mask.capture.http_camera import HttpCamera
from edge_mask.capture.jpegs import JpegCutter
from edge_mask.errors import TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import Latest, Tray
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds

SECRET = "p#a/s?s%41@w:ö"
ENCODED = "p%23a%2Fs%3Fs%2541%40w:%C3%B6"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"


@contextlib.contextmanager
def opened(address: str, within: float = 5.0) -> Iterator[HttpCamera]:
    source = HttpCamera(address, camera="front", clock=SystemClock(), within=Seconds(within))
    try:
        source.open()
        yield source
    finally:
        source.close()


def read_for_ever(source: HttpCamera) -> None:
    while True:
        source.read()


def brightness(frame: Frame) -> int:
    return round(float(frame.image.mean()))


def test_a_camera_with_single_pictures_is_asked_for_each_look_over_one_connection() -> None:
    with HttpCameraServer(still()) as server, opened(server.address()) as source:
        frames = [source.read() for _ in range(3)]
        assert source.skip() is False, "nothing grows old between two looks"
    assert [brightness(frame) for frame in frames] == [40, 44, 48]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert server.asked == ["/snapshot.jpg"] * 3
    assert server.connections == 1


def test_a_picture_without_a_stated_length_is_a_single_picture_too() -> None:
    values = brightnesses()

    def answer(request: Request) -> None:
        request.begin("image/jpeg")
        request.wfile.write(jpeg(next(values)))

    with HttpCameraServer(answer) as server, opened(server.address()) as source:
        first = source.read()
        assert source.skip() is False
        assert source.skip() is False
        second = source.read()
    assert [brightness(first), brightness(second)] == [40, 44]


def test_the_worker_asks_a_camera_with_single_pictures_once_each_interval_and_reports_nothing() -> None:
    tray: Tray[Frame] = Tray()
    reports = Reports()
    clock = SystemClock()
    with HttpCameraServer(still()) as server:
        source = HttpCamera(server.address(), camera="front", clock=clock)
        camera = Camera("front", source, Latest(tray), clock, reports, is_live=True, interval=Seconds(0.1))
        worker = Worker(camera, clock, lambda failed: None)
        worker.start()
        frames = [tray.take(10.0) for _ in range(5)]
        worker.request_stop()
        assert worker.join(10.0)
        times = [frame[1].at.mono for frame in frames if frame is not None]
    assert len(times) == 5
    assert times[-1] - times[0] >= 0.3, "not as fast as it goes"
    assert len(server.asked) <= 7
    assert reports.codes == []


@pytest.mark.parametrize(
    "answer", [in_a_row(), with_boundaries(), with_boundaries(length=False)], ids=["row", "multipart", "no lengths"]
)
def test_pictures_of_a_stream_arrive_in_order_and_are_new(answer: Answer) -> None:
    with HttpCameraServer(answer) as server, opened(server.address("/stream")) as source:
        assert brightness(source.read()) == 40, "the first picture is the first that was sent: nothing is buffered"
        assert source.skip() is True
        later = source.read()
    assert later.number == 3
    assert brightness(later) >= 48
    assert server.asked == ["/stream"]


@pytest.mark.parametrize("between", ["read", "skip"])
def test_after_a_pause_of_ours_the_camera_is_asked_anew(between: str) -> None:
    """What it sent meanwhile waits in the connection, and is old."""
    clock = ManualClock()
    with HttpCameraServer(with_boundaries()) as server:
        source = HttpCamera(server.address(), camera="front", clock=clock)
        source.open()
        source.read()
        clock.advance(5.0)
        if between == "skip":
            assert source.skip() is False
        assert brightness(source.read()) == 40
        source.close()
    assert len(server.asked) == 2


def test_pictures_that_come_together_are_all_but_the_newest_let_go_by() -> None:
    def answer(request: Request) -> None:
        request.begin("image/jpeg")
        request.wfile.write(b"".join(jpeg(value) for value in (40, 80, 120)))
        request.server.stopped.wait(30.0)

    with HttpCameraServer(answer) as server, opened(server.address()) as source:
        assert brightness(source.read()) == 120


@pytest.mark.parametrize("answer", [in_a_row(0.0), with_boundaries(0.0)], ids=["row", "multipart"])
def test_a_stream_that_ends_is_a_lost_camera(answer: Answer) -> None:
    with HttpCameraServer(answer) as server, opened(server.address()) as source:
        with pytest.raises(TryLater, match="the stream gives no more pictures"):
            read_for_ever(source)
        source.open()
        assert source.read().number > 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda r: r.give(b"<html>", "text/html"), "gives text/html; look for the address of its pictures"),
        (lambda r: r.give(b"", "image/jpeg"), "is empty"),
        (lambda r: r.give(jpeg(90)[:-40], "image/jpeg"), "is truncated"),
        (lambda r: r.give(b"x" * 100, "image/png"), "is no picture"),
        (lambda r: r.give(b"gone", "text/plain", 404), "answers 404 Not Found; check the address"),
        (lambda r: r.give(b"no", "text/plain", 401), "answers 401 Unauthorized; put user and password"),
        (lambda r: r.give(b"", "text/plain", 302, Location="/again"), "leads from one address to the next"),
        (lambda r: r.give(b"", "text/plain", 302, Location="file:///etc/passwd"), "which is no http or https address"),
        (lambda r: r.wfile.write(b"\xff\xd8\xff no HTTP at all\r\n\r\n"), "answers something that is not HTTP"),
        (lambda r: r.wfile.write(HEAD + b"Content-Length: 99\r\n\r\n" + jpeg(9)[:50]), "broke off"),
        (lambda r: r.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc"), "broke off|is not HTTP"),
        (lambda r: None, "hangs up without an answer"),
    ],
)  # fmt: skip
def test_what_is_no_picture_gets_a_sentence(answer: Answer, sentence: str) -> None:
    def once(request: Request) -> None:
        answer(request)
        request.close_connection = True

    with (
        HttpCameraServer(once) as server,
        pytest.raises(TryLater, match=sentence),
        opened(server.address()) as source,
    ):
        source.read()


def test_an_endless_answer_without_a_picture_ends_at_the_limit_of_bytes() -> None:
    def answer(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        request.wfile.write(b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 20)
        for _ in range(400):
            request.wfile.write(b"\x00" * 65_536)

    sentence = "sends 20 MB without the end of a picture"
    with (
        HttpCameraServer(answer) as server,
        opened(server.address()) as source,
        pytest.raises(TryLater, match=sentence),
    ):
        source.read()


@pytest.mark.parametrize("begun", [HEAD, HEAD + b"\r\n\xff\xd8\xff"], ids=["headers", "picture"])
def test_a_server_that_answers_by_drops_is_given_up_after_the_time_limit(begun: bytes) -> None:
    def answer(request: Request) -> None:
        request.wfile.write(begun)
        for number in itertools.count():
            request.wfile.write(b"X-%d: y\r\n" % number)
            if request.server.stopped.wait(0.05):
                return

    with (
        HttpCameraServer(answer) as server,
        pytest.raises(TryLater, match=r"no answer within 0\.4 s"),
        opened(server.address(), within=0.4) as source,
    ):
        source.read()


def test_a_stream_that_is_no_row_of_jpegs_is_left_to_ffmpeg(tmp_path: Path) -> None:
    content = film(tmp_path / "clip.avi", 600, rate=100.0).read_bytes()
    picture = len(content) // 600

    def live(request: Request) -> None:
        request.begin("video/x-msvideo")
        for start in range(0, len(content), picture):
            request.wfile.write(content[start : start + picture])
            if request.server.stopped.wait(0.01):
                return

    with (
        HttpCameraServer(live, basic("viewer", SECRET)) as server,
        opened(server.address("/live.avi", login=f"viewer:{ENCODED}@")) as source,
    ):
        frames = [source.read(), source.read()]
        assert source.skip() is True
        frames.append(source.read())
    assert [frame.number for frame in frames] == [1, 2, 4]
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}


def test_damaged_pictures_of_a_stream_are_stepped_over() -> None:
    def answer(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        for picture in (jpeg(80)[:-40], jpeg(120), b"\xff\xd8\xff\xd9", jpeg(160)):
            request.wfile.write(b"--frame\r\n\r\n" + picture + b"\r\n")
            request.server.stopped.wait(0.05)
        request.server.stopped.wait(30.0)

    with HttpCameraServer(answer) as server, opened(server.address()) as source:
        assert [brightness(source.read()), brightness(source.read())] == [120, 160]


@pytest.mark.parametrize(
    "guard",
    [
        basic("viewer", SECRET),
        digest("viewer", SECRET),
        digest("viewer", SECRET, "SHA-256"),
        digest("viewer", SECRET, uses=1),
    ],
    ids=["basic", "digest", "sha256", "a number for each request"],
)
def test_a_camera_that_wants_a_password_gets_it_in_its_way(guard: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with HttpCameraServer(still(), guard) as server:  # type: ignore[arg-type]
        with opened(server.address(login=f"viewer:{ENCODED}@")) as source:
            assert [brightness(source.read()) for _ in range(3)] == [40, 44, 48]
            assert "viewer" not in repr(source)
        wrong = server.address(login="viewer:wrong@")
        with pytest.raises(TryLater, match="check user and password") as caught, opened(wrong):
            pass
    assert "wrong" not in str(caught.value)
    assert "viewer" not in str(caught.value)
    assert server.logins[0] == "", "nobody is told the password who does not ask"
    assert "viewer" not in caplog.text


def test_a_password_goes_to_its_own_server_only() -> None:
    with (
        HttpCameraServer(still(), basic("viewer", SECRET)) as other,
        HttpCameraServer(lambda r: r.give(b"", status=302, Location=other.address())) as server,
        pytest.raises(TryLater, match="401"),
        opened(server.address(login=f"viewer:{ENCODED}@")),
    ):
        pass
    assert set(server.logins + other.logins) == {""}


def test_a_camera_that_signed_its_own_certificate_is_read_and_one_without_tls_gets_a_sentence() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("camera.local").configure_cert(context)
    with HttpCameraServer(with_boundaries(), basic("viewer", SECRET)) as plain:
        address = plain.address("/stream", login=f"viewer:{ENCODED}@").replace("http:", "https:")
        with pytest.raises(TryLater, match=r"https://\*\*\*@127.*cannot be reached"), opened(address):
            pass
    with HttpCameraServer(with_boundaries(), basic("viewer", SECRET)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        address = server.address("/stream", login=f"viewer:{ENCODED}@").replace("http:", "https:")
        with opened(address) as source:
            assert brightness(source.read()) == 40


def test_a_redirection_is_followed() -> None:
    def answer(request: Request) -> None:
        if request.path == "/old":
            request.give(b"", status=301, Location="new?a=b")
        else:
            request.give(jpeg(90))

    with HttpCameraServer(answer) as server, opened(server.address("/old")) as source:
        assert brightness(source.read()) == 90
    assert server.asked == ["/old", "/new?a=b"]


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew() -> None:
    values = brightnesses()

    def answer(request: Request) -> None:
        request.give(jpeg(next(values)))
        request.close_connection = True  # without having said so

    with HttpCameraServer(answer) as server, opened(server.address()) as source:
        assert [brightness(source.read()) for _ in range(3)] == [40, 44, 48]
        assert server.connections == 3


def test_an_address_that_is_none_gets_a_sentence_without_its_password() -> None:
    with pytest.raises(TryLater, match="write # as %23") as caught, opened("http://viewer:ab#cd@127.0.0.1/x"):
        pass
    assert "ab" not in str(caught.value).partition("; in user")[0]


def with_a_thumbnail(value: int) -> bytes:
    """A picture that holds a smaller one in its header, as cameras make them."""
    whole, small = jpeg(value), jpeg(255 - value)
    return whole[:2] + b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small + whole[2:]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_jpegs_are_cut_out_wherever_the_pieces_end(size: int) -> None:
    pictures = [with_a_thumbnail(60), jpeg(90), b"\xff\xd8\xff\xd9", jpeg(120)]
    data = b"--x\r\n\r\n\xff" + b"\xff\r\n--x".join(pictures) + with_a_thumbnail(30)[:-30] + jpeg(150)
    cutter, found = JpegCutter(), []
    for start in range(0, len(data), size):
        cutter.feed(data[start : start + size])
        while (picture := cutter.take()) is not None:
            found.append(picture)
    assert found == [*pictures, jpeg(150)]
    assert not cutter.is_inside
