"""Fetches a package by its digest from the first of its sources that has it, file by file, each checked as it comes.

 manifest ─digest?─▶ signature ─ours?─▶ files that lie there already ─▶ the others, each: size, sha256, then its name

What was fetched stays where it is when a source is away: the next one, or the next attempt, goes on from there, in the
middle of a file too.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.packages.remote import address, manifest
from edge_mask.packages.remote.fetch_file import fetch_file, part_of
from edge_mask.packages.remote.manifest import DIGEST, PART, File, Manifest
from edge_mask.packages.remote.open_source import open_source
from edge_mask.packages.remote.signature import PublicKey, Signed, verify
from edge_mask.packages.remote.source import (
    Access,
    Cancelled,
    Credentials,
    Effort,
    Limits,
    NoPlace,
    Source,
    our_disk,
)
from edge_mask.units import Bytes

OnProgress = Callable[[Bytes, Bytes], None]
"""Called with the bytes that are there and those that there will be."""
_LONGEST_SENTENCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A package whose every byte is what the digest stands for. Its card and golden pictures were not looked at."""

    folder: Path
    digest: str
    name: str
    """As the manifest says; the card is what counts. May be empty."""
    version: str
    source: str
    """The address that it came from, without secrets."""
    files: int
    size: Bytes
    signed: Signed | None
    """None when no keys were given."""
    failed: tuple[str, ...]
    """A sentence for each source that was tried before."""


def pull(
    sources: Sequence[str],
    digest: str,
    into: Path,
    *,
    credentials: Credentials | None = None,
    ca: Path | None = None,
    keys: Sequence[PublicKey] = (),
    signature: str = "",
    limits: Limits | None = None,
    stop: threading.Event | None = None,
    on_progress: OnProgress = lambda _have, _all: None,
) -> Pulled:
    """The files of the package `digest` below the folder `into`, which holds nothing else.

    With `keys` it has to be signed with one of them: `signature`, else what lies beside it at the source. Without, no
    signature is looked at. What `into` holds after an error is of use for the next attempt with the same digest; it is
    not written through to the disk. Raises Refused with a sentence for each source; TryLater when one of them was only
    away, or our disk is full; Cancelled when `stop` is set.
    """
    if DIGEST.fullmatch(digest) is None:
        raise Refused(f"{digest[:80]!a} is no digest; expected sha256: and 64 digits")
    if not sources:
        raise Refused("there is no source to fetch it from")
    asked = _Asked(digest, into, Access(credentials=credentials, ca=ca), keys, signature, on_progress)
    failed: list[str] = []
    is_away = False
    for text in sources:
        try:
            return asked.fetch(text, Effort(limits or Limits(), stop), failed)
        except Cancelled as error:
            raise Cancelled(f"{address.shown(text)}: {error}") from None
        except NoPlace as error:
            raise TryLater(str(error)) from error.__cause__
        except EdgeMaskError as error:
            is_away = is_away or isinstance(error, TryLater)
            failed.append(_sentence(address.shown(text), error))
    raise (TryLater if is_away else Refused)("\n".join(failed))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is wanted, whichever source it comes from."""

    digest: str
    into: Path
    access: Access
    keys: Sequence[PublicKey]
    signature: str
    on_progress: OnProgress

    def fetch(self, text: str, effort: Effort, failed: Sequence[str]) -> Pulled:
        where = address.parse(text)
        if where.digest not in ("", self.digest):
            raise Refused(f"its address names another digest, {where.digest[:19]}…")
        with our_disk(self.into):
            self.into.mkdir(parents=True, exist_ok=True)
        with open_source(where, self.access, effort, self.into) as source:
            found = self._manifest(source)
            signed = self._signed(source, found)
            if found.size > effort.limits.max_bytes:
                raise Refused(f"it has {found.size} bytes; at most {effort.limits.max_bytes} are fetched")
            self._files(source, found, effort)
        return Pulled(
            folder=self.into,
            digest=self.digest,
            name=found.name,
            version=found.version,
            source=where.shown,
            files=len(found.files),
            size=Bytes(found.size),
            signed=signed,
            failed=tuple(failed),
        )

    def _manifest(self, source: Source) -> Manifest:
        data = source.manifest(self.digest)
        if (found := manifest.digest_of(data)) != self.digest:
            raise Refused(f"its manifest has the digest {found[:19]}…, expected {self.digest[:19]}…")
        return manifest.read(data)

    def _signed(self, source: Source, found: Manifest) -> Signed | None:
        if not self.keys:
            return None
        text = self.signature or source.signature(self.digest)
        if not text:
            raise Refused("it has no signature, and one is required (fleet.packages.keys)")
        return verify(found.data, text, self.keys)

    def _files(self, source: Source, found: Manifest, effort: Effort) -> None:
        with our_disk(self.into):
            missing = _missing(self.into, found)
        have = found.size - sum(file.size for file in missing)
        self.on_progress(Bytes(have), Bytes(found.size))
        for file in missing:
            fetch_file(source, file, self.into)
            have += file.size
            self.on_progress(Bytes(have), Bytes(found.size))
            effort.left()


def _missing(into: Path, found: Manifest) -> list[File]:
    """What is not there yet. Raises Refused when something else is there."""
    wanted = {file.path: file for file in found.files}
    parts = {part_of(file) for file in found.files}
    for path in into.rglob("*"):
        if path.parent == into and path.name.startswith(PART):
            if path.name not in parts:
                path.unlink()  # of another package
        elif path.is_symlink() or not (path.is_dir() or str(path.relative_to(into)) in wanted):
            raise Refused(f"{path}: does not belong to the package; it is fetched into a folder of its own")
    return [file for path, file in wanted.items() if not _is_there(into / path, file)]


def _is_there(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}" == file.digest


def _sentence(place: str, error: EdgeMaskError) -> str:
    told = str(error).replace("\n", "; ")[:_LONGEST_SENTENCE]
    return told if told.startswith(place) else f"{place}: {told}"
