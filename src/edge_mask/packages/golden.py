"""The golden self-test: pictures whose answer the package itself states."""

from dataclasses import replace
from pathlib import Path

from edge_mask.detect.model import ModelDetector
from edge_mask.errors import Broken, ModelError, Refused
from edge_mask.geometry import iou_of_boxes
from edge_mask.messages import Box, Face, Image
from edge_mask.packages.card import ExpectedFace, Golden
from edge_mask.packages.package import Package
from edge_mask.picture import load_picture, read_picture


def check_golden(detector: ModelDetector, package: Package) -> None:
    """Ask every golden picture of the package. Raises ModelError at the first answer that is not the expected one."""
    for golden in package.card.golden:
        check_picture(detector, package.folder, golden)


def check_picture(detector: ModelDetector, folder: Path, golden: Golden) -> str:
    """Ask one golden picture; what was found. Raises ModelError when the answer is not the expected one."""
    path = folder / golden.picture
    try:
        picture = load_picture(path)
        found = detector.detect(picture.image)
    except (Refused, Broken) as error:
        raise ModelError(f"golden picture {path}: {error}") from error
    # A large picture was reduced while it was read; the card speaks of the file's own pixels.
    found = [replace(face, box=picture.in_file(face.box)) for face in found]
    difference = _difference(golden, found, detector)
    if difference:
        raise ModelError(f"golden picture {path}: {difference}; the model does not do what its card promises")
    return _faces(found)


def golden_picture(folder: Path, golden: Golden) -> Image:
    """The picture itself. Raises Refused."""
    return read_picture(folder / golden.picture)


def _difference(golden: Golden, found: list[Face], detector: ModelDetector) -> str | None:
    """What is wrong with the faces found, as half a sentence; None when they are the expected ones.

    A face within the tolerance of its threshold may be there or not.
    """
    left = list(found)
    for answer in golden.answer:
        match = next((face for face in left if _is(answer, face, golden)), None)
        if match is not None:
            left.remove(match)
        elif abs(answer.score - detector.card.thresholds.of(answer.label)) > golden.score_tolerance:
            return f"expected {_answer(answer)} (± {golden.score_tolerance:g}), found {_faces(found)}"
    for face in left:
        if face.score >= detector.card.thresholds.of(face.label) + golden.score_tolerance:
            return f"found {_faces([face])} that nobody expects"
    return None


def _is(answer: ExpectedFace, face: Face, golden: Golden) -> bool:
    return (
        face.label == answer.label
        and abs(face.score - answer.score) <= golden.score_tolerance
        and iou_of_boxes(face.box, Box(*answer.box)) >= golden.iou
    )


def _answer(answer: ExpectedFace) -> str:
    return f"{answer.label} {answer.score:.2f} at {[round(side) for side in answer.box]}"


def _faces(faces: list[Face]) -> str:
    return (
        ", ".join(
            f"{f.label} {f.score:.2f} at {[round(side) for side in (f.box.x, f.box.y, f.box.w, f.box.h)]}"
            for f in faces
        )
        or "no face"
    )
