"""Folders and files that are closed, also to root: tests run as root where nobody else is."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VERSION_3 = 0x20080522
_OVERRIDE, _READ_SEARCH = 1 << 1, 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root pass by the rights of files."""


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Nobody may read `path` meanwhile, nor look into it; this thread keeps no right to do so all the same."""
    rights = path.stat().st_mode
    path.chmod(0)
    before = _capabilities()
    fewer = list(before)
    fewer[0] &= ~(_OVERRIDE | _READ_SEARCH)
    _set_capabilities(fewer)
    try:
        yield
    finally:
        _set_capabilities(before)
        path.chmod(rights)


def _capabilities() -> list[int]:
    found = (ctypes.c_uint32 * 6)()
    _asked("capget", found)
    return list(found)


def _set_capabilities(wanted: list[int]) -> None:
    _asked("capset", (ctypes.c_uint32 * 6)(*wanted))


def _asked(name: str, data: ctypes.Array[ctypes.c_uint32]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    if getattr(libc, name)(header, data) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
