"""Pictures annotated elsewhere: YOLO and PASCAL VOC folders into the project's own layout.

python -m training.importers voc  FOLDER --data DATA --split train
python -m training.importers yolo FOLDER --data DATA --split val --label 0=mask --label face=no_mask
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import yaml

from training.annotations import LABELS, BadData, entries

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
IGNORED = "ignored"

KNOWN_NAMES = {
    **{label: label for label in LABELS},
    "with_mask": "mask", "masked": "mask", "face_mask": "mask", "good": "mask",
    "without_mask": "no_mask", "no-mask": "no_mask", "nomask": "no_mask", "face": "no_mask", "none": "no_mask",
    "mask_weared_incorrect": "incorrect", "incorrect_mask": "incorrect", "mask_worn_incorrectly": "incorrect",
    "bad": "incorrect",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Annotated:
    """One picture file with its boxes: label name and x1, y1, x2, y2 in pixels."""

    picture: Path
    width: int
    height: int
    boxes: tuple[tuple[str, float, float, float, float], ...]


def read_voc(folder: Path) -> Iterator[Annotated]:
    """Every `*.xml` below `folder`; the picture is looked for beside it, and in folders named for pictures."""
    files = sorted(folder.rglob("*.xml"))
    if not files:
        raise BadData(f"{folder}: no .xml annotation found; a VOC folder has one for each picture")
    pictures = picture_index(folder)
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
        except ElementTree.ParseError as wrong:
            raise BadData(f"{file}: not valid XML ({wrong})") from wrong
        names = (Path(root.findtext("filename") or "").stem, file.stem)
        picture = next((pictures[name] for name in names if name in pictures), None)
        if picture is None:
            raise BadData(f"{file}: no picture {' or '.join(dict.fromkeys(names))}.jpg/.png found below {folder}")
        height, width = picture_size(picture)
        boxes = tuple(_voc_box(node, file) for node in root.iter("object"))
        yield Annotated(picture, width, height, boxes)


def _voc_box(node: ElementTree.Element, file: Path) -> tuple[str, float, float, float, float]:
    corners = [node.findtext(f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    try:
        x1, y1, x2, y2 = (float(value or "") for value in corners)
    except ValueError:
        raise BadData(f"{file}: an object has the corners {corners}; expected four numbers in bndbox") from None
    return node.findtext("name") or "", x1, y1, x2, y2


def read_yolo(folder: Path) -> Iterator[Annotated]:
    """Every picture below `folder` that has a `.txt` of the same name: lines `class cx cy w h`, parts of the picture.

    A picture without such a file has no faces only if it lies in `images/` beside a `labels/` folder.
    """
    names = class_names(folder)
    texts = {path.stem: path for path in sorted(folder.rglob("*.txt")) if path.name not in {"classes.txt", "train.txt"}}
    if not texts:
        raise BadData(f"{folder}: no .txt annotation found; a YOLO folder has images/ and labels/")
    for stem, picture in picture_index(folder).items():
        text = texts.get(stem)
        if text is None and "images" not in picture.parts:
            continue
        height, width = picture_size(picture)
        lines = text.read_text(encoding="utf-8").splitlines() if text else []
        boxes = [
            _yolo_box(line, f"{text}, line {n}", names, width, height)
            for n, line in enumerate(lines, 1)
            if line.strip()
        ]
        yield Annotated(picture, width, height, tuple(boxes))


def _yolo_box(line: str, where: str, names: Mapping[int, str], width: int,
              height: int) -> tuple[str, float, float, float, float]:  # fmt: skip
    try:
        number, cx, cy, w, h = (float(part) for part in line.split()[:5])
    except ValueError:
        raise BadData(f"{where}: found {line!r}, expected five numbers: class cx cy w h") from None
    if not all(0 <= value <= 1.001 for value in (cx, cy, w, h)):
        raise BadData(f"{where}: found {line!r}; cx, cy, w, h are parts of the picture, between 0 and 1")
    label = names.get(int(number), str(int(number)))
    return label, (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height


def class_names(folder: Path) -> dict[int, str]:
    """Names by number from `data.yaml` (names:) or `classes.txt`; empty when there is neither."""
    for path in sorted(folder.rglob("*.yaml")):
        names = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("names")
        if names:
            return {int(k): str(v) for k, v in (names.items() if isinstance(names, dict) else enumerate(names))}
    for path in sorted(folder.rglob("classes.txt")):
        return dict(enumerate(path.read_text(encoding="utf-8").split()))
    return {}


def picture_index(folder: Path) -> dict[str, Path]:
    """Every picture below `folder` by its name without suffix."""
    return {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES}


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width; BadData when it cannot be decoded."""
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise BadData(f"{path}: not a picture that can be decoded; use JPEG or PNG, or remove it")
    return int(found.shape[0]), int(found.shape[1])


