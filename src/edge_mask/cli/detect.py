"""`edge-mask detect`: pictures, folders and videos in, one line per frame out."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_mask.cli.common import a_name, a_path
from edge_mask.cli.frames import InputPicture, files_of, frames, is_folder
from edge_mask.errors import Broken, Refused

if TYPE_CHECKING:
    from edge_mask.detect.model import ModelDetector
    from edge_mask.messages import Face


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "detect",
        help="find faces in pictures, folders and videos",
        description="Find faces and say whether they wear a mask. Prints one line per picture or video frame; a file"
        " that cannot be read gets a sentence on stderr, the others go on, and the exit code is 1 in the end.",
    )
    parser.add_argument("paths", nargs="+", type=a_path, metavar="PATH", help="a picture, a video, or a folder of them")
    parser.add_argument(
        "--model", type=a_name, metavar="PKG", help="model package, or one of its files (default: models/mask-detector)"
    )
    parser.add_argument(
        "--score-threshold",
        type=_part,
        metavar="T",
        help="report faces from this score, 0..1, at 1 none (default: the model's)",
    )
    parser.add_argument("--threads", type=_threads, default=2, metavar="N", help="threads of the model (default: 2)")
    parser.add_argument("--draw", type=a_path, metavar="DIR", help="write each frame with its boxes into this folder")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Analyse every frame; returns 1 when a file could not be used."""
    from edge_mask.packages.load import load_package
    from edge_mask.packages.location import DEFAULT, find_package

    detector = load_package(
        find_package(arguments.model or DEFAULT),
        threads=arguments.threads,
        score_threshold=arguments.score_threshold,
    )
    drawings = Drawings(arguments.draw, arguments.paths) if arguments.draw else None
    problems = 0
    for item in frames(arguments.paths):
        sentence = item if isinstance(item, str) else _look(detector, item, drawings, as_json=arguments.json)
        if sentence:
            problems += 1
            print(sentence, file=sys.stderr, flush=True)
    detector.close()
    return 1 if problems else 0


def _look(detector: "ModelDetector", seen: InputPicture, drawings: "Drawings | None", *, as_json: bool) -> str:
    """Print the line of one frame; returns a sentence about a problem, or nothing."""
    try:
        faces = detector.detect(seen.picture.image)
        line = _json_line if as_json else _human_line
        print(line(seen, faces, detector.last_inference_ms), flush=True)
        if drawings:
            drawings.write(seen, faces)
    except Broken as error:
        return f"{seen.name}: frame {seen.frame}: {error}"
    except Refused as error:
        return str(error)
    return ""


def _json_line(seen: InputPicture, faces: "list[Face]", took_ms: float) -> str:
    detections = [{"label": face.label, "score": round(face.score, 4), "box": _box(seen, face)} for face in faces]
    line = {"file": seen.name, "frame": seen.frame, "detections": detections, "inference_ms": round(took_ms, 3)}
    return json.dumps(line, ensure_ascii=False)


def _human_line(seen: InputPicture, faces: "list[Face]", took_ms: float) -> str:
    what = seen.name if seen.still else f"{seen.name} frame {seen.frame}"
    found = []
    for face in faces:
        x, y, w, h = (round(side) for side in _box(seen, face))
        found.append(f"{face.label} {face.score:.2f} at {x},{y} size {w}x{h}")
    return f"{what}: {'; '.join(found) or 'no face'} ({took_ms:.1f} ms)"


def _box(seen: InputPicture, face: "Face") -> list[float]:
    box = seen.picture.in_file(face.box)
    return [round(side, 2) for side in (box.x, box.y, box.w, box.h)]


class Drawings:
    """The output folder for pictures with boxes. It must not be an input folder: the file names are equal."""

    def __init__(self, folder: Path, inputs: list[Path]) -> None:
        place = _real(folder)
        if any(place == source or source in place.parents for source in map(_real, filter(is_folder, inputs))):
            raise Refused(f"--draw {folder}: pictures are read there, or from a folder above it; choose another folder")
        for file in (file for path in inputs for file in files_of(path)):
            if place in (_real(file.parent), _real(file).parent):  # the named folder, and the target of a link
                raise Refused(f"--draw {folder}: {file} is read from there; choose another folder")
        self._folder = folder
        self._taken: dict[str, Path] = {}

    def write(self, seen: InputPicture, faces: "list[Face]") -> None:
        """One picture, named like its file; frames of a video are numbered. Raises Refused when it cannot."""
        import cv2

        from edge_mask.detect.draw import draw_faces

        path = self._folder / self._name(seen)
        _, content = cv2.imencode(path.suffix, draw_faces(seen.picture.image, faces))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # an existing link would redirect the drawing to another file
            with path.open("xb") as file:
                file.write(content.tobytes())
        except OSError as error:
            raise Refused(f"{path}: cannot be written ({error.strerror})") from error

    def _name(self, seen: InputPicture) -> str:
        suffix = seen.file.suffix.lower() if seen.file.suffix.lower() in (".png", ".webp") else ".jpg"
        stem = seen.file.stem if seen.still else f"{seen.file.stem}-{seen.frame:06d}"
        name, number = stem + suffix, 1
        while self._taken.setdefault(name, seen.file) != seen.file:  # the same name in another folder
            number += 1
            name = f"{stem}-{number}{suffix}"
        return name


def _real(path: Path) -> Path:
    """The real path with links resolved; a loop of links is no error here."""
    return Path(os.path.realpath(path))


def _part(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def _threads(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) <= 2 else 0
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number between 1 and 64")
    return value
