"""Model packages written to a folder, small enough to be made for each test."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from edge_mask.messages import Image

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)
"""In OpenCV's channel order."""
PLAIN_INPUT: dict[str, Any] = {
    "size": [64, 64], "color": "rgb", "mean": 0, "scale": 255, "letterbox": {"anchor": "top_left", "fill": 0},
}  # fmt: skip
ANCHOR_FREE: dict[str, Any] = {"kind": "anchor_free", "strides": [8, 16], "size_scale": 1.0}


def picture(size: tuple[int, int], *squares: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> Image:
    """A black picture (width, height) with coloured squares (x, y, w, h)."""
    image: Image = np.zeros((size[1], size[0], 3), np.uint8)
    for (x, y, w, h), colour in squares:
        image[y : y + h, x : x + w] = colour
    return image


def card(graphs: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """A card for these files; `changes` replace its keys, None removes one."""
    content: dict[str, Any] = {
        "name": "tiny",
        "version": "1.0.0",
        "licence": "Apache-2.0",
        "labels": ["mask", "no_mask", "incorrect"],
        "input": PLAIN_INPUT,
        "decoding": ANCHOR_FREE,
        "thresholds": {"default": 0.5},
        "files": [
            {"path": name, "sha256": hashlib.sha256(graph).hexdigest(), "precision": "float"}
            for name, graph in graphs.items()
        ],
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}


def write_package(folder: Path, graph: bytes | dict[str, bytes], **changes: Any) -> Path:
    """A package folder with its card and graphs."""
    graphs = graph if isinstance(graph, dict) else {"model.tflite": graph}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in graphs.items():
        (folder / name).write_bytes(content)
    (folder / "model.yaml").write_text(yaml.safe_dump(card(graphs, **changes), sort_keys=False))
    return folder


def write_picture(path: Path, image: Image) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def encoded(image: Image) -> bytes:
    """The picture as a PNG file."""
    done, data = cv2.imencode(".png", image)
    assert done
    return bytes(data)
