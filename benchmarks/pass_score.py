"""What `gate.pass_score` costs and saves: `python -m benchmarks.pass_score --data PATH [--no-faces DIR]`.

Each face of the held-out pictures (`PATH/val`, see docs/training.md) becomes a few visits: one camera, one light,
`--looks` pictures with small shifts, noise, blur and JPEG, looked at by the model that ships as the device does it. A
visit is masked when most of its votes say so; its score is the mean of these votes. Printed: the share of masked
visitors whom each pass score would refuse, and the share of everybody else whom it would let pass. The largest pass
score that refuses at most `--refused` (0.5 %) of the masked visitors is the one to ship.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.visits import Looks, Subject, as_it_is, close_up
from training.annotations import LABELS, BadData
from training.empty import held_out as empty_pictures
from training.pictures import Picture, read_pixels, read_scenes, read_singles

from edge_mask.detect.model import ModelDetector
from edge_mask.errors import EdgeMaskError
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package

STEPS = [round(0.50 + 0.01 * step, 2) for step in range(46)]
SHOWN = (0.50, 0.55, 0.60, 0.65, 0.70, 0.72, 0.75, 0.78, 0.80, 0.82, 0.85, 0.90)
LEAST_PIXELS = 58
"""A face with fewer, enlarged to fill a gate's picture, is a blur that no camera at a door delivers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the votes of one visit say: the commonest label, and the mean score of the votes for `mask`."""

    group: str
    file: str
    label: str | None
    mask_score: float

    def passes(self, pass_score: float) -> bool:
        return self.label == "mask" and self.mask_score >= pass_score


def main() -> int:
    """Measure and print; 2 with a sentence when the data or the package cannot be used."""
    arguments = _parser().parse_args()
    try:
        detector = load_package(find_package(arguments.model), threads=arguments.threads)
        outcomes = list(_measure(detector, arguments))
    except (BadData, EdgeMaskError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps([[o.group, o.file, o.label, round(o.mask_score, 4)] for o in outcomes]))
    else:
        _show(outcomes, arguments.refused)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with val/detection.json and val/single.json")
    parser.add_argument("--model", default="models/mask-detector", help="package folder")
    parser.add_argument("--no-faces", type=Path, metavar="DIR", help="folder of pictures that show no face")
    parser.add_argument("--visits", type=int, default=4, help="visits of each face")
    parser.add_argument("--looks", type=int, default=7, help="looks of each visit")
    parser.add_argument("--min-face", type=float, default=0.12, help="as gate.min_face")
    parser.add_argument("--refused", type=float, default=0.005, help="share of masked visitors that may be refused")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="every visit: group, file, label, score")
    return parser


def _measure(detector: ModelDetector, arguments: argparse.Namespace) -> Iterator[Outcome]:
    looks = Looks(count=arguments.looks, min_face=arguments.min_face)
    for seed, subject in enumerate(_subjects(arguments)):
        for visit in range(arguments.visits):
            votes = list(looks.of(subject, detector, np.random.default_rng((seed, visit))))
            yield _outcome(subject, votes)


def _outcome(subject: Subject, votes: Sequence[tuple[str, float]]) -> Outcome:
    scores = [score for label, score in votes if label == "mask"]
    names = [label for label, _ in votes]
    label = max(sorted(set(names)), key=names.count) if names else None
    return Outcome(subject.group, subject.file, label, float(np.mean(scores)) if scores else 0.0)


def _subjects(arguments: argparse.Namespace) -> Iterator[Subject]:
    """Whoever, or whatever, comes before the camera."""
    folder = arguments.data / "val"
    for scene in read_scenes(folder / "detection.json"):
        yield from _of_scene(scene, arguments.min_face)
    if (folder / "single.json").exists():
        for single in read_singles(folder / "single.json", tight=False):
            yield Subject(LABELS[single.label], single.file, as_it_is(single.pixels))
            if LABELS[single.label] != "mask":
                yield Subject("bare, upside down", single.file, as_it_is(single.pixels[::-1, ::-1]))
    for number, pixels in enumerate(empty_pictures()):
        yield Subject("drawn, no face", str(number), as_it_is(pixels))
    if arguments.no_faces:
        for path in sorted(arguments.no_faces.iterdir()):
            yield Subject("animal or thing", path.name, as_it_is(read_pixels(path)))


def _of_scene(scene: Picture, min_face: float) -> Iterator[Subject]:
    for row in scene.boxes:
        label, box = LABELS[int(row[0])], row[1:].astype(float)
        longest = max(box[2] - box[0], box[3] - box[1])
        if longest < LEAST_PIXELS:
            continue
        yield Subject(label, scene.file, close_up(scene.pixels, box))
        if longest >= min_face * min(scene.pixels.shape[:2]):
            yield Subject(label, scene.file, as_it_is(scene.pixels, box))
        if label == "no_mask":
            yield Subject("bare, upside down", scene.file, close_up(scene.pixels, box, turned=True))


def largest_pass_score(masked: Sequence[Outcome], refused: float) -> float:
    """The largest step at which at most that share of the visitors voted `mask` has a lower score."""
    voted = [o for o in masked if o.label == "mask"]
    allowed = [s for s in STEPS if sum(not o.passes(s) for o in voted) <= refused * len(voted)]
    return max(allowed)


def _show(outcomes: Sequence[Outcome], refused: float) -> None:
    groups = list(dict.fromkeys(o.group for o in outcomes))
    for group in groups:
        mine = [o for o in outcomes if o.group == group]
        said = ", ".join(f"{name or 'nobody'} {sum(o.label == name for o in mine)}" for name in (*LABELS, None))
        faces = len({o.file for o in mine})
        print(f"{group:<20} {len(mine):>5} visits of {faces} pictures: {said}")
    masked = [o for o in outcomes if o.group == "mask"]
    scores = np.sort([o.mask_score for o in masked if o.label == "mask"])
    marks = ", ".join(f"{q:g} %: {np.percentile(scores, q):.3f}" for q in (0.1, 0.5, 1, 2, 5, 10, 50))
    print(f"\nscores of masked visitors who are voted masked: {marks}")
    print("\npass_score  refused for it" + "".join(f"{group:>20}" for group in groups if group != "mask") + "   (pass)")
    best = largest_pass_score(masked, refused)
    for step in sorted({*SHOWN, best}):
        lost = sum(not o.passes(step) for o in masked if o.label == "mask") / max(len(scores), 1)
        print(f"{step:>10.2f} {lost:>14.2%} " + "".join(_passing(outcomes, group, step) for group in groups))
    print(f"\nthe largest at which at most {refused:.1%} of them are refused: {best:.2f}")


def _passing(outcomes: Iterable[Outcome], group: str, step: float) -> str:
    if group == "mask":
        return ""
    mine = [o.passes(step) for o in outcomes if o.group == group]
    return f"{f'{sum(mine)} = {sum(mine) / len(mine):.2%}':>20}"


if __name__ == "__main__":
    raise SystemExit(main())
