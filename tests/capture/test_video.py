"""A film is read frame by frame; what is wrong with it is said, never passed over in silence."""

import os
from pathlib import Path

import pytest
from tests.capture.mp4_files import put_header_first, trim, vary_rate
from tests.capture.scenes import film, frame_of
from tests.rights import closed

from edge_mask.capture import EndOfSource
from edge_mask.capture.film import VideoFile
from edge_mask.capture.mp4 import shown_frames
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
    assert 0 < len(frames) < 70
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


def test_with_an_interval_a_second_of_a_film_with_a_varying_rate_is_a_second(tmp_path: Path) -> None:
    """Ten pictures of half a second, then twenty of a fiftieth: the mean rate is that of neither part."""
    path = vary_rate(film(tmp_path / "clip.mp4", 30), [(10, 0.5), (20, 0.02)])
    frames, missing = everything(video(path, interval=1.0))
    assert [frame.number - 1 for frame in frames] == [0, 2, 4, 6, 8, 10]
    assert missing == ""


def test_a_gap_in_a_film_is_not_made_up_for(tmp_path: Path) -> None:
    path = vary_rate(film(tmp_path / "clip.mp4", 25), [(5, 0.04), (1, 9.0), (19, 0.04)])
    frames, _ = everything(video(path, interval=0.2))
    assert [frame.number - 1 for frame in frames] == [0, 5, 6, 11, 16, 21]


def test_frames_without_time_stamps_last_as_long_as_the_films_rate_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoFile, "_film_time", lambda self: 0.0)
    frames, _ = everything(video(film(tmp_path / "clip.avi", 20, rate=10.0), interval=0.5))
    assert [frame_of(frame.image) for frame in frames] == [0, 5, 10, 15]


def test_a_film_that_was_trimmed_without_encoding_is_whole(tmp_path: Path) -> None:
    path = trim(film(tmp_path / "clip.mp4", 26), hidden=12, shown=8)
    frames, missing = everything(video(path))
    assert 8 <= len(frames) <= 9
    assert missing == ""


@pytest.mark.parametrize("trimmed", [False, True])
def test_a_film_whose_pictures_are_cut_off_says_how_many_it_promised(tmp_path: Path, trimmed: bool) -> None:
    path = film(tmp_path / "clip.mp4", 100)
    if trimmed:
        trim(path, hidden=12, shown=80)
    put_header_first(path)
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 5])
    frames, missing = everything(video(path))
    assert 0 < len(frames) < 70
    assert f"is truncated, it ended after {len(frames)} of {80 if trimmed else 100} frames" in missing


def test_a_header_that_is_damaged_promises_nothing(tmp_path: Path) -> None:
    whole = film(tmp_path / "clip.mp4", 20).read_bytes()
    assert shown_frames(tmp_path / "clip.mp4") == 20
    assert shown_frames(tmp_path / "none.mp4") is None
    header = whole.index(b"moov")
    for at in range(header, len(whole), 4):
        (tmp_path / "clip.mp4").write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        shown_frames(tmp_path / "clip.mp4")
        (tmp_path / "clip.mp4").write_bytes(whole[:at])
        shown_frames(tmp_path / "clip.mp4")
