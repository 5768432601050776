"""How good our models are beside their peers: `python -m benchmarks.accuracy --data PATH [PACKAGE…] [--peers DIR]`.

Every file of every package looks at the same held-out pictures (`PATH/val`, see docs/training.md), through the
loader that the device uses. Printed: mAP2 (`incorrect` counts as `no_mask`), mAP3, recall of small faces, what the
gate decides on pictures of one person, in how many of 120 drawn pictures without a face one is seen (and in how many of
`--no-faces`), the time of the graph on one thread, and ratios to AIZOO.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers import write_peers
from training.annotations import BadData
from training.judge import detections, judge
from training.metrics import false_alarms
from training.pictures import Picture, Pixels, Single, read_pixels, read_scenes, read_singles

from edge_mask.detect.model import ModelDetector
from edge_mask.detect.tflite import choose_runtime
from edge_mask.errors import EdgeMaskError
from edge_mask.packages.card import ModelFile
from edge_mask.packages.load import load_file
from edge_mask.packages.location import find_package
from edge_mask.packages.package import Package, open_package

GATE_THRESHOLD = 0.5
TIMED_PICTURES = 40
REFERENCE = "aizoo"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The pictures of one run."""

    scenes: Sequence[Picture]
    singles: Sequence[Single]
    no_faces: Sequence[Pixels] = ()


def main() -> int:
    """Measure and print; 2 with a sentence when the data or a package cannot be used."""
    arguments = _parser().parse_args()
    try:
        rows = _measure(arguments)
    except (BadData, EdgeMaskError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        _show(rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="package folders (default: the shipped ones)")
    parser.add_argument("--data", type=Path, required=True, help="folder with val/detection.json and val/single.json")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with aizoo.tflite and mobiledet.tflite")
    parser.add_argument("--no-faces", type=Path, metavar="DIR", help="folder of pictures that show no face")
    parser.add_argument("--runtime", help="ai-edge-litert or tflite-runtime (default: the one that is installed)")
    parser.add_argument("--json", action="store_true")
    return parser


def _measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    held_out = load_held_out(arguments.data, arguments.no_faces)
    runtime = choose_runtime(arguments.runtime)
    with tempfile.TemporaryDirectory() as folder:
        packages = [open_package(find_package(name)) for name in arguments.packages or _shipped()]
        if arguments.peers:
            packages += [open_package(path) for path in write_peers(arguments.peers, Path(folder)).values()]
        return [_row(package, file, held_out, runtime) for package in packages for file in package.card.files]


def _shipped() -> list[str]:
    return sorted(str(path.parent) for path in Path("models").glob("*/model.yaml"))


def load_held_out(data: Path, no_faces: Path | None = None) -> HeldOut:
    """Scenes and gate pictures below `data/val`, and every file of `no_faces`. Raises BadData."""
    folder = data / "val"
    singles = folder / "single.json"
    return HeldOut(
        list(read_scenes(folder / "detection.json")),
        list(read_singles(singles, tight=False)) if singles.exists() else [],
        [read_pixels(file) for file in sorted(no_faces.iterdir())] if no_faces else [],
    )


def _row(package: Package, file: ModelFile, held_out: HeldOut, runtime: str) -> dict[str, Any]:
    detector = load_file(package, file, threads=1, runtime=runtime)
    figures = judge(detector, held_out.scenes, held_out.singles, GATE_THRESHOLD)
    if held_out.no_faces:
        figures["no_faces"] = false_alarms(detections(detector, held_out.no_faces), GATE_THRESHOLD)
    row = {
        "model": package.card.name,
        "precision": file.precision,
        "kB": (package.folder / file.path).stat().st_size // 1000,
    }
    return {**row, "runtime": runtime, **figures, "ms": round(_median_ms(detector, held_out), 2)}


def _median_ms(detector: ModelDetector, held_out: HeldOut) -> float:
    times = []
    for scene in held_out.scenes[:TIMED_PICTURES]:
        detector.detect(np.ascontiguousarray(scene.pixels[..., ::-1]))
        times.append(detector.last_inference_ms)
    return statistics.median(times)


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    base = next((row for row in rows if row["model"] == REFERENCE), None)
    head = (
        "model", "", "kB", "mAP2", "mAP3", "8-16 px", "gate", "false pass", "empty", "no faces", "ms", "mAP2 ×", "ms ×",
    )  # fmt: skip
    print(("{:<20}{:<7}" + "{:>10}" * (len(head) - 2)).format(*head))
    for row in rows:
        gate = row.get("gate", {})
        ratios = (f"{row['mAP2'] / base['mAP2']:.2f}", f"{row['ms'] / base['ms']:.2f}") if base else ("", "")
        cells = (
            row["model"], row["precision"], str(row["kB"]), f"{row['mAP2']:.3f}", f"{row['mAP3']:.3f}",
            row["recall_by_size"]["8-16"].split()[0], f"{gate.get('accuracy', float('nan')):.3f}",
            f"{gate.get('false_pass', float('nan')):.3f}",
            str(row["empty"]["seen"]), str(row.get("no_faces", {}).get("seen", "")), f"{row['ms']:.2f}", *ratios,
        )  # fmt: skip
        print(("{:<20}{:<7}" + "{:>10}" * (len(head) - 2)).format(*cells))


if __name__ == "__main__":
    raise SystemExit(main())
