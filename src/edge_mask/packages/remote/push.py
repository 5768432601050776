"""Puts the packages of a layout into a registry: blobs that it does not have, then the manifest, then the signature."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote import manifest
from edge_mask.packages.remote.address import Address
from edge_mask.packages.remote.http import joined, target_of
from edge_mask.packages.remote.layout import LayoutSource, only_package, package_in, signature_tag
from edge_mask.packages.remote.manifest import EMPTY, MANIFEST, SIGNATURE, File, Manifest, digest_of
from edge_mask.packages.remote.registry import base_of
from edge_mask.packages.remote.remote_source import NOT_FOUND, Asking, require
from edge_mask.packages.remote.source import Access, Effort

_CREATED: Final = (200, 201, 202)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A package that a registry has now."""

    address: str
    """With its digest."""
    tag: str
    manifest: Manifest
    sent: int
    """Blobs that it did not have."""
    is_signed: bool


def push(layout: Path, where: Address, access: Access, effort: Effort) -> Pushed:
    """The one package of `layout`, under the tag of `where`, else its version. Raises Refused or TryLater, with the
    layout or the address."""
    package_in(layout)  # its sentence names the layout
    try:
        return _pushed(layout, where, access, effort)
    except TryLater as error:
        raise TryLater(f"{where.shown}: {error}") from error.__cause__
    except Refused as error:
        raise Refused(f"{where.shown}: {error}") from error.__cause__


def _pushed(layout: Path, where: Address, access: Access, effort: Effort) -> Pushed:
    with ExitStack() as stack:
        source = LayoutSource(layout, effort)
        stack.callback(source.close)
        made = only_package(source)
        signature = source.signature(made.digest)
        pushing = _Pushing(source, where, access, effort)
        for file in made.files:
            pushing.blob(file)
        pushing.content(EMPTY)
        tag = where.tag or made.version.replace("+", "_") or made.digest[7:19]
        pushing.manifest(made.data, tag)
        if signature is not None:
            pushing.signature(made.digest, signature)
    return Pushed(f"{where.written}@{made.digest}", tag, made, pushing.sent, signature is not None)


class _Pushing:
    def __init__(self, source: LayoutSource, where: Address, access: Access, effort: Effort) -> None:
        self._source, self._effort = source, effort
        self._base = base_of(where)
        self._asking = Asking(self._base, access, effort)
        self.sent = 0

    def blob(self, file: File) -> None:
        """From a file without a name, which is checked before the registry gets it."""
        if self._is_there(file.digest):
            return
        with TemporaryFile() as copy:
            for chunk in self._checked(file):
                copy.write(chunk)
            copy.seek(0)
            self._upload(file.digest, file.size, copy)

    def content(self, data: bytes) -> None:
        if not self._is_there(digest_of(data)):
            self._upload(digest_of(data), len(data), data)

    def manifest(self, data: bytes, reference: str) -> None:
        headers = {"Content-Type": MANIFEST}
        with self._asking.ask("PUT", f"{self._base}/manifests/{reference}", headers, data) as response:
            require(response, "the manifest", *_CREATED)

    def signature(self, digest: str, text: str) -> None:
        data = text.encode()
        self.content(data)
        file = File(signature_tag(digest), digest_of(data), len(data))
        made = manifest.write([file], name="", version="", artifact=SIGNATURE)
        self.manifest(made.data, signature_tag(digest))

    def _checked(self, file: File) -> Iterator[bytes]:
        checksum, size = hashlib.sha256(), 0
        for chunk in self._source.blob(file.digest):
            checksum.update(chunk)
            size += len(chunk)
            if size > file.size:
                break
            yield chunk
        if size != file.size or f"sha256:{checksum.hexdigest()}" != file.digest:
            raise Refused(f"{file.path}: was changed since the layout was built")

    def _is_there(self, digest: str) -> bool:
        with self._asking.ask("HEAD", f"{self._base}/blobs/{digest}") as response:
            if response.status == NOT_FOUND:
                return False
            require(response, f"the blob {digest[:19]}…", 200)
            return True

    def _upload(self, digest: str, size: int, data: bytes | IO[bytes]) -> None:
        start = f"{self._base}/blobs/uploads/"
        with self._asking.ask("POST", start, {"Content-Length": "0"}, follows=False) as response:
            require(response, "the upload", *_CREATED)
            place = response.headers.get("Location", "")
        if not place:
            raise Refused("the registry does not say where the upload goes")
        url = joined(start, place)
        if target_of(url).scheme != target_of(start).scheme:
            raise Refused("the registry wants the upload without https; does it know that it is behind a proxy?")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        separator = "&" if "?" in url else "?"
        with self._asking.ask("PUT", f"{url}{separator}digest={digest}", headers, data, follows=False) as response:
            require(response, f"the blob {digest[:19]}…", *_CREATED)
        self.sent += 1
