"""The driver of the Pi's camera against a stand-in for its library (it needs a Raspberry Pi to run for real)."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_mask.capture import source_for
from edge_mask.capture.picamera import PiCamera
from edge_mask.errors import TryLater
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Seconds

STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in, importable as picamera2 for one test."""
    monkeypatch.syspath_prepend(str(STAND_IN))
    library = importlib.import_module("picamera2")
    assert library.__file__ is not None
    assert library.__file__.startswith(str(STAND_IN))
    yield library.Picamera2
    del sys.modules["picamera2"]


def opened(timeout: float = 5.0) -> PiCamera:
    source = PiCamera(camera="front", clock=ManualClock(), size=(64, 48), timeout=Seconds(timeout))
    source.open()
    return source


def test_frames_come_as_blue_green_red_pictures_of_the_size_asked_for(board: Any) -> None:
    source = opened()
    first = source.read()
    source.skip()
    third = source.read()
    assert first.image.shape == (48, 64, 3)
    assert [first.number, third.number] == [1, 3]
    assert third.image.mean() > first.image.mean()
    source.close()
    assert board.open_cameras == []


def test_a_loose_cable_is_a_lost_camera_that_can_be_opened_again(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened(timeout=0.01)
    monkeypatch.setattr(board, "is_connected", False)
    for call in (source.read, source.skip):
        with pytest.raises(TryLater, match="check the cable"):
            call()
    source.close()
    monkeypatch.setattr(board, "is_connected", True)
    source.open()
    assert source.read().number == 1
    source.close()


def test_a_camera_in_use_or_not_there_is_for_later(board: Any) -> None:
    first = opened()
    with pytest.raises(TryLater, match="cannot be opened"):
        opened()
    first.close()
    first.close()
    with pytest.raises(TryLater, match="is not open"):
        first.read()
    missing = source_for("picamera2:3", camera="front", clock=ManualClock())
    with pytest.raises(TryLater, match="picamera2:3"):
        missing.open()
