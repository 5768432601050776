"""The way of one wish through the main thread, one after the other; and back, when its house cannot be built."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from edge_mask.errors import ConfigurationError, Refused, TryLater
from edge_mask.runtime.door import Blueprint, Door, nothing
from edge_mask.runtime.house import House
from edge_mask.settings import overlay as overlays
from edge_mask.settings.base import MOST_READ
from edge_mask.settings.load import LoadedSettings, load, load_with_overlay
from edge_mask.settings.overlay import Overlay

Change = Callable[[Overlay], Overlay]
"""Makes the new overlay; the same object when it stays as it is."""


class Undo:
    """Takes back what was prepared for a house, once, unless it was forgotten before."""

    def __init__(self, do: Callable[[], object] = nothing) -> None:
        self._do = do

    def __call__(self) -> None:
        do, self._do = self._do, nothing
        do()

    def forget(self) -> None:
        """The house stands."""
        self._do = nothing


@dataclass(frozen=True, slots=True)
class Planned:
    """A blueprint that says when its house is built, and takes back what was prepared for it when it cannot be."""

    blueprint: Blueprint
    built: Callable[[], object]
    undo: Undo

    def build(self, door: Door) -> House:
        try:
            house = self.blueprint.build(door)
        except Exception:  # raised again: whatever went wrong, the overlay must not outlive the house that failed
            self.undo()  # before the old house is built again
            raise
        self.built()
        return house


class Way:
    """From a wish to what is kept."""

    def __init__(
        self, file: Path, environ: Mapping[str, str], change: Change, undo: Undo, *, names_places: bool
    ) -> None:
        """`names_places`: the change may name any file, folder or device of this machine."""
        self._file = file
        self._environ = environ
        self._change = change
        self._is_new = False
        self._names_places = names_places
        self._give_room_back: Callable[[], object] = nothing
        self.undo = undo
        self.before: LoadedSettings | None = None
        self.new: LoadedSettings

    def begin(self, before: LoadedSettings | None) -> None:
        """Build upon what the wish before has left. Raises ConfigurationError, and TryLater without room to keep it:
        the house that runs must not end for a wish that the next one could not keep."""
        self.before = before
        found = load_with_overlay(self._file, self._environ)
        overlay = self._change(found.overlay)
        before_it = None if self._names_places else found.settings
        settings = load(self._file, self._environ, overlay, instead_of=before_it)
        if len(overlays.written(overlay)) > MOST_READ:
            raise ConfigurationError([f"{overlay.origin}: all wishes together take more than {MOST_READ} bytes"])
        self._is_new = overlay is not found.overlay
        self.new = LoadedSettings(settings, overlay, found.kept_at, document=found.document)
        if self._is_new:
            try:
                self._give_room_back = overlays.keep_room(found.kept_at, overlay)
            except OSError as error:
                text = f"the wish cannot be kept: {error.strerror}"
                raise TryLater(f"{found.kept_at}: {text}") from error

    def keep(self) -> None:
        """The house runs. Raises Refused when the wish cannot be kept: then it must not run."""
        if not self._is_new:
            return
        try:
            overlays.keep(self.new.kept_at, self.new.overlay)
        except OSError as error:
            self.undo()
            raise Refused(f"{self.new.kept_at}: the wish cannot be kept: {error.strerror}") from error

    def end(self, built: "Future[None]") -> None:
        """It is in force, or it never will be."""
        if built.exception() is None:
            self.undo.forget()
        else:
            self._give_room_back()
            self.undo()
