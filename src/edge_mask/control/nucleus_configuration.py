"""The nucleus's configuration as a source of wishes. It lives for as long as the process, over all houses.

document ─▶ wish_of ─▶ what differs from the last one taken ─▶ overlay, like every other wish
                             ▲ remembered beside the database

A restart finds the same document and changes nothing: a later wish of somebody else stays. A key that was taken out of
the document goes out of the overlay.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from edge_mask.control import difference
from edge_mask.control.kept import Kept
from edge_mask.control.nucleus_wish import ORIGIN, NucleusWish, wish_of
from edge_mask.control.wishes import Applied, Wishes
from edge_mask.errors import ConfigurationError, EdgeMaskError, TryLater
from edge_mask.settings.load import load
from edge_mask.settings.overlay import Overlay

log = logging.getLogger(__name__)


def taken_at(kept_at: Path) -> Path:
    """Where the last document that was taken lies, beside the overlay."""
    return kept_at.with_name(f"{kept_at.name.removesuffix('.overlay.json')}.nucleus.json")


class NucleusConfiguration:
    """May be used from any thread, by one at a time."""

    def __init__(self, file: Path, environ: Mapping[str, str], wishes: Wishes) -> None:
        self._file = file
        self._environ = environ
        self._wishes = wishes
        self._kept: Kept | None = None
        self._tried: Mapping[str, Any] | None = None
        """The last one that was tried in this process, taken or not."""

    # -- at the start, before there is a house -----------------------------------------------------------

    def open(self, kept_at: Path) -> None:
        """`kept_at` is the place of the overlay."""
        self._kept = Kept(taken_at(kept_at))

    def over(self, overlay: Overlay, wish: NucleusWish) -> Overlay:
        """The overlay with what is new in `wish`; the same object when nothing is."""
        config = difference.wish(self._taken(overlay.version), wish.config, overlay.config)
        return overlay.changed(config, ORIGIN) if config else overlay

    def tried(self, wish: NucleusWish, *, taken: bool) -> None:
        """It is in force, or was refused, which need not be found out again."""
        self._tried = wish.config
        if taken:
            self._remember(wish)

    # -- while a house runs ------------------------------------------------------------------------------

    def take(self, document: Any) -> None:
        """Ask for what the nucleus holds now; what comes of it is said by the supervisor. Returns at once."""
        wish = wish_of(document)
        if self._tried is not None and difference.same(wish.config, self._tried):
            return
        self._tried = wish.config
        say(wish)
        now = self._wishes.in_force()
        config = difference.wish(self._taken(now.version), wish.config, now.config)
        if not config:
            self._remember(wish)
            return
        log.info("configuration: the nucleus has a new one")
        applied = self._wishes.configure(config, ORIGIN, names_places=True)
        applied.add_done_callback(lambda applied: self._arrived(applied, wish))

    def objection(self, document: Any) -> str:
        """Why this configuration could not be taken, in sentences; empty when it could."""
        now = self._wishes.in_force()
        overlay = self.over(Overlay(now.config, now.version), wish_of(document))
        try:
            load(self._file, self._environ, overlay)
        except ConfigurationError as error:
            return "; ".join(error.problems)
        return ""

    def _arrived(self, applied: "Future[Applied]", wish: NucleusWish) -> None:
        error = applied.exception()
        if error is None:
            self._remember(wish)
        elif isinstance(error, TryLater):
            self._tried = None

    # -- the last one that was taken ---------------------------------------------------------------------

    def _taken(self, version: int) -> Mapping[str, Any]:
        """Nothing where there is no overlay (any more): then all of it is new."""
        if self._kept is None or not version:
            return {}
        found = self._kept.read().get("config")
        return found if isinstance(found, dict) else {}

    def _remember(self, wish: NucleusWish) -> None:
        if self._kept is None:
            return
        try:
            self._kept.write({"config": wish.config})
        except EdgeMaskError as error:
            log.warning("configuration: the next start will take it for a new one: %s", error)


def say(wish: NucleusWish) -> None:
    """Log what keys of AWS's own component mean here."""
    for note in wish.notes:
        log.warning("configuration: %s", note)
