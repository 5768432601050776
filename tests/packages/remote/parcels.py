"""Small packages, their layouts, and keys of the real minisign."""

import subprocess
from pathlib import Path

from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, RED, picture, write_package, write_picture

from edge_mask.packages.remote.build import build
from edge_mask.packages.remote.manifest import Manifest

FILES = ["golden/square.png", "model.tflite", "model.yaml"]
ANSWER = {"label": "mask", "score": 1.0, "box": [16, 24, 8, 8]}


def write_parcel(folder: Path, version: str = "1.0.0") -> Path:
    """A package folder with a golden picture in a folder of its own."""
    (folder / "golden").mkdir(parents=True)
    write_picture(folder / "golden" / "square.png", picture((64, 64), ((16, 24, 8, 8), RED)))
    return write_package(
        folder,
        tiny.anchor_free(strides=[8]),
        version=version,
        decoding=ANCHOR_FREE | {"strides": [8]},
        golden=[{"picture": "golden/square.png", "answer": [ANSWER]}],
    )


def write_layout(folder: Path, version: str = "1.0.0", name: str = "layout") -> tuple[Path, Manifest]:
    """Its OCI layout."""
    parcel = write_parcel(folder / f"parcel-{name}", version)
    return folder / name, build(parcel, folder / name)


def minisign(*words: str | Path, stdin: str | None = None) -> None:
    """The real program, which must agree."""
    done = subprocess.run(
        ["minisign", *map(str, words)], check=False, input=stdin, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write_keys(folder: Path, name: str = "packages") -> tuple[Path, Path]:
    """The secret and the public key, unencrypted."""
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    minisign("-G", "-W", "-f", "-s", secret, "-p", public)
    return secret, public


def names(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
