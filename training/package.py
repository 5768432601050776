"""The model package: files, card with checksums and figures, golden pictures with the answers of this very model."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge_mask.detect.model import ModelDetector
from edge_mask.detect.package import load_file, open_package
from edge_mask.picture import load_picture
from training.calibrate import fair_logit, fit_labels
from training.checks import HeldOut
from training.export import export_float, export_int8
from training.golden import write_golden
from training.judge import detections, judge, open_detector
from training.network import STRIDES, MaskNet
from training.pictures import LABELS, Pixels
from training.predict import SUPPRESSION

PROSE = Path(__file__).with_name("card_text.yaml")
MOST_STRETCH = 1.5  # halves the calibration error; twice that stretch costs 2 points of mAP when cut at 0.05
NMS_KEYS = ("iou", "class_agnostic", "vote", "support", "decay", "share", "floor")
CALIBRATING = 8  # rounds of moving the scores
THRESHOLD = 0.5  # scores are moved so that from here on as many faces are missed as are made up


@dataclass(frozen=True, slots=True)
class Label:
    """What the package is called and how it came to be."""

    name: str
    version: str
    seed: int
    command: str


def build_package(network: MaskNet, folder: Path, size: int, label: Label, held_out: HeldOut,
                  calibration: Sequence[Pixels], *, golden: bool = True) -> dict[str, Any]:  # fmt: skip
    """Write the whole package into `folder`; returns the card. The loader of the device has the last word.

    Without `golden` the card has no expected answers: a smoke model's are random, and its two files disagree.
    """
    folder.mkdir(parents=True, exist_ok=True)
    export_float(network, size, folder / "model.float.tflite")
    with tempfile.TemporaryDirectory() as apart:
        export_int8(network, folder / "model.int8.tflite", calibration, size, Path(apart))
    card = draft(folder, size, label)
    _calibrate(folder, card, held_out)
    card["figures"] = _figures(folder, held_out, label)
    pictures = write_golden(folder / "golden")
    card["golden"] = [{"picture": f"golden/{name}", "answer": []} for name in pictures] if golden else []
    write_card(folder, {**card, "golden": []})
    card["golden"] = _answers(folder, card)
    write_card(folder, card)
    for precision in ("float", "int8"):
        _verify(folder, precision)
    return card


def draft(folder: Path, size: int, label: Label) -> dict[str, Any]:
    """The card without what has to be measured."""
    prose = yaml.safe_load(PROSE.read_text(encoding="utf-8"))
    return {
        "name": label.name,
        "version": label.version,
        "licence": prose["licence"],
        "labels": list(LABELS),
        "input": {"size": [size, size], "color": "rgb", "mean": 127, "scale": 128,
                  "letterbox": {"anchor": "top_left", "fill": 114}},
        "decoding": {"kind": "anchor_free", "strides": list(STRIDES), "size_scale": 2.0,
                     "nms": {key: getattr(SUPPRESSION, key) for key in NMS_KEYS},
                     "max_faces": SUPPRESSION.most},
        "thresholds": {"default": THRESHOLD},
        "calibration": {},
        "files": _files(folder),
        "golden": [],
        "figures": None,
        "training": {**prose["training"], "seed": label.seed, "command": label.command},
        **{key: prose[key] for key in ("intended_use", "misuse", "limits")},
    }  # fmt: skip


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write `model.yaml`."""
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    (folder / "model.yaml").write_text(text, encoding="utf-8")


def _files(folder: Path) -> list[dict[str, Any]]:
    """Every runtime takes the float file by itself: only its answers are the same on all of them."""
    return [
        {
            "path": f"model.{precision}.tflite",
            "sha256": _sha256(folder / f"model.{precision}.tflite"),
            "precision": precision,
            "prefer": prefer,
        }
        for precision, prefer in (("float", ["ai-edge-litert", "tflite-runtime"]), ("int8", []))
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _calibrate(folder: Path, card: dict[str, Any], held_out: HeldOut) -> None:
    """Move each label's scores so that from 0.5 on as many faces are missed as made up, and stretch them a little.

    The whole fitted line would make other scores mean as much, but it pushes faint faces under any low threshold.
    What is moved is the score of a cell, what is judged that of a face after suppression, so it is done in rounds.
    """
    truth = [p.boxes for p in held_out.scenes]
    found: dict[str, dict[str, float]] = {}
    for _ in range(CALIBRATING):
        card["calibration"] = found
        write_card(folder, card)
        seen = detections(open_detector(folder, "float"), [p.pixels for p in held_out.scenes])
        for name, line in fit_labels(seen, truth).items():
            fair = fair_logit(seen, truth, LABELS.index(name))
            if line.slope > 0 and fair is not None:
                before = found.get(name)
                slope = min(line.slope, MOST_STRETCH) if before is None else before["slope"]
                # Half of the way: what supports an answer moves with it, and whole steps would go to and fro.
                offset = -slope * fair if before is None else before["offset"] - fair / 2
                found[name] = {"slope": round(slope, 3), "offset": round(offset, 3)}
    card["calibration"] = found
    write_card(folder, card)


def _figures(folder: Path, held_out: HeldOut, label: Label) -> dict[str, Any]:
    val = {
        precision: judge(open_detector(folder, precision), held_out.scenes, held_out.singles, THRESHOLD)
        for precision in ("float", "int8")
    }
    return {"command": f"python -m benchmarks.accuracy models/{label.name} --data PATH", "val": val}


def _answers(folder: Path, card: dict[str, Any]) -> list[dict[str, Any]]:
    """What the float file says of the golden pictures; the tolerance covers the difference to int8."""
    detector = open_detector(folder, "float")
    return [{**golden, "answer": _answer(detector, folder / golden["picture"]), "score_tolerance": 0.05, "iou": 0.7}
            for golden in card["golden"]]  # fmt: skip


def _answer(detector: ModelDetector, picture: Path) -> list[dict[str, Any]]:
    shown = load_picture(picture)
    answer = []
    for face in detector.detect(shown.image):
        box = shown.in_file(face.box)
        sides = [round(side, 1) for side in (box.x, box.y, box.w, box.h)]
        answer.append({"label": face.label, "score": round(face.score, 3), "box": sides})
    return answer


def _verify(folder: Path, precision: str) -> None:
    """The device's own check of one file; raises ModelError."""
    from edge_mask.detect.golden import check_golden

    package = open_package(folder)
    file = next(file for file in package.card.files if file.precision == precision)
    check_golden(load_file(package, file, threads=1, runtime="ai-edge-litert"), folder)
