"""The start of a component: what the nucleus holds comes first, and what was in force before if that cannot be built.

nucleus ─▶ document ─▶ new overlay ─▶ house ─▶ keep
               │ none, wrong           │ cannot be built
               └────────▶ kept overlay ◀┘
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_mask.control.deferral import Deferral
from edge_mask.control.nucleus import NucleusWorker
from edge_mask.control.nucleus_configuration import NucleusConfiguration, say
from edge_mask.control.nucleus_news import News
from edge_mask.control.nucleus_wish import ORIGIN, NucleusWish, wish_of
from edge_mask.control.wishes import Wishes
from edge_mask.errors import ConfigurationError, EdgeMaskError
from edge_mask.nucleus import shared
from edge_mask.nucleus.requests import configuration, update_state
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.door import Blueprint, Door
from edge_mask.runtime.house import House
from edge_mask.settings import overlay as overlays
from edge_mask.settings.load import LoadedSettings, document_of, load, overlay_of
from edge_mask.settings.overlay import Overlay
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

PATIENCE: Final = Seconds(10.0)
"""Seconds for the nucleus to let us in; it has just started us."""
_LAST_WORD = Seconds(2.0)


class Component:
    """This process as its nucleus sees it. Used in the main thread, before and after the supervisor runs."""

    def __init__(self, file: Path, environ: Mapping[str, str], wishes: Wishes, patience: Seconds = PATIENCE) -> None:
        """Raises Refused without the AWS libraries."""
        self._file = file
        self._environ = environ
        self._wishes = wishes
        self._patience = patience
        self._is_first = True
        self._nucleus = shared.borrow()
        self._news = News(self._nucleus)
        self._deferral = Deferral()
        self.configuration = NucleusConfiguration(file, environ, wishes)

    def plan(self) -> Blueprint:
        """The first time with what the nucleus holds, then (at SIGHUP) as without one. Raises ConfigurationError."""
        if not self._is_first:
            return self._wishes.plan()
        self._is_first = False
        overlay, kept_at = overlay_of(self._file, self._environ)
        self.configuration.open(kept_at)
        document = self._document()
        if document is None:
            return self._wishes.plan()
        wish = wish_of(document)
        new = self._sound(overlay, self.configuration.over(overlay, wish), wish, kept_at)
        if new is overlay:
            self.configuration.tried(wish, taken=True)
            return self._wishes.plan()
        return self._planned(new, kept_at, wish)

    def worker(self, is_occupied: Callable[[], bool], clock: Clock) -> NucleusWorker:
        """The worker of one house."""
        return NucleusWorker(self._nucleus, self._news, self.configuration, self._deferral, is_occupied, clock)

    def errored(self) -> None:
        """The house cannot be built: the nucleus restarts the component, and gives up after the third time."""
        with suppress(EdgeMaskError, TookTooLong):
            self._nucleus.call(update_state("ERRORED")).result(_LAST_WORD)

    def close(self) -> None:
        """End the connection."""
        self._news.close()
        shared.give_back(_LAST_WORD)

    # -- the first plan ----------------------------------------------------------------------------------

    def _document(self) -> Any:
        """What the nucleus holds; None when it does not say."""
        tried = threading.Event()
        away: list[str] = []

        def told(connected: bool, reason: str) -> None:
            away[:] = [] if connected else [reason]
            if connected:
                tried.set()

        leave = self._nucleus.watch(told)
        tried.wait(self._patience)
        leave()
        try:
            return self._nucleus.call(configuration()).result(self._patience)
        except (EdgeMaskError, TookTooLong) as error:
            reason = away[0] if away else str(error) or f"no answer within {self._patience:g} s"
            log.warning(
                "configuration: the nucleus does not tell its own; what was in force before is used: %s", reason
            )
            return None

    def _sound(self, overlay: Overlay, new: Overlay, wish: NucleusWish, kept_at: Path) -> Overlay:
        """When what was kept is unusable itself (another version wrote it), the nucleus's alone may be usable."""
        alone = Overlay(overlays.merged({}, wish.config), overlay.version + 1, ORIGIN)
        if not overlay.config or self._is_sound(overlay) or self._is_sound(new) or not self._is_sound(alone):
            return new
        with suppress(OSError):
            log.warning("configuration: the overlay was set aside; it lies in %s", overlays.set_aside(kept_at))
        return alone

    def _is_sound(self, overlay: Overlay) -> bool:
        try:
            load(self._file, self._environ, overlay)
        except ConfigurationError:
            return False
        return True

    def _planned(self, new: Overlay, kept_at: Path, wish: NucleusWish) -> Blueprint:
        try:
            document = document_of(self._file, self._environ)
            found = LoadedSettings(load(self._file, self._environ, new), new, kept_at, document=document)
            blueprint = self._wishes.plan_of(found)
        except ConfigurationError as error:
            self.configuration.tried(wish, taken=False)
            return _Fallback(self._old(error), error)
        say(wish)
        return _FirstTry(blueprint, found, self, wish)

    def _old(self, error: Exception) -> Blueprint:
        """The one before; without one, what is wrong with the new one is the reason."""
        try:
            return self._wishes.plan()
        except ConfigurationError:
            raise error from None

    def taken(self, found: LoadedSettings, wish: NucleusWish) -> None:
        """A house stands that was built from it."""
        try:
            overlays.keep(found.kept_at, found.overlay)
        except OSError as error:  # the nucleus has it, the next start asks there again
            log.warning("configuration: %s cannot be written: %s", found.kept_at, error.strerror)
            return
        self.configuration.tried(wish, taken=True)

    def cannot_be_built(self, error: Exception, wish: NucleusWish) -> Blueprint:
        """Back to the one before. Raises `error` when there is none."""
        self.configuration.tried(wish, taken=False)
        return _Fallback(self._old(error), error)


class _Fallback:
    """What was in force before; its first house says why."""

    def __init__(self, blueprint: Blueprint, error: Exception) -> None:
        self._blueprint = blueprint
        self._error: Exception | None = error
        log.error("the configuration of the nucleus was not taken over, the old one stays: %s", error)

    def build(self, door: Door) -> House:
        house = self._blueprint.build(door)
        if self._error is not None:
            house.complain("configuration", "refused", str(self._error))
            self._error = None
        return house


class _FirstTry:
    """What the nucleus holds, or the old one when it cannot be built."""

    def __init__(self, blueprint: Blueprint, found: LoadedSettings, start: Component, wish: NucleusWish) -> None:
        self._blueprint = blueprint
        self._found = found
        self._start = start
        self._wish = wish
        self._is_tried = False

    def build(self, door: Door) -> House:
        if self._is_tried:
            return self._blueprint.build(door)
        self._is_tried = True
        try:
            house = self._blueprint.build(door)
        except Exception as error:  # noqa: BLE001 (whatever it is, the old configuration worked)
            self._blueprint = self._start.cannot_be_built(error, self._wish)
            return self._blueprint.build(door)
        self._start.taken(self._found, self._wish)
        return house
