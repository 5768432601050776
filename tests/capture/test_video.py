"""A film is read frame by frame; what is wrong with it is said, never passed over in silence."""

import os
from pathlib import Path

import pytest
from tests.capture.scenes import film, frame_of
from tests.rights import closed

from edge_mask.capture import EndOfSource
from edge_mask.capture.film import VideoFile
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Seconds


def video(path: Path, *, interval: float = 0.0, loop: bool = False) -> VideoFile:
    source = VideoFile(path, camera="front", clock=ManualClock(), interval=Seconds(interval), loop=loop)
    source.open()
    return source


def everything(source: VideoFile) -> tuple[list[Frame], str]:
    """All frames, and what the end of the film had to say."""
    frames = []
    while True:
        try:
            frames.append(source.read())
        except EndOfSource as end:
            return frames, str(end)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_every_frame_is_read_once_in_order_and_says_where_it_came_from(tmp_path: Path, suffix: str) -> None:
    path = film(tmp_path / f"clip{suffix}", 20)
    frames, missing = everything(video(path))
    assert [frame_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.number for frame in frames] == list(range(1, 21))
    assert {frame.source for frame in frames} == {str(path)}
    assert missing == ""


def test_with_an_interval_the_looks_are_so_far_apart_in_the_film(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi", 20, rate=25.0)
    frames, missing = everything(video(path, interval=0.2))
    assert [frame_of(frame.image) for frame in frames] == [0, 5, 10, 15]
    assert [frame.number for frame in frames] == [1, 6, 11, 16]
    assert missing == ""


def test_with_loop_it_starts_again_and_the_numbers_go_on(tmp_path: Path) -> None:
    source = video(film(tmp_path / "clip.avi", 3), loop=True)
    frames = [source.read() for _ in range(7)]
    assert [frame_of(frame.image) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5, 6, 7]


def test_a_truncated_film_gives_the_frames_it_has_and_says_how_many_are_missing(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, missing = everything(video(path))
    assert 0 < len(frames) < 50
    assert "truncated" in missing
    assert f"after {len(frames)} of 50" in missing


def test_a_film_whose_index_is_cut_off_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Refused, match="truncated"):
        video(path)


@pytest.mark.parametrize("content", [None, b"", b"hello " * 100], ids=["missing", "empty", "text"])
def test_a_file_that_is_no_film_is_refused_and_for_later_with_loop(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused, match=r"clip\.mp4"):
        video(path)
    with pytest.raises(TryLater, match=r"clip\.mp4"):
        video(path, loop=True)
    film(path, 2)
    assert video(path, loop=True).read().number == 1


def test_a_folder_given_as_a_film_is_answered_with_the_source_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"is a folder; for its pictures, write images:{tmp_path}$"):
        video(tmp_path)


def test_a_relative_name_with_a_colon_is_a_file_and_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "clip.avi", 2).rename("rec-12:30.avi")
    frames, missing = everything(video(Path("rec-12:30.avi")))
    assert [(frame.source, frame_of(frame.image)) for frame in frames] == [("rec-12:30.avi", 0), ("rec-12:30.avi", 1)]
    assert missing == ""


def test_a_film_in_a_closed_folder_gets_the_reason_and_is_for_later_with_loop(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    path = film(tmp_path / "secret" / "clip.avi", 2)
    with closed(tmp_path / "secret"):
        with pytest.raises(Refused, match=r"clip\.avi: cannot be read \(Permission denied\)"):
            video(path)
        with pytest.raises(TryLater, match=r"clip\.avi: cannot be read \(Permission denied\)"):
            video(path, loop=True)
    assert len(everything(video(path))[0]) == 2


def test_a_name_that_is_not_utf_8_is_refused_before_opencv_sees_it(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi", 2).rename(tmp_path / os.fsdecode(b"clip\xff.avi"))
    with pytest.raises(Refused, match="its name is not UTF-8 text"):
        video(path)


def test_closing_twice_and_before_opening_is_harmless(tmp_path: Path) -> None:
    source = VideoFile(film(tmp_path / "clip.avi", 2), camera="front", clock=ManualClock())
    source.close()
    source.open()
    source.close()
    source.close()
    source.open()
    assert frame_of(source.read().image) == 0
