"""A folder of pictures is read in order, and no file in it stops the reading."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.capture.scenes import noise, save

from edge_mask.capture import EndOfSource
from edge_mask.capture.images import ImageFolder
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import ManualClock


def folder(path: Path, *, loop: bool = False) -> ImageFolder:
    source = ImageFolder(path, camera="front", clock=ManualClock(), loop=loop)
    source.open()
    return source


def everything(source: ImageFolder) -> tuple[list[Frame], list[str]]:
    """All frames, and the sentences about files that gave none."""
    frames, refusals = [], []
    while True:
        try:
            frames.append(source.read())
        except Refused as error:
            refusals.append(str(error))
        except EndOfSource:
            return frames, refusals


def test_pictures_come_in_the_order_of_their_names_and_are_numbered(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "10.png", "2.png"):
        save(tmp_path / name, noise(1))
    frames, _ = everything(folder(tmp_path))
    assert [Path(frame.source).name for frame in frames] == ["10.png", "2.png", "a.png", "b.png"]
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert {frame.camera for frame in frames} == {"front"}


def test_a_text_file_named_jpg_and_an_empty_one_are_refused_with_a_sentence_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
    save(tmp_path / "a.png", noise(1))
    (tmp_path / "b.jpg").write_text("not a picture")
    (tmp_path / "c.jpg").write_bytes(b"")
    save(tmp_path / "d.png", noise(2))
    frames, refusals = everything(folder(tmp_path))
    assert [Path(frame.source).name for frame in frames] == ["a.png", "d.png"]
    assert len(refusals) == 2
    assert "b.jpg" in refusals[0]
    assert "0 bytes" in refusals[1]


def test_what_is_no_picture_by_its_name_is_not_read_at_all(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(1))
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".hidden.jpg").write_text("hello")
    (tmp_path / "folder.jpg").mkdir()
    frames, refusals = everything(folder(tmp_path))
    assert len(frames) == 1
    assert refusals == []


def test_pictures_of_every_size_and_kind_are_read(tmp_path: Path) -> None:
    save(tmp_path / "1x1.png", noise(1, 1, 1))
    save(tmp_path / "grey.png", np.full((20, 30), 90, np.uint8))
    save(tmp_path / "huge.jpg", np.full((6000, 8000, 3), 120, np.uint8))
    assert cv2.imwrite(str(tmp_path / "see-through.png"), np.full((20, 30, 4), 90, np.uint8))
    frames, refusals = everything(folder(tmp_path))
    assert refusals == []
    assert all(frame.image.ndim == 3 and frame.image.shape[2] == 3 for frame in frames)
    assert [Path(frame.source).stem for frame in frames] == ["1x1", "grey", "huge", "see-through"]


def test_with_loop_it_starts_again_and_refuses_a_bad_file_only_the_first_time(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(1))
    (tmp_path / "b.jpg").write_text("not a picture")
    source = folder(tmp_path, loop=True)
    first = source.read()
    with pytest.raises(Refused, match=r"b\.jpg"):
        source.read()
    again = [source.read() for _ in range(3)]
    assert [first.number, *(frame.number for frame in again)] == [1, 2, 3, 4]


def test_with_loop_a_file_that_was_caught_half_written_is_read_when_it_has_changed(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(1))
    whole = save(tmp_path / "b.png", noise(2)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:100])
    source = folder(tmp_path, loop=True)
    assert Path(source.read().source).name == "a.png"
    with pytest.raises(Refused, match=r"b\.png: is truncated"):
        source.read()
    assert Path(source.read().source).name == "a.png"  # the same version is not reported again
    (tmp_path / "b.png").write_bytes(whole[:200])
    with pytest.raises(Refused, match=r"b\.png: is truncated"):
        source.read()
    (tmp_path / "b.png").write_bytes(whole)
    assert [Path(source.read().source).name for _ in range(4)] == ["a.png", "b.png", "a.png", "b.png"]


def test_with_loop_a_folder_of_rubbish_is_for_later_and_not_read_round_and_round(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_text("not a picture")
    source = folder(tmp_path, loop=True)
    with pytest.raises(Refused):
        source.read()
    with pytest.raises(TryLater, match="none of its files"):
        source.read()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "empty"])
def test_a_missing_or_empty_folder_is_refused_once_and_for_later_with_loop(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]  # a parametrized lambda
    place = tmp_path / "pictures"
    make(place)
    with pytest.raises(Refused, match="pictures"):
        folder(place)
    with pytest.raises(TryLater, match="pictures"):
        folder(place, loop=True)
    place.mkdir(exist_ok=True)
    save(place / "a.png", noise(1))
    assert folder(place, loop=True).read().number == 1


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be listed"):
        folder(save(tmp_path / "a.png", noise(1)))
