"""Cards for two public mask detectors, so that our own loader runs them beside our model.

The weights are not part of this project: AIZOO's FaceMaskDetection (MIT) as `aizoo.tflite`, and an
SSDLite MobileDet (Apache-2.0) as `mobiledet.tflite`, in a folder that is named on the command line.
"""

import hashlib
from pathlib import Path
from typing import Any

import yaml

CARDS: dict[str, dict[str, Any]] = {
    "aizoo": {
        "licence": "MIT",
        "labels": ["Mask", "NoMask"],
        "label_map": {"Mask": "mask", "NoMask": "no_mask"},
        "input": {"size": [260, 260], "color": "rgb", "mean": 0, "scale": 255, "resize": "stretch"},
        "decoding": {
            "kind": "ssd_raw",
            "grids": [[33, 33], [17, 17], [9, 9], [5, 5], [3, 3]],
            "sizes": [[0.04, 0.056], [0.08, 0.11], [0.16, 0.22], [0.32, 0.45], [0.64, 0.72]],
            "ratios": [[1, 0.62, 0.42]] * 5,
            "nms": {"iou": 0.4, "class_agnostic": True},
        },
    },
    "mobiledet": {
        "licence": "Apache-2.0",
        "labels": ["with_mask", "without_mask", "mask_worn_incorrectly"],
        "label_map": {"with_mask": "mask", "without_mask": "no_mask", "mask_worn_incorrectly": "incorrect"},
        "input": {"size": [320, 320], "color": "rgb", "mean": 127.5, "scale": 127.5, "resize": "stretch"},
        "decoding": {"kind": "ssd_postprocess"},
    },
}


def write_peers(weights: Path, into: Path) -> dict[str, Path]:
    """Package folders, made below `into`, of those peers whose weights lie in `weights`."""
    made = {}
    for name, card in CARDS.items():
        source = weights / f"{name}.tflite"
        if source.is_file():
            made[name] = _write(name, card, source.read_bytes(), into / name)
    return made


def _write(name: str, card: dict[str, Any], graph: bytes, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(graph)
    file = {"path": "model.tflite", "sha256": hashlib.sha256(graph).hexdigest(), "precision": "float"}
    text = yaml.safe_dump({"name": name, "version": "1", **card, "files": [file]}, sort_keys=False)
    (folder / "model.yaml").write_text(text)
    return folder
