"""Deletes pictures that were kept of people."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from edge_mask.act.snapshot_name import TEMP, parse
from edge_mask.errors import TryLater
from edge_mask.units import Unix


def erase_pictures(folder: Path, names: Iterable[str], before: Unix | None = None) -> int:
    """Delete these pictures, and all that were taken `before`; how many went. Files of others stay. Raises TryLater."""
    wanted = {each for name in names for each in (name, TEMP + name, name.removeprefix(TEMP))}
    gone = 0
    try:
        for path in list(folder.iterdir()) if folder.is_dir() else ():
            snapshot = parse(path.name)
            if snapshot is None or not (path.name in wanted or (before is not None and snapshot.taken < before)):
                continue
            with suppress(FileNotFoundError):
                path.unlink()
                gone += 1
    except OSError as error:
        raise TryLater(f"{folder}: pictures cannot be deleted: {error.strerror}; {gone} are gone") from error
    return gone
