"""The model package: files, card with checksums and figures, golden pictures with the answers of this very model."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training.annotations import LABELS
from training.export import export_float, export_int8
from training.golden import write_golden
from training.measured import THRESHOLD, measure
from training.network import STRIDES, MaskNet
from training.pictures import HeldOut, Pixels
from training.predict import SUPPRESSION

PROSE = Path(__file__).with_name("card_text.yaml")
NMS_KEYS = ("iou", "class_agnostic", "vote", "support", "decay", "share", "floor")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the package is called and how it came to be."""

    name: str
    version: str
    seed: int
    command: str


def build_package(network: MaskNet, folder: Path, size: int, origin: Origin, held_out: HeldOut,
                  calibration: Sequence[Pixels], *, golden: bool = True) -> dict[str, Any]:  # fmt: skip
    """Write the whole package into `folder`; returns the card. The loader of the device has the last word.

    Without `golden` the card has no expected answers: a smoke model's are random, and its two files disagree.
    """
    folder.mkdir(parents=True, exist_ok=True)
    export_float(network, size, folder / "model.float.tflite")
    with tempfile.TemporaryDirectory() as apart:
        export_int8(network, folder / "model.int8.tflite", calibration, size, Path(apart))
    card = draft(folder, size, origin)
    pictures = write_golden(folder / "golden")
    card["golden"] = [{"picture": f"golden/{name}"} for name in pictures] if golden else []
    return measure(folder, card, held_out)


def draft(folder: Path, size: int, origin: Origin) -> dict[str, Any]:
    """The card without what has to be measured."""
    prose = yaml.safe_load(PROSE.read_text(encoding="utf-8"))
    return {
        "name": origin.name,
        "version": origin.version,
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
        "training": {**prose["training"], "seed": origin.seed, "command": origin.command},
        **{key: prose[key] for key in ("intended_use", "misuse", "limits")},
    }  # fmt: skip


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
