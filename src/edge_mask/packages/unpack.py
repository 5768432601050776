"""Copying a package out of a folder or a zip, without trusting either."""

import errno
import lzma
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edge_mask.errors import ModelError, Refused
from edge_mask.settings.fleet import MOST_BYTES

MOST_FILES = 200
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError),
    *(IndexError, FileExistsError, NotADirectoryError),
)
"""What zipfile raises for damaged archives: ValueError for a name that is no UTF-8, and the last three for an entry
without a name, two entries of one name, and an entry below another."""


def unpack(source: Path, into: Path) -> None:
    """Copy the files of a package folder or zip below `into`, plain files only and within bounds.

    Raises Refused when the source cannot be read, ModelError when it holds what no package holds.
    """
    if source.is_dir():
        _from_folder(source, into)
    elif zipfile.is_zipfile(source):
        _from_zip(source, into)
    else:
        found = "is no folder and no zip" if source.exists() else "there is no such file or folder"
        raise Refused(f"{source}: {found}; a package is installed from one of them")


def _from_folder(source: Path, into: Path) -> None:
    files = [path for path in source.rglob("*") if not path.is_dir() or path.is_symlink()]
    _check(source, [(str(path.relative_to(source)), path.lstat().st_size) for path in files])
    for path in files:
        if path.is_symlink() or not path.is_file():
            raise ModelError(f"{path}: is a link or no plain file; a package holds files only")
        target = into / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _from_zip(source: Path, into: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(source, [(entry.filename, entry.file_size) for entry in entries])
            for entry in entries:
                if entry.external_attr >> 28 == 0xA:  # S_IFLNK
                    raise ModelError(f"{source}: {entry.filename} is a link; a package holds files only")
                target = into / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, target.open("xb") as plain:
                    shutil.copyfileobj(packed, plain)
    except _DAMAGED as error:
        raise ModelError(f"{source}: cannot be unpacked ({error})") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # bz2 gives no number, a place before the file's start gives EINVAL
            raise  # the disk's trouble, not the archive's
        raise ModelError(f"{source}: cannot be unpacked ({error})") from error


def _check(source: Path, files: list[tuple[str, int]]) -> None:
    for name, _ in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or len(path.parts) > 8:
            raise ModelError(f"{source}: {name!r} would leave the package folder")
    if len(files) > MOST_FILES or sum(size for _, size in files) > MOST_BYTES:
        raise ModelError(f"{source}: more than {MOST_FILES} files or {MOST_BYTES // 1_000_000} MB; that is no package")
