"""One suite for every FrameSource that can run here: what the protocol promises, whoever keeps it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.capture.rtsp import RtspCamera
from tests.capture.scenes import ScriptedCamera, film, noise, save

from edge_mask.capture import EndOfSource, FrameSource
from edge_mask.capture.film import VideoFile
from edge_mask.capture.images import ImageFolder
from edge_mask.capture.opencv import NetworkStream
from edge_mask.messages import Frame
from edge_mask.runtime.clock import ManualClock, SystemClock

Make = Callable[[], FrameSource]


@pytest.fixture(params=["images", "video", "stream", "scripted"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Builds a source of at least three pictures."""
    clock = SystemClock()
    with contextlib.ExitStack() as stack:
        match request.param:
            case "images":
                for number in range(3):
                    save(tmp_path / f"{number}.png", noise(number))
                yield lambda: ImageFolder(tmp_path, camera="front", clock=clock)
            case "video":
                path = film(tmp_path / "clip.avi", 3)
                yield lambda: VideoFile(path, camera="front", clock=clock)
            case "stream":
                server = stack.enter_context(RtspCamera())
                yield lambda: NetworkStream(f"rtsp://127.0.0.1:{server.port}/live", camera="front", clock=clock)
            case _:
                yield lambda: ScriptedCamera([noise(number) for number in range(5)], ManualClock())


def some(source: FrameSource, count: int) -> list[Frame]:
    return [source.read() for _ in range(count)]


def test_frames_carry_camera_number_picture_and_moment(make: Make) -> None:
    source = make()
    source.open()
    frames = some(source, 3)
    source.close()
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert {frame.camera for frame in frames} == {"front"}
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert all(frame.image.dtype.name == "uint8" for frame in frames)
    assert all(frame.at.mono > 0.0 for frame in frames)


def test_closing_is_harmless_at_any_time_and_opening_again_goes_on_counting(make: Make) -> None:
    source = make()
    source.close()
    source.open()
    last = some(source, 2)[-1].number
    source.close()
    source.close()
    source.open()
    assert source.read().number == last + 1
    source.close()


def test_letting_a_frame_go_by_never_ends_a_file(make: Make) -> None:
    source = make()
    source.open()
    for _ in range(5):
        source.skip()
    try:
        assert source.read().image.shape == (48, 64, 3)
    except EndOfSource:
        pytest.fail("skip took the last frame")
    finally:
        source.close()
