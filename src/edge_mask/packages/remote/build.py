"""Makes the OCI layout of a package, as a folder or a zip. The same package gives the same bytes."""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_mask.errors import ModelError, Refused
from edge_mask.packages.atomic import flush
from edge_mask.packages.package import open_package
from edge_mask.packages.remote.layout import INDEX, REF, place
from edge_mask.packages.remote.manifest import ARTIFACT, EMPTY, MANIFEST, File, Manifest, digest_of, path_problem, write
from edge_mask.packages.store import root_of
from edge_mask.packages.unpack import unpack
from edge_mask.packages.verify import verify_package

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


def build(source: Path, out: Path) -> Manifest:
    """The layout of a package folder or zip at `out`, a zip where its name ends so, after everything in the package was
    verified. Raises ModelError when it does not hold, Refused when `out` is there already or cannot be written."""
    if out.exists() or out.is_symlink():
        raise Refused(f"{out}: is there already; a layout is written as a whole, choose another name")
    with _working_folder(out) as work:
        (work / "unpacked").mkdir()
        unpack(source, work / "unpacked")
        package = open_package(root_of(work / "unpacked", source))
        failed = [f"{check.what}: {check.detail}" for check in verify_package(package) if not check.passed]
        if failed:
            raise ModelError(f"{source}: does not hold what it promises\n" + "\n".join(failed))
        made = write(_files(package.folder), name=package.card.name, version=package.card.version)
        layout = work / "layout"
        _write_layout(layout, package.folder, made)
        if out.suffix == ".zip":
            _zipped(layout, work / "layout.zip")
            (work / "layout.zip").replace(out)
        else:
            flush(layout)
            layout.rename(out)
        return made


def manifest_of(folder: Path) -> Manifest:
    """The one that `build` would write for a package folder, of which nothing but the card is looked at. Raises
    ModelError for a file that no package can have, OSError for one that cannot be read."""
    card = open_package(folder).card
    return write(_files(folder), name=card.name, version=card.version)


def _files(folder: Path) -> Iterator[File]:
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        name = path.relative_to(folder).as_posix()
        if (problem := path_problem(name)) is not None:
            raise ModelError(f"{name!a}: {problem}")
        with path.open("rb") as file:
            yield File(name, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}", path.stat().st_size)


def _write_layout(layout: Path, package: Path, made: Manifest) -> None:
    (layout / "blobs" / "sha256").mkdir(parents=True)
    for file in made.files:
        shutil.copyfile(package / file.path, layout / place(file.digest))
    for data in (made.data, EMPTY):
        (layout / place(digest_of(data))).write_bytes(data)
    (layout / "oci-layout").write_bytes(_compact({"imageLayoutVersion": "1.0.0"}))
    entry = {
        "mediaType": MANIFEST,
        "digest": made.digest,
        "size": len(made.data),
        "annotations": {REF: made.version},
        "artifactType": ARTIFACT,
    }
    (layout / INDEX).write_bytes(_compact({"schemaVersion": 2, "manifests": [entry]}))


def _compact(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _zipped(layout: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(layout.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(layout).as_posix(), _EPOCH)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


@contextmanager
def _working_folder(out: Path) -> Iterator[Path]:
    """On the file system of `out`, gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix=".edge-mask-build-", dir=out.absolute().parent) as work:
            yield Path(work)
    except OSError as error:
        named = os.fspath(error.filename or out)
        raise Refused(f"{named}: cannot be read or written ({error.strerror})") from error
