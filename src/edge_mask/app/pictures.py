"""Builds the album: the pictures that are kept on the device."""

from collections.abc import Callable

from edge_mask.act.album import Album, Wishes
from edge_mask.act.folder import Bounds
from edge_mask.act.picture_file import Style
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings


def album_for(settings: Settings, report: Callable[[Fault], None], clock: Clock) -> Album:
    """The album of a house; its thread is started by whoever owns it."""
    wanted = settings.snapshots
    store = SnapshotStore(wanted.dir, bounds_of(settings), style_of(settings), clock)
    return Album(store, Wishes(visits=wanted.visits, looks=wanted.looks), report, clock)


def bounds_of(settings: Settings) -> Bounds:
    """How long pictures stay, and how much room they may take."""
    wanted = settings.snapshots
    return Bounds(wanted.keep, wanted.temp_ttl, wanted.max_bytes, wanted.max_share)


def style_of(settings: Settings) -> Style:
    """What every picture that is kept looks like."""
    return Style(thing=settings.device.thing_name, zone=settings.device.zone, blur_faces=settings.snapshots.blur_faces)
