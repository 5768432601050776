"""What is measured on the files of a package, and goes into its card: calibration, figures, golden answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from edge_mask.detect.model import ModelDetector
from edge_mask.packages.golden import check_golden
from edge_mask.packages.load import load_file
from edge_mask.packages.package import open_package
from edge_mask.picture import load_picture
from training.annotations import LABELS, Boxes
from training.calibrate import fair_logit, fit_all
from training.judge import detections, judge, open_detector
from training.pictures import HeldOut, Pixels

MOST_STRETCH = 1.5  # halves the calibration error; twice that stretch costs 2 points of mAP when cut at 0.05
CALIBRATING = 8  # rounds of moving the scores
THRESHOLD = 0.5  # scores are moved so that from here on there are as many answers as faces
PRECISIONS = ("float", "int8")


def measure(folder: Path, card: dict[str, Any], held_out: HeldOut) -> dict[str, Any]:
    """Calibrate, take the figures, ask for the golden pictures that `card` names; write and return the whole card.

    The loader of the device has the last word: raises ModelError where a file disagrees with the golden answers.
    """
    calibrate(folder, card, [p.pixels for p in held_out.scenes], [p.boxes for p in held_out.scenes])
    val = {
        precision: judge(open_detector(folder, precision), held_out.scenes, held_out.singles, THRESHOLD)
        for precision in PRECISIONS
    }
    card["figures"] = {"command": f"python -m benchmarks.accuracy models/{card['name']} --data PATH", "val": val}
    card["golden"] = _answers(folder, card)
    write_card(folder, card)
    for precision in PRECISIONS:
        _verify(folder, precision)
    return card


def calibrate(folder: Path, card: dict[str, Any], pictures: Sequence[Pixels], truth: Sequence[Boxes]) -> None:
    """Move the scores so that from 0.5 on there are as many answers as faces, and stretch them a little.

    One line for all labels: which label of a face is the surer one, and which of two faces, stays the network's to say.
    Each face counts once, whatever it is called, as the daemon has it (`edge_mask.track.distinct`). The whole fitted
    line would make other scores mean as much, but it pushes faint faces under any low threshold. What is moved is the
    score of a cell, what is judged that of a face after suppression, so it is done in rounds.
    """
    faces = sum(len(boxes) for boxes in truth)
    slope, offset = 1.0, 0.0
    card["calibration"] = {}
    for round_ in range(CALIBRATING):
        _write_unfinished(folder, card)
        detector = open_detector(folder, "float")
        if round_ == 0:
            line = fit_all(detections(detector, pictures), truth)
            if line is None or line.slope <= 0:
                return
            slope = min(line.slope, MOST_STRETCH)
        fair = fair_logit(detections(detector, pictures, one_each=True), faces)
        if fair is None:
            return
        # Half of the way: what supports an answer moves with it, and whole steps would go to and fro.
        offset -= slope * fair if round_ == 0 else fair / 2
        card["calibration"] = {label: {"slope": round(slope, 3), "offset": round(offset, 3)} for label in LABELS}
    _write_unfinished(folder, card)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write `model.yaml`."""
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    (folder / "model.yaml").write_text(text, encoding="utf-8")


def _write_unfinished(folder: Path, card: dict[str, Any]) -> None:
    """Without golden answers: those change with the calibration."""
    write_card(folder, {**card, "golden": []})


def _answers(folder: Path, card: dict[str, Any]) -> list[dict[str, Any]]:
    """What the float file says of the golden pictures; the tolerance covers the difference to int8."""
    detector = open_detector(folder, "float")
    return [{"picture": golden["picture"], "answer": _answer(detector, folder / golden["picture"]),
             "score_tolerance": 0.05, "iou": 0.7} for golden in card["golden"]]  # fmt: skip


def _answer(detector: ModelDetector, picture: Path) -> list[dict[str, Any]]:
    shown = load_picture(picture)
    answer = []
    for face in detector.detect(shown.image):
        box = shown.in_file(face.box)
        sides = [round(side, 1) for side in (box.x, box.y, box.w, box.h)]
        answer.append({"label": face.label, "score": round(face.score, 3), "box": sides})
    return answer


def _verify(folder: Path, precision: str) -> None:
    """The device's own check of one file."""
    package = open_package(folder)
    file = next(file for file in package.card.files if file.precision == precision)
    check_golden(load_file(package, file, threads=1, runtime="ai-edge-litert"), package)
