"""`edge-mask detect`: pictures, folders and videos in, one line per frame out."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_mask.errors import Broken, Refused

if TYPE_CHECKING:
    from edge_mask.detect.detector import Detector
    from edge_mask.messages import Face, Image

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"})


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "detect",
        help="find faces in pictures, folders and videos",
        description="Find faces and say whether they wear a mask. Prints one line per picture or video frame; a file"
        " that cannot be read gets a sentence on stderr, the others go on, and the exit code is 1 in the end.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, a video, or a folder of them")
    parser.add_argument("--model", metavar="PKG", help="model package folder (default: models/mask-detector)")
    parser.add_argument(
        "--score-threshold", type=_part, metavar="T", help="report faces from this score, 0..1 (default: the model's)"
    )
    parser.add_argument("--threads", type=_threads, default=2, metavar="N", help="threads of the model (default: 2)")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="write each frame with its boxes into this folder")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at every frame; 1 when a file could not be used."""
    from edge_mask.detect.location import DEFAULT, find_package
    from edge_mask.detect.package import load_package

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


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture to look at; `scale` turns its pixels into those of the file."""

    file: Path
    frame: int
    image: "Image"
    scale: float = 1.0
    still: bool = True


def frames(paths: list[Path]) -> Iterator[Seen | str]:
    """Every picture and every frame of every video, in the order given; a string is a sentence about a bad one."""
    for path in paths:
        files = _files(path) if path.is_dir() else [path]
        if not files:
            yield f"{path}: holds no pictures or videos"
        for file in files:
            yield from _video(file) if file.suffix.lower() in VIDEOS else _picture(file)


def _files(folder: Path) -> list[Path]:
    from edge_mask.picture import SUFFIXES

    wanted = SUFFIXES | VIDEOS
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())


def _picture(file: Path) -> Iterator[Seen | str]:
    from edge_mask.picture import load_picture

    try:
        picture = load_picture(file)
    except Refused as error:
        yield str(error)
    else:
        yield Seen(file, 1, picture.image, picture.scale)


def _video(file: Path) -> Iterator[Seen | str]:
    from edge_mask.capture.opencv import VideoFile
    from edge_mask.capture.source import EndOfSource
    from edge_mask.runtime.clock import SystemClock

    video = VideoFile(file, camera="", clock=SystemClock())
    try:
        video.open()
        while True:
            frame = video.read()
            yield Seen(file, frame.number, frame.image, still=False)
    except (EndOfSource, Refused) as end:
        if str(end):
            yield str(end)
    finally:
        video.close()


def _look(detector: "Detector", seen: Seen, drawings: "Drawings | None", *, as_json: bool) -> str:
    """Print the line of one frame; what went wrong as a sentence, or nothing."""
    try:
        faces = detector.detect(seen.image)
        line = _json_line if as_json else _human_line
        print(line(seen, faces, detector.last_inference_ms), flush=True)
        if drawings:
            drawings.write(seen, faces)
    except Broken as error:
        return f"{seen.file}: frame {seen.frame}: {error}"
    except Refused as error:
        return str(error)
    return ""


def _json_line(seen: Seen, faces: "list[Face]", took_ms: float) -> str:
    detections = [{"label": face.label, "score": round(face.score, 4), "box": _box(face, seen.scale)} for face in faces]
    line = {"file": str(seen.file), "frame": seen.frame, "detections": detections, "inference_ms": round(took_ms, 3)}
    return json.dumps(line, ensure_ascii=False)


def _human_line(seen: Seen, faces: "list[Face]", took_ms: float) -> str:
    what = str(seen.file) if seen.still else f"{seen.file} frame {seen.frame}"
    found = []
    for face in faces:
        x, y, w, h = (round(side) for side in _box(face, seen.scale))
        found.append(f"{face.label} {face.score:.2f} at {x},{y} size {w}x{h}")
    return f"{what}: {'; '.join(found) or 'no face'} ({took_ms:.1f} ms)"


def _box(face: "Face", scale: float) -> list[float]:
    return [round(side * scale, 2) for side in (face.box.x, face.box.y, face.box.w, face.box.h)]


class Drawings:
    """A folder of pictures with boxes; never one of the folders that are read."""

    def __init__(self, folder: Path, inputs: list[Path]) -> None:
        for path in inputs:
            source = path if path.is_dir() else path.parent
            if source.resolve() == folder.resolve():
                raise Refused(f"--draw {folder}: pictures are read from there; choose another folder")
        self._folder = folder
        self._taken: dict[str, Path] = {}

    def write(self, seen: Seen, faces: "list[Face]") -> None:
        """One picture, named like its file; frames of a video are numbered. Raises Refused when it cannot."""
        import cv2

        from edge_mask.detect.draw import draw_faces

        path = self._folder / self._name(seen)
        _, content = cv2.imencode(path.suffix, draw_faces(seen.image, faces))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.tobytes())
        except OSError as error:
            raise Refused(f"{path}: cannot be written ({error.strerror})") from error

    def _name(self, seen: Seen) -> str:
        suffix = seen.file.suffix.lower() if seen.file.suffix.lower() in (".png", ".webp") else ".jpg"
        stem = seen.file.stem if seen.still else f"{seen.file.stem}-{seen.frame:06d}"
        name, number = stem + suffix, 1
        while self._taken.setdefault(name, seen.file) != seen.file:  # the same name in another folder
            number += 1
            name = f"{stem}-{number}{suffix}"
        return name


def _part(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _threads(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 64")
    return value
