"""The manifest of a package as an OCI artifact: one layer for each file, its path in the title.

It is a function of the files alone, so that the same package has the same digest wherever it was built. What is read
comes from outside: nothing in it is believed before it was looked at.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.errors import Refused
from edge_mask.packages.unpack import MOST_FILES
from edge_mask.units import Bytes

ARTIFACT: Final = "application/vnd.edge-mask.model.v1"
SIGNATURE: Final = "application/vnd.edge-mask.signature.v1"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
LAYER: Final = "application/octet-stream"
EMPTY: Final = b"{}"
"""The configuration of an artifact that has none (OCI image specification 1.1)."""
TITLE: Final = "org.opencontainers.image.title"
VERSION: Final = "org.opencontainers.image.version"
NAME: Final = "edge-mask.model.name"
LARGEST: Final = Bytes(1_000_000)
"""Bytes of a manifest."""
PART: Final = ".edge-mask-part"
"""How the name of a file begins that is being fetched."""
_DEEPEST = 8
_LONGEST = 200
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a package."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package: what it is called and which files it has."""

    data: bytes
    digest: str
    name: str
    version: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def write(files: Iterable[File], *, name: str, version: str, artifact: str = ARTIFACT) -> Manifest:
    """The manifest of these files."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact,
        "config": _descriptor("application/vnd.oci.empty.v1+json", digest_of(EMPTY), len(EMPTY)),
        "layers": [
            {**_descriptor(LAYER, file.digest, file.size), "annotations": {TITLE: file.path}} for file in ordered
        ],
        "annotations": {NAME: name, VERSION: version} if artifact == ARTIFACT else {},
    }
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Manifest(data, digest_of(data), name, version, ordered)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def read(data: bytes, *, artifact: str = ARTIFACT) -> Manifest:
    """Raises Refused with what is wrong with it."""
    if len(data) > LARGEST:
        raise Refused(f"the manifest is larger than {LARGEST // 1_000_000} MB")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused("the manifest is no JSON") from None
    if not isinstance(content, dict) or content.get("schemaVersion") != 2:
        raise Refused("it is no OCI manifest (expected schemaVersion 2)")
    if content.get("artifactType") != artifact:
        found = content.get("artifactType") or content.get("mediaType")
        raise Refused(f"it is no model package: artifactType is {_short(found)}, expected {artifact}")
    layers = content.get("layers")
    if not isinstance(layers, list) or not layers:
        raise Refused("the manifest names no files")
    if len(layers) > MOST_FILES:
        raise Refused(f"the manifest names {len(layers)} files; a package has at most {MOST_FILES}")
    files = tuple(_file(layer) for layer in layers)
    _check_places([file.path for file in files])
    told = content.get("annotations")
    about = told if isinstance(told, dict) else {}
    name, version = (_label(about.get(key)) for key in (NAME, VERSION))
    return Manifest(data, digest_of(data), name, version, files)


def _label(value: Any) -> str:
    """What people are shown; nothing that would move their cursor."""
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST else ""


def _file(layer: Any) -> File:
    if not isinstance(layer, dict):
        raise Refused("the manifest has a layer that is no object")
    digest, size, notes = layer.get("digest"), layer.get("size"), layer.get("annotations")
    path = notes.get(TITLE) if isinstance(notes, dict) else None
    if not isinstance(path, str):
        raise Refused(f"a layer of the manifest has no title ({TITLE}); the package was pushed by another program")
    if (problem := path_problem(path)) is not None:
        raise Refused(f"the manifest names the file {_short(path)}, which {problem}")
    if not isinstance(digest, str) or DIGEST.fullmatch(digest) is None:
        raise Refused(f"{path}: its digest is {_short(digest)}, expected sha256: and 64 digits")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Refused(f"{path}: its size is {_short(size)}, expected a number of bytes")
    return File(path, digest, size)


def path_problem(path: str) -> str | None:
    """Why no file of a package can be called so."""
    if not path or not path.isprintable() or "\\" in path:
        return "is empty or has characters that no file of a package has"
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return "would leave the package folder"
    if len(parts) > _DEEPEST or len(path.encode()) > _LONGEST:
        return f"is deeper than {_DEEPEST} folders or longer than {_LONGEST} bytes"
    return "is kept for what is being fetched" if parts[0].startswith(PART) else None


def _check_places(paths: list[str]) -> None:
    """No two files at one place, and none below another."""
    seen: set[str] = set()
    for path in sorted(paths):
        above = {path[:at] for at, letter in enumerate(path) if letter == "/"}
        if path in seen or above & seen:
            raise Refused(f"the manifest names {_short(path)} twice, or a file below it")
        seen.add(path)


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
