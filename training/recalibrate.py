"""Scores of a finished package, settled on other pictures: `python -m training.recalibrate PACKAGE --data DATA`.

Nothing is trained and no model file changes. The card gets new calibration, figures and golden answers, all or none.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from edge_mask.cli.common import a_name
from edge_mask.errors import EdgeMaskError
from edge_mask.packages.package import open_package
from training.annotations import LABELS, BadData
from training.calibrate import FEWEST
from training.measured import PRECISIONS, THRESHOLD, measure
from training.pictures import HeldOut, load_held_out


def main(arguments: list[str] | None = None) -> int:
    """Write the card anew; 2 with a sentence for a package or data that cannot be used."""
    parser = argparse.ArgumentParser("python -m training.recalibrate", description=__doc__)
    parser.add_argument("package", type=Path, help="the folder with model.yaml")
    parser.add_argument("--data", type=Path, required=True, help="the folder with val/ (docs/training.md)")
    parser.add_argument(
        "--version", type=a_name, help="of the package from now on; the loader tells versions apart by it"
    )
    parser.add_argument("--note", type=a_name, help="a sentence for the history in the card")
    options = parser.parse_args(arguments)
    try:
        card = recalibrate(options.package, load_held_out(options.data), options.version, options.note)
    except (BadData, EdgeMaskError, OSError) as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the package is as it was", file=sys.stderr)
        return 130
    for precision, figure in card["figures"]["val"].items():
        print(f"{card['name']} {precision}: mAP2 {figure['mAP2']}, mAP3 {figure['mAP3']}")
    return 0


def recalibrate(package: Path, held_out: HeldOut, version: str | None, note: str | None) -> dict[str, Any]:
    """The new card, which stands in the package; raises ModelError or BadData, and then the old one does."""
    _fitting(package)
    if not any(len(scene.boxes) for scene in held_out.scenes):
        raise BadData("no picture of val/detection.json has a face; scores are settled on faces (docs/training.md)")
    with tempfile.TemporaryDirectory(prefix="edge-mask-") as apart:
        copy = shutil.copytree(package, Path(apart) / "package")
        card = yaml.safe_load((copy / "model.yaml").read_text(encoding="utf-8"))
        card["version"] = version or card["version"]
        if note:
            _tell(card, note, package)
        try:
            card = measure(copy, card, held_out)
        except EdgeMaskError as wrong:  # of a file that the user knows by another name
            raise BadData(str(wrong).replace(str(copy), str(package))) from wrong
        lost = [golden["picture"] for golden in card["golden"] if not golden["answer"]]
        if lost:
            raise BadData(
                f"{package / lost[0]}: shows no face from {THRESHOLD} on with the new scores; nothing is changed"
            )
        if not card["calibration"]:
            raise BadData(f"too few faces to tell: it takes {FEWEST} right answers and {FEWEST} wrong ones")
        _replace_card(package, copy / "model.yaml")
    return card


def _replace_card(package: Path, card: Path) -> None:
    part = package / "model.yaml.part"
    try:
        shutil.copyfile(card, part)
        part.replace(package / "model.yaml")
    except OSError as wrong:
        part.unlink(missing_ok=True)
        raise BadData(f"{package}: the new card cannot be written ({wrong.strerror})") from wrong


def _tell(card: dict[str, Any], note: str, package: Path) -> None:
    training = card.setdefault("training", {})
    if not isinstance(training, dict):
        raise BadData(f"{package}: the note goes to training.history, and training in model.yaml is no mapping")
    training["history"] = " ".join(filter(None, (training.get("history"), note)))


def _fitting(package: Path) -> None:
    """Raises BadData for a package that is not of this form, ModelError for a damaged one."""
    if package.is_file():
        raise BadData(f"{package}: is a file; give the folder of its package")
    card = open_package(package).card
    precisions = {file.precision for file in card.files}
    if not precisions.issuperset(PRECISIONS) or set(card.meanings) != set(LABELS):
        raise BadData(
            f"{package}: has {' and '.join(sorted(precisions))} files and the labels {', '.join(card.meanings)};"
            f" expected {' and '.join(PRECISIONS)}, and {', '.join(LABELS)}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
