"""An OCI layout behind a web server: as a folder, of which only what is needed is fetched, or as a zip."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from edge_mask.errors import Refused
from edge_mask.packages.remote.address import Address
from edge_mask.packages.remote.layout import INDEX, MOST_SIGNATURE, LayoutSource, place, signature_in
from edge_mask.packages.remote.manifest import LARGEST
from edge_mask.packages.remote.remote_source import Asking
from edge_mask.packages.remote.source import Access, Effort, our_disk

_MORE_IN_A_ZIP: Final = 1_000_000
"""Bytes beside the files: the manifest, names."""


class HttpsFolderSource:
    """A layout as a folder."""

    def __init__(self, where: Address, access: Access, effort: Effort) -> None:
        self._base = where.text.partition("?")[0].rstrip("/")
        self._has_folder = bool(where.path)
        self._asking = Asking(self._base, access, effort)

    def manifest(self, digest: str) -> bytes:
        with self._asking.get(f"{self._base}/{place(digest)}", "the manifest") as response:
            return response.whole(LARGEST)

    def blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        yield from self._asking.get_from(f"{self._base}/{place(digest)}", f"the blob {digest[:19]}…", start)

    def signature(self, digest: str) -> str | None:
        if self._has_folder:
            found = self._asking.get_if_there(f"{self._base}.minisig", "the signature", MOST_SIGNATURE)
            if found is not None:
                return found.decode("utf-8", "replace")
        index = self._asking.get_if_there(f"{self._base}/{INDEX}", INDEX, LARGEST)
        return None if index is None else signature_in(self, index, digest)

    def close(self) -> None: ...


class HttpsZipSource:
    """A layout in a zip, which has to be here as a whole before anything in it can be read."""

    def __init__(self, where: Address, access: Access, effort: Effort, scratch: Path) -> None:
        self._url = where.text
        self._asking = Asking(self._url, access, effort)
        self._zipped = self._fetched(effort, scratch)
        try:
            self._layout = LayoutSource(Path(where.path), effort, self._zipped)
        except BaseException:  # raised again: nobody else would close the file
            self._zipped.close()
            raise

    def _fetched(self, effort: Effort, scratch: Path) -> IO[bytes]:
        """In a file without a name: a kill leaves nothing."""
        with our_disk(scratch), ExitStack() as undo:
            zipped = undo.enter_context(tempfile.TemporaryFile(dir=scratch))
            self._pour(zipped, effort)
            zipped.seek(0)
            undo.pop_all()
        return zipped

    def _pour(self, zipped: IO[bytes], effort: Effort) -> None:
        size = 0
        with self._asking.get(self._url, "the zip") as response:
            for chunk in response.chunks():
                size += len(chunk)
                if size > effort.limits.max_bytes + _MORE_IN_A_ZIP:
                    raise Refused(f"it has more than {effort.limits.max_bytes} bytes, the most that is fetched")
                zipped.write(chunk)

    def manifest(self, digest: str) -> bytes:
        return self._layout.manifest(digest)

    def blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        return self._layout.blob(digest, start)

    def signature(self, digest: str) -> str | None:
        beside = f"{self._url.partition('?')[0]}.minisig"
        found = self._asking.get_if_there(beside, "the signature", MOST_SIGNATURE)
        return self._layout.signature(digest) if found is None else found.decode("utf-8", "replace")

    def close(self) -> None:
        self._layout.close()
        self._zipped.close()
