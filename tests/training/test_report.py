"""The report: what the gate got wrong is shown, what it got right is not."""

from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch: pip install -e '.[train]'")
report = import_module("training.report")
metrics = import_module("training.metrics")
pictures = import_module("training.pictures")

MASK, NO_MASK, INCORRECT = range(3)


def said(label: int) -> object:
    box = np.array([[20, 20, 100, 100]], np.float32)
    return metrics.Found(box, np.array([0.9], np.float32), np.array([label]))


def single(label: int) -> object:
    return pictures.Single(np.full((120, 120, 3), 40, np.uint8), label, tight=False)


def test_pictures_that_the_gate_got_wrong_are_shown_with_what_the_model_says(tmp_path: Path) -> None:
    singles = [single(MASK), single(NO_MASK), single(MASK)]
    lines = report.draw_gate_errors(singles, [said(INCORRECT), said(INCORRECT), said(MASK)], tmp_path / "gate.png")
    assert "gate.png" in lines
    shown = cv2.imread(str(tmp_path / "gate.png"))
    assert shown is not None
    assert shown.shape == (report.TILE, report.TILE * report.COLUMNS, 3)
    first, others = shown[:, : report.TILE], shown[:, report.TILE :]
    orange = report.COLOURS[INCORRECT][::-1]
    assert (first == orange).all(2).any()
    assert (others == 255).all()


def test_a_gate_without_errors_shows_nothing_and_leaves_no_picture_of_an_earlier_report(tmp_path: Path) -> None:
    (tmp_path / "gate.png").write_bytes(b"old")
    assert report.draw_gate_errors([single(NO_MASK)], [said(INCORRECT)], tmp_path / "gate.png") == ""
    assert not (tmp_path / "gate.png").exists()
