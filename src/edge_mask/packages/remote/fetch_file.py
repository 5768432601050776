"""One file of a package: it goes on where an interrupted fetch ended, and is checked as it comes."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_mask.errors import Refused
from edge_mask.packages.remote.manifest import PART, File
from edge_mask.packages.remote.source import CHUNK, NoPlace, Source, our_disk


def part_of(file: File) -> str:
    """What it is called until it is whole."""
    return f"{PART}-{file.digest[7:23]}"


def fetch_file(source: Source, file: File, into: Path) -> None:
    """Below `into`, whole. A part of it stays when the source was only away. Raises Refused, TryLater or NoPlace."""
    part = into / part_of(file)
    try:
        start = _size_of(part)
        try:
            _copy(source, file, part, start if start <= file.size else 0)
        except Refused:
            if not start:
                raise
            _copy(source, file, part, 0)  # what lay there may have been of no use: after a power cut, for one
        with our_disk(into):
            target = into / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    except (Refused, NoPlace):
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _size_of(part: Path) -> int:
    try:
        return part.lstat().st_size
    except OSError:
        return 0


def _copy(source: Source, file: File, part: Path, start: int) -> None:
    """Raises Refused as soon as it cannot be this file any more."""
    checksum, size = hashlib.sha256(), start
    with our_disk(part):
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        with our_disk(part):
            os.ftruncate(descriptor, start)
            _take_in(checksum, descriptor)
        chunks: Iterable[bytes] = source.blob(file.digest, start) if size < file.size or not start else ()
        for chunk in chunks:
            size += len(chunk)
            if size > file.size:
                raise Refused(f"{file.path}: is longer than the {file.size} bytes of the manifest")
            checksum.update(chunk)
            with our_disk(part):
                _write(descriptor, chunk)
    finally:
        os.close(descriptor)
    if size < file.size:
        raise Refused(f"{file.path}: was cut off after {size} of {file.size} bytes")
    if (found := f"sha256:{checksum.hexdigest()}") != file.digest:
        raise Refused(f"{file.path}: its sha256 is {found[7:19]}…, expected {file.digest[7:19]}…; it was changed")


def _take_in(checksum: Any, descriptor: int) -> None:
    """What is there already; afterwards the file is at its end."""
    while chunk := os.read(descriptor, CHUNK):
        checksum.update(chunk)


def _write(descriptor: int, chunk: bytes) -> None:
    """All of it, with no buffer that would fail once more when it is closed."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
