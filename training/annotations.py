"""The project's own annotation format, read with care: people write such files by hand and with scripts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("mask", "no_mask", "incorrect")

_FARTHEST = 1e6  # pixels; no picture is so large

Boxes = NDArray[np.float32]  # n × 5: label index, x1, y1, x2, y2 in pixels


class BadData(ValueError):
    """Training data that cannot be used: the sentence says which file, what is wrong and what is allowed."""


def entries(path: Path) -> list[dict[str, Any]]:
    """The picture entries of an annotation file, each with the name of its `file`. Raises BadData."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadData(f"{path}: no such annotation file; see docs/training.md for the layout") from None
    except OSError as wrong:
        raise BadData(f"{path}: cannot be read ({wrong.strerror})") from wrong
    except (ValueError, RecursionError) as wrong:  # also what is no UTF-8
        raise BadData(f"{path}: is no JSON ({wrong})") from wrong
    found = content.get("images") if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise BadData(f'{path}: expected JSON {{"images": [...]}}, found something else')
    for place, entry in enumerate(found):
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise BadData(f'{path}: images[{place}]: expected {{"file": "images/a.jpg", ...}}, found {_short(entry)}')
    return found


def label_index(name: object, where: str) -> int:
    """The index of a label; BadData names the allowed ones."""
    if name not in LABELS:
        raise BadData(f"{where}: unknown label {_short(name)}; allowed are {', '.join(LABELS)}")
    return LABELS.index(name)


def parse_boxes(entry: dict[str, Any], where: str, size: tuple[int, ...]) -> Boxes:
    """The boxes of one entry, for a picture of that height and width.

    Raises BadData on an unknown label, a box without area and one that is beside the picture; one that reaches over
    its edge is cut later.
    """
    found = entry.get("boxes", [])
    if not isinstance(found, list):
        raise BadData(f"{where}: boxes: expected a list, found {_short(found)}")
    rows = []
    for box in found:
        sides: Any = box.get("bbox") if isinstance(box, dict) else None
        if not _is_four_numbers(sides):
            raise BadData(f'{where}: expected {{"cls": "mask", "bbox": [x1, y1, x2, y2]}}, found {_short(box)}')
        x1, y1, x2, y2 = map(float, sides)
        if not (x2 > x1 and y2 > y1):
            raise BadData(f"{where}: box {sides} has no area; expected [x1, y1, x2, y2] with x2 > x1 and y2 > y1")
        if x2 <= 0 or y2 <= 0 or x1 >= size[1] or y1 >= size[0]:
            raise BadData(f"{where}: box {sides} lies beside the picture, which has {size[1]} × {size[0]} pixels")
        rows.append((label_index(box.get("cls"), where), x1, y1, x2, y2))
    return np.array(rows, np.float32).reshape(-1, 5)


def _is_four_numbers(found: object) -> bool:
    return (
        isinstance(found, list)
        and len(found) == 4
        and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < _FARTHEST for v in found)
    )


def _short(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 80 else f"{text[:80]}…"
