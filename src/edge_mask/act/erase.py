"""Deletes pictures that were kept of people."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge_mask.act.folder import PART, is_part
from edge_mask.act.snapshot_name import TEMP, Snapshot, parse
from edge_mask.errors import TryLater
from edge_mask.plural import counted
from edge_mask.units import Seconds, Unix

PATIENCE: Final = Seconds(5.0)
"""How long another process waits for the daemon to write what it is about to write."""
_YOUNG = 30.0
"""Seconds; a picture that is older by its name waits for no disk any more."""
_AGAIN = 0.1


def erase_pictures(
    folder: Path, names: Iterable[str], before: Unix | None = None, patience: Seconds = Seconds(0.0)
) -> int:
    """Delete these pictures, and all that were taken `before`; how many went. Files of others stay.

    With `patience`, those that were promised a moment ago and are not there yet are waited for. Raises TryLater.
    """
    wanted = {name.removeprefix(TEMP) for name in names}
    gone: set[str] = set()
    end = time.monotonic() + patience
    while True:
        gone |= _erased(folder, wanted, before, len(gone))
        awaited = {name for name in wanted - gone if _is_young(name)}
        if not awaited or time.monotonic() >= end:
            return len(gone)
        time.sleep(_AGAIN)


def _erased(folder: Path, wanted: set[str], before: Unix | None, so_far: int) -> set[str]:
    """The names, without `temp-`, of those that went."""
    gone: set[str] = set()
    try:
        for path, snapshot in _pictures(folder):
            final = snapshot.name.removeprefix(TEMP)
            if final in wanted or (before is not None and snapshot.taken < before):
                with suppress(FileNotFoundError):
                    path.unlink()
                    gone.add(final)
    except OSError as error:
        deleted = counted(so_far + len(gone), "is gone", "are gone")
        text = f"{folder}: pictures cannot be deleted: {error.strerror}; {deleted}"
        raise TryLater(text) from error
    return gone


def _pictures(folder: Path) -> Iterator[tuple[Path, Snapshot]]:
    """Whole ones, and what a power cut left of others."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        name = path.name[1 : -len(PART)] if is_part(path.name) else path.name
        if (snapshot := parse(name)) is not None:
            yield path, snapshot


def _is_young(name: str) -> bool:
    snapshot = parse(name)
    return snapshot is not None and abs(time.time() - snapshot.taken) < _YOUNG
