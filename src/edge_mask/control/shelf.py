"""The model packages among which the device can choose, and what each choice changes.

models/current -> mask-detector-1.2.0    the folder beside `detector.model`: `edge-mask model` works there, too
(in the program) mask-detector           what came along; it cannot be removed
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_mask.errors import ModelError, Refused
from edge_mask.packages.location import CURRENT, DEFAULT, GRAPH, Entry, list_packages, shipped
from edge_mask.packages.store import Store
from edge_mask.runtime.door import nothing
from edge_mask.settings.load import LoadedSettings

Model = tuple[str, str]
"""Name and version."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the house must be built with."""

    wish: Mapping[str, Any] = field(default_factory=dict)
    """For the overlay; empty when the file's `detector.model` leads there already."""
    undo: Callable[[], object] = nothing
    """Points back to the package before; may be called more than once."""


class Shelf:
    """The packages of a device with this configuration."""

    def __init__(self, found: LoadedSettings, active: Model | None) -> None:
        """`active` is what looks now."""
        self._model = Path(found.settings.detector.model)
        self._is_wished = found.overlay.gives(("detector", "model"))
        self._active = active
        self._package = self._model.parent if self._model.suffix == GRAPH and not self._model.is_dir() else self._model
        self._folder = self._package.parent
        self._follows = self._package.name == CURRENT
        self._store = Store(self._folder)

    def installed(self) -> list[Model]:
        """Name and version of each, those that came along included."""
        return list(dict.fromkeys(_model(entry) for entry in self._entries() if entry.card is not None))

    def install(self, source: Path, wanted: tuple[str | None, str | None]) -> Model:
        """Take over a package that holds what it promises and is the wanted one. Raises ModelError, Refused."""
        package, _repaired = self._store.install(source, wanted)
        return package.card.name, package.card.version

    def activate(self, name: str | None, version: str | None) -> Choice | None:
        """None when it looks already. Raises ModelError, Refused."""
        entry = self._entry(name, version)
        if _model(entry) == self._active:
            return None
        if entry.folder.parent != self._folder:
            return Choice({"detector": {"model": f"{Path(DEFAULT).parent}/{entry.folder.name}"}})
        before = self._store.chosen()
        if not self._follows and self._package.is_dir():
            with suppress(ModelError):  # a broken one is no way back
                self._store.activate(self._package.name)  # the one to go back to
        self._store.activate(entry.folder.name)
        return self._pointed(before)

    def rollback(self) -> Choice:
        """The one before; without one, what the file names. Raises ModelError."""
        before = self._store.chosen()
        if self._is_wished and not (self._follows and before.previous):
            return Choice({"detector": {"model": None}})
        self._store.rollback()
        return self._pointed(before)

    def remove(self, name: str | None, version: str | None) -> None:
        """Raises Refused for the one that looks and for one that came along."""
        entry = self._entry(name, version)
        what = " ".join(_model(entry))
        if _model(entry) == self._active:
            raise Refused(f"{what}: looks now; activate another one before it is removed")
        if entry.folder.parent != self._folder:
            raise Refused(f"{what}: came with the program and stays")
        chosen = self._store.chosen()
        if not self._follows and chosen.current == entry.folder.name:  # nobody looks where the link points
            self._store.choose(replace(chosen, current=None))
        self._store.remove(entry.folder.name)

    def _pointed(self, before: Any) -> Choice:
        wish = {} if self._follows else {"detector": {"model": str(self._folder / CURRENT)}}
        return Choice(wish, lambda: self._store.choose(before))

    def _entries(self) -> list[Entry]:
        return list_packages([self._folder, *shipped()])

    def _entry(self, name: str | None, version: str | None) -> Entry:
        if not name:
            raise Refused("which model? give its name, and its version where there are several")
        here = [entry for entry in self._entries() if entry.card is not None]
        found = [entry for entry in here if entry.card is not None and entry.card.name == name]
        if version is not None:
            found = [entry for entry in found if _model(entry)[1] == version]
        if len({_model(entry) for entry in found}) == 1:
            return found[0]
        there = ", ".join(sorted({" ".join(_model(entry)) for entry in found or here})) or "none"
        wanted = f"{name} {version}" if version else name
        if found:
            raise Refused(f"{wanted}: which version? there are: {there}")
        raise Refused(f"{wanted}: is not installed; there are: {there}")


def _model(entry: Entry) -> Model:
    return ("", "") if entry.card is None else (entry.card.name, entry.card.version)
