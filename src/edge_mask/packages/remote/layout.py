"""An OCI layout (`oci-layout`, `index.json`, `blobs/sha256/…`) as a folder or in a zip: what `package build` and skopeo
write, and what lies on a USB stick."""

import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote import manifest
from edge_mask.packages.remote.manifest import LARGEST, SIGNATURE, Manifest, digest_of
from edge_mask.packages.remote.source import CHUNK, Effort, Limits, Source

INDEX: Final = "index.json"
REF: Final = "org.opencontainers.image.ref.name"
MOST_SIGNATURE: Final = 4096
"""Bytes of a signature with its comments."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)


class LayoutSource:
    """A layout on this machine's own disk, or on a stick."""

    def __init__(self, path: Path, effort: Effort, opened: IO[bytes] | None = None) -> None:
        """Raises TryLater when nothing is there: a stick may be put in later. `opened` is a zip that is here already,
        which stays the caller's."""
        self._beside = beside(path) if opened is None else None
        self._path, self._effort = path, effort
        self._zip: zipfile.ZipFile | None = None
        if opened is None and path.is_dir():
            return
        if opened is None and not path.exists():
            raise TryLater("there is no such folder or file; is the stick in?")
        if opened is None and not path.is_file():  # a pipe or a device would never end
            raise Refused("it is neither a folder nor a zip")
        try:
            self._zip = zipfile.ZipFile(opened or path)
        except _DAMAGED as error:
            raise Refused(f"it is neither a folder nor a zip ({error})") from None
        except OSError as error:
            raise TryLater(f"it cannot be read ({error.strerror or error})") from None

    def manifest(self, digest: str) -> bytes:
        return self._whole(place(digest), LARGEST)

    def blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        try:
            with self._open(place(digest)) as file:
                file.seek(start)
                while chunk := file.read(CHUNK):
                    self._effort.left()
                    yield chunk
        except _DAMAGED as error:
            raise Refused(f"{place(digest)} cannot be unpacked ({error})") from None
        except OSError as error:
            raise TryLater(f"{place(digest)} cannot be read ({error.strerror or error})") from None

    def signature(self, digest: str) -> str | None:
        path = self._beside
        if path is not None and path.is_file() and path.stat().st_size <= MOST_SIGNATURE:
            return path.read_text(encoding="utf-8", errors="replace")
        return signature_in(self, self._index(), digest)

    def digests(self) -> list[str]:
        """The packages that the index names."""
        return [each["digest"] for each in entries(self._index()) if each.get("artifactType") != SIGNATURE]

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def _index(self) -> bytes:
        return self._whole(INDEX, LARGEST)

    def _whole(self, name: str, most: int) -> bytes:
        try:
            with self._open(name) as file:
                data = file.read(most + 1)
        except _DAMAGED as error:
            raise Refused(f"{name} cannot be unpacked ({error})") from None
        except OSError as error:
            raise TryLater(f"{name} cannot be read ({error.strerror or error})") from None
        if len(data) > most:
            raise Refused(f"{name} is larger than {most} bytes")
        return data

    def _open(self, name: str) -> IO[bytes]:
        if self._zip is None:
            path = self._path / name
            if not path.is_file():  # a pipe would never end
                raise Refused(f"{name} is not in it")
            return path.open("rb")
        try:
            return self._zip.open(name)
        except KeyError:
            raise Refused(f"{name} is not in it") from None


def beside(layout: Path) -> Path:
    """Where the signature of a layout lies."""
    return layout.with_name(f"{layout.name}.minisig")


def package_in(path: Path) -> Manifest:
    """The one package of a layout. Raises Refused or TryLater, with the path."""
    try:
        with closing(LayoutSource(path, Effort(Limits()))) as source:
            return only_package(source)
    except TryLater as error:
        raise TryLater(f"{path}: {error}") from None
    except Refused as error:
        raise Refused(f"{path}: {error}") from None


def only_package(source: LayoutSource) -> Manifest:
    """The package of a layout; a signature that was copied into it is none. Raises Refused when there are several."""
    found = []
    for digest in source.digests():
        data = source.manifest(digest)
        if digest_of(data) != digest:
            raise Refused(f"its manifest {digest[:19]}… was changed")
        if f'"{SIGNATURE}"'.encode() not in data:
            found.append(manifest.read(data))
    if len(found) != 1:
        raise Refused(f"holds {len(found)} packages, expected one")
    return found[0]


def place(digest: str) -> str:
    """Where a layout keeps a blob."""
    return f"blobs/{digest.replace(':', '/')}"


def entries(index: bytes) -> list[dict[str, Any]]:
    """What an index names. Raises Refused when it is none."""
    try:
        content = json.loads(index)
        found = content["manifests"]
        return [each for each in found if manifest.DIGEST.fullmatch(each["digest"])]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Refused(f"{INDEX} is no index of an OCI layout") from None


def signature_tag(digest: str) -> str:
    """What the signature of a manifest is called in a registry."""
    return f"{digest.replace(':', '-')}.minisig"


def signature_of(source: Source, data: bytes) -> str:
    """The text that an artifact with a signature holds. Raises Refused."""
    (file, *_) = manifest.read(data, artifact=SIGNATURE).files
    text = b""
    for chunk in source.blob(file.digest):
        text += chunk
        if len(text) > MOST_SIGNATURE:
            raise Refused(f"its signature is larger than {MOST_SIGNATURE} bytes")
    return text.decode("utf-8", "replace")


def signature_in(source: Source, index: bytes, digest: str) -> str | None:
    """The signature that was copied into the layout under its tag."""
    wanted = signature_tag(digest)
    for each in entries(index):
        notes = each.get("annotations")
        if isinstance(notes, dict) and notes.get(REF) == wanted:
            return signature_of(source, source.manifest(each["digest"]))
    return None
