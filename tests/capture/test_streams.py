"""Network cameras: a real stream, its losses, and no password in anything that is said."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.capture.rtsp import RtspCamera
from tests.capture.scenes import Reports

from edge_mask.capture import Camera
from edge_mask.capture.address import redacted
from edge_mask.capture.opencv import NetworkStream
from edge_mask.errors import TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import Latest, Tray
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds

SECRET = "s3cret"


def stream(port: int, *, within: float = 5.0, user: str = f"admin:{SECRET}@") -> NetworkStream:
    address = f"rtsp://{user}127.0.0.1:{port}/live"
    limit = Seconds(within)
    return NetworkStream(address, camera="front", clock=SystemClock(), open_timeout=limit, read_timeout=limit)


@contextlib.contextmanager
def opened(source: NetworkStream) -> Iterator[NetworkStream]:
    source.open()
    try:
        yield source
    finally:
        source.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def read_until_lost(source: NetworkStream) -> tuple[int, str]:
    """The number of the last frame before the camera was lost, and what was said then."""
    number = 0
    while True:
        try:
            number = source.read().number
        except TryLater as error:
            return number, str(error)


def test_pictures_of_a_real_stream_arrive_in_order() -> None:
    with RtspCamera() as camera, opened(stream(camera.port)) as source:
        first, second = source.read(), source.read()
        source.skip()
        last = source.read()
    assert first.image.shape == (48, 64, 3)
    assert first.image.mean() < second.image.mean() < last.image.mean()
    assert [first.number, second.number, last.number] == [1, 2, 4]


def test_a_camera_that_wants_a_password_gets_it() -> None:
    with RtspCamera(f"admin:{SECRET}") as camera:
        with opened(stream(camera.port)) as source:
            assert source.read().number == 1
        with pytest.raises(TryLater, match="check the address, user and password"):
            stream(camera.port, user="admin:wrong@").open()
        assert camera.refused >= 2


def test_a_stream_that_is_refused_says_so_without_the_password() -> None:
    source = stream(closed_port())
    with pytest.raises(TryLater) as caught:
        source.open()
    for text in (str(caught.value), repr(caught.value), repr(source), str(source)):
        assert SECRET not in text
        assert "admin" not in text
    assert "127.0.0.1" in str(caught.value)


def test_a_host_that_accepts_and_never_answers_is_given_up_after_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TryLater, match="no stream"):
        stream(silent.getsockname()[1], within=0.3).open()


def test_a_stream_that_goes_quiet_is_lost_after_the_time_limit() -> None:
    with RtspCamera() as camera, opened(stream(camera.port, within=1.0)) as source:
        source.read()
        camera.is_quiet.set()
        assert "no more pictures" in read_until_lost(source)[1]


def test_a_camera_that_hangs_up_is_lost_and_a_new_connection_goes_on_counting() -> None:
    with RtspCamera() as camera, opened(stream(camera.port)) as source:
        before = source.read().number
        camera.hang_up()
        number, _ = max((before, ""), read_until_lost(source))
        source.open()
        assert source.read().number == number + 1


def test_the_worker_brings_a_stream_back_that_was_cut() -> None:
    tray: Tray[Frame] = Tray()
    reports = Reports()
    clock = SystemClock()
    with RtspCamera() as server:
        camera = Camera("front", stream(server.port), Latest(tray), clock, reports, is_live=True)
        worker = Worker(camera, clock, lambda failed: None)
        worker.start()
        before = tray.take(10.0)
        server.hang_up()
        lost = threading.Event()
        while not lost.is_set() and tray.take(10.0) is not None:
            if "camera_lost" in reports.codes:
                lost.set()
        after = tray.take(10.0)
        worker.request_stop()
        assert worker.join(10.0)
    assert before is not None
    assert after is not None
    assert reports.codes == ["camera_lost"]
    assert worker.failure is None


def test_reading_before_opening_is_a_lost_camera() -> None:
    with pytest.raises(TryLater):
        NetworkStream("rtsp://127.0.0.1/x", camera="front", clock=ManualClock()).read()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam.local:554/live", "rtsp://cam.local:554/live"),
        ("rtsp://admin:pw@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://admin:p@ss/w:rd@cam.local/live", "rtsp://***@cam.local/live"),
        ("http://cam.local/video?user=admin&pwd=pw&ch=1", "http://cam.local/video?user=***&pwd=***&ch=***"),
        ("rtsp://cam.local/user=admin&password=pw", "rtsp://cam.local/user=***&password=***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert redacted(address) == shown


def test_the_library_does_not_talk_past_our_log() -> None:
    """FFmpeg would print the address of a stream and the name of a file to stderr."""
    program = f"""
from pathlib import Path
from edge_mask.capture import source_for
from edge_mask.errors import EdgeMaskError
from edge_mask.runtime.clock import SystemClock
for source in ("rtsp://admin:{SECRET}@127.0.0.1:{closed_port()}/x", "file:{__file__}", "usb:77"):
    try:
        source_for(source, camera="front", clock=SystemClock()).open()
    except EdgeMaskError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert SECRET not in done.stdout
    assert len(done.stdout.splitlines()) == 3
