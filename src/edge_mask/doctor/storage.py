"""Storage: the database, the pictures, and free space for them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge_mask.doctor.finding import Finding
from edge_mask.ledger.database import InUse
from edge_mask.ledger.upkeep import check_up
from edge_mask.settings.model import Settings


def database(settings: Settings) -> list[Finding]:
    """Whether the daemon can use it, and whether the disk has room for its limits."""
    path = settings.outbox.path
    try:
        found = Finding("database", "ok", check_up(path))
    except InUse as error:
        found = Finding("database", "warning", str(error))
    allowed = settings.outbox.max_bytes + settings.history.max_bytes
    return [found, *_room("database", path.parent, allowed - _size(path), "outbox.max_bytes and history.max_bytes")]


def snapshots(settings: Settings) -> list[Finding]:
    """Whether pictures can be written."""
    folder = settings.snapshots.dir
    there = _nearest(folder)
    if not there.is_dir():
        return [Finding("snapshots", "warning", f"{folder} cannot be made: {there} is not a folder")]
    if not os.access(there, os.W_OK | os.X_OK):
        return [
            Finding("snapshots", "warning", f"{folder}: {there} may not be written; give the daemon's user the right")
        ]
    found = Finding(
        "snapshots", "ok", str(folder) if there == folder else f"{folder} will be made at the first picture"
    )
    kept = sum(_size(path) for path in folder.glob("*.jpg"))
    allowed = min(settings.snapshots.max_bytes, settings.snapshots.max_share * shutil.disk_usage(there).total)
    return [found, *_room("snapshots", folder, allowed - kept, "snapshots.max_bytes and max_share")]


def _room(part: str, folder: Path, wanted: float, keys: str) -> Iterator[Finding]:
    """A warning when the disk would fill up before the configured limits are reached."""
    free = shutil.disk_usage(_nearest(folder)).free
    if free < wanted:
        text = f"{_nearest(folder)} has {free / 1e6:.0f} MB left, and {keys} allow {wanted / 1e6:.0f} MB more"
        yield Finding(part, "warning", f"{text}: the disk will be full before the oldest is deleted")


def _nearest(folder: Path) -> Path:
    """The folder, or its nearest existing parent."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
