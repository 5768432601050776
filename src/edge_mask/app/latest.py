"""Builds what keeps the last picture of each camera; off, it deletes those of before."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_mask.errors import TryLater
from edge_mask.messages import Fault, Shot
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings

if TYPE_CHECKING:
    from edge_mask.act.latest import LatestPictures


def latest_for(
    settings: Settings,
    newest: Callable[[str], Shot | None],
    report: Callable[[Fault], None],
    clock: Clock,
) -> "list[LatestPictures]":
    """Nothing while it is off: nobody who switched it off wants the last faces to stay."""
    wanted = settings.snapshots
    # Whoever wants no pictures of visitors wants no last one either: of a gate it must be asked for.
    names = [camera.name for camera in settings.cameras if camera.role == "cctv" or wanted.latest == "on"]
    if not wanted.keeps_latest or not names:
        from edge_mask.act.latest_file import delete

        with suppress(TryLater):  # tried again at the next start
            delete(wanted.dir, lambda _taken: True)
        return []
    from edge_mask.act.latest import LatestPictures, encoder
    from edge_mask.app.pictures import bounds_of, style_of

    encode = encoder(style_of(settings), wanted.dir, bounds_of(settings))
    return [
        LatestPictures(wanted.dir, names, newest, encode, report, clock, every=wanted.latest_every, keep=wanted.keep)
    ]