def import_into(source: Iterator[Annotated], split: Path, labels: Mapping[str, str], prefix: str) -> int:
    """Copy pictures to `split/images` and add them to `split/detection.json`; returns how many.

    Nothing is written before every annotation could be read. A second run replaces what the first one added.
    """
    wanted = [(one, _entry(one, labels, prefix)) for one in source]
    path = split / "detection.json"
    old = entries(path) if path.exists() else []
    fresh = {entry["file"] for _, entry in wanted}
    (split / "images").mkdir(parents=True, exist_ok=True)
    for one, entry in wanted:
        shutil.copyfile(one.picture, split / entry["file"])
    images = [entry for entry in old if entry["file"] not in fresh] + [entry for _, entry in wanted]
    path.write_text(json.dumps({"classes": list(LABELS), "images": images}, indent=1), encoding="utf-8")
    return len(wanted)


def _entry(one: Annotated, labels: Mapping[str, str], prefix: str) -> dict[str, Any]:
    boxes = []
    for name, *corners in one.boxes:
        label = labels.get(name, KNOWN_NAMES.get(name.lower()))
        if label is None:
            raise BadData(f"{one.picture}: label {name!r} is not known; say what it means with --label {name}=mask"
                          f" (or {', '.join((*LABELS[1:], IGNORED))})")  # fmt: skip
        limits = (one.width, one.height, one.width, one.height)
        x1, y1, x2, y2 = (round(min(max(v, 0.0), limit), 2) for v, limit in zip(corners, limits, strict=True))
        if label != IGNORED and x2 > x1 and y2 > y1:
            boxes.append({"cls": label, "bbox": [x1, y1, x2, y2]})
    file = f"images/{prefix}_{one.picture.name}"
    return {"file": file, "width": one.width, "height": one.height, "source": prefix, "boxes": boxes}


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when everything was imported, 2 with a sentence otherwise."""
    parser = argparse.ArgumentParser("python -m training.importers", description=__doc__.splitlines()[0])
    parser.add_argument("format", choices=("voc", "yolo"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the training data folder to add to")
    parser.add_argument("--split", choices=("train", "val"), required=True)
    parser.add_argument("--label", action="append", default=[], metavar="NAME=LABEL", help="what a foreign label means")
    options = parser.parse_args(arguments)
    try:
        labels = parse_labels(options.label)
        source = read_voc(options.folder) if options.format == "voc" else read_yolo(options.folder)
        count = import_into(source, options.data / options.split, labels, options.folder.resolve().name)
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    print(f"{count} pictures added to {options.data / options.split / 'detection.json'}")
    return 0


def parse_labels(pairs: list[str]) -> dict[str, str]:
    """`NAME=LABEL` options as a table."""
    table = {}
    for pair in pairs:
        name, _, label = pair.partition("=")
        if label not in (*LABELS, IGNORED):
            raise BadData(f"--label {pair}: expected NAME=LABEL with a label of {', '.join((*LABELS, IGNORED))}")
        table[name] = label
    return table


if __name__ == "__main__":
    raise SystemExit(main())
