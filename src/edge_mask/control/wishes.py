"""The wishes from outside: checked, applied and kept, or refused while everything stays as it was. Read this first.

command, shadow, job, nucleus ─▶ Wishes ─▶ Door ─▶ main thread: plan ─▶ build ─▶ keep ─▶ answer
                                                      │wrong      │cannot be built
                                                      └── refused ┴── the old house comes back, nothing is kept

There is one object for the life of the process; the houses come and go. Whoever asks belongs to a house that is stopped
before the answer comes: what is then still to be said goes through `afterwards`.
"""

import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from edge_mask.control.afterwards import Afterwards
from edge_mask.control.changes import changed_keys
from edge_mask.control.desk import Desk
from edge_mask.control.futures import done, failed, mapped
from edge_mask.control.way import Change, Planned, Undo, Way
from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.runtime.door import Blueprint, Door, nothing
from edge_mask.settings import overlay as overlays
from edge_mask.settings.load import LoadedSettings, load_with_overlay
from edge_mask.settings.overlay import Overlay

if TYPE_CHECKING:  # drags the model's runtime in, which a house without cameras never loads
    from edge_mask.control.shelf import Choice, Shelf
    from edge_mask.wire.fleet_models import Desired

Model = tuple[str, str]
"""Name and version."""
TakePackage = Callable[["Desired | None", str], "Future[Any]"]
"""The wish, None to take it away, and who wishes. It ends with an Ended."""
L = TypeVar("L", bound="Lasting")
Action = Literal["list", "install", "activate", "rollback", "remove"]


class Ended(Protocol):
    """What became of a wish for a package."""

    @property
    def state(self) -> str: ...
    @property
    def error(self) -> str | None: ...


class Lasting(Protocol):
    """What lives over all houses."""

    def stopped(self) -> None:
        """The process ends as it should, and not by a kill or a crash."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What the running house obeys beside the file."""

    config: Mapping[str, Any]
    """The overlay."""
    version: int
    """Counts the accepted wishes; `config_version` outside."""
    model: Model | None
    """Name and version of the model that looks; None without cameras."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A wish is in force and kept."""

    in_force: InForce
    changed: tuple[str, ...]
    """Key paths whose values differ from before; none when all was so already."""


@dataclass(frozen=True, slots=True)
class Models:
    """The packages to choose from, and the one that looks."""

    active: Model | None
    installed: tuple[Model, ...]


class Outdated(Refused):
    """A wish upon what is not in force any more: somebody else was faster."""


@dataclass(slots=True)
class _Standing:
    """What the running house was built from."""

    found: LoadedSettings
    model: Model | None = None


class Wishes:
    """May be used from any thread. Futures resolve in the main thread, so their callbacks return at once."""

    def __init__(
        self, file: Path, environ: Mapping[str, str], blueprint: Callable[[LoadedSettings], Blueprint]
    ) -> None:
        """`blueprint` makes the plan of a house, in the main thread."""
        self._file = file
        self._environ = environ
        self._blueprint = blueprint
        self._door: Door | None = None
        self._lock = threading.Lock()
        self._choosing = threading.Lock()
        self._pending = 0
        self._standing: _Standing | None = None
        self._model: Model | None = None
        self._lasting: dict[Hashable, Any] = {}
        self.afterwards = Afterwards()
        self.desk = Desk(self.afterwards)
        self.package: TakePackage | None = None
        """Takes a wish for a package that is to be fetched; None while no `fleet` section says from where."""

    # -- for the main thread -----------------------------------------------------------------------------

    def serve(self, door: Door) -> None:
        """From now on wishes go through this door."""
        self._door = door

    def plan(self) -> Blueprint:
        """The file with the kept overlay, for the start and for SIGHUP."""
        return self._planned(load_with_overlay(self._file, self._environ), Undo())

    def plan_of(self, found: LoadedSettings) -> Blueprint:
        """A configuration that is not kept yet, for the start of a component."""
        return self._planned(found, Undo())

    def looks_with(self, model: Model | None) -> None:
        """Called while a house is built: name and version of its model."""
        self._model = model

    def lasting(self, key: Hashable, make: Callable[[], L]) -> L:
        """What lives over all houses: made once for each key, while a house is built."""
        if key not in self._lasting:
            self._lasting[key] = make()
        made: L = self._lasting[key]
        return made

    def known(self, key: Hashable) -> Any:
        """The same, if it was made."""
        return self._lasting.get(key)

    def forget(self, key: Hashable) -> None:
        """What lived under it over all houses is not wanted any more."""
        if (found := self._lasting.pop(key, None)) is not None:
            found.stopped()

    def stopped(self) -> None:
        """The process ends as it should: no house runs any more."""
        for each in self._lasting.values():
            each.stopped()

    # -- for everybody -----------------------------------------------------------------------------------

    def in_force(self) -> InForce:
        """What holds now."""
        standing = self._standing
        overlay = Overlay() if standing is None else standing.found.overlay
        return InForce(overlay.config, overlay.version, None if standing is None else standing.model)

    def loaded(self) -> LoadedSettings | None:
        """What the running house was built from; None before the first."""
        return self._found

    def configure(
        self,
        wish: Mapping[str, Any],
        origin: str,
        *,
        upon: int | None = None,
        names_places: bool = False,
        is_answered: bool = False,
    ) -> "Future[Applied]":
        """Merge `wish` into the overlay: a null takes its key out again. `origin` names the sender in sentences.

        `names_places` is for whoever installs the device: it may name any file, folder or device there.
        Fails with NotFromOutside for keys and places that only the file may set, with ConfigurationError (see its
        `problems`) for values that are wrong, with Outdated when the overlay's version is not `upon`, with another
        error when the house cannot be built. `is_answered`: the sender is told of wrong values, and nobody else.
        """

        def changed(overlay: Overlay) -> Overlay:
            if upon is not None and overlay.version != upon:
                text = f"{upon} is not in force any more, but {overlay.version}; look at what changed, and wish again"
                raise Outdated(f"config_version: {text}")
            return overlay.changed(wish, origin)

        return self._change(changed, names_places=names_places, is_answered=is_answered)

    def replace(self, config: Mapping[str, Any], origin: str) -> "Future[Applied]":
        """The same with a whole overlay in the place of the old one."""
        return self._change(lambda overlay: Overlay(overlays.merged({}, config), overlay.version + 1, origin))

    def reload(self) -> "Future[Applied]":
        """Read the file again, as SIGHUP does."""
        if (door := self._door) is None:
            return failed(TryLater("the program is starting"))
        before = self._found
        return mapped(door.reload(), lambda _none: self._applied(before))

    def model(
        self, action: Action, name: str | None = None, version: str | None = None, *, source: Path | None = None
    ) -> "Future[Models]":
        """List, install (from `source`, a folder or zip), activate, roll back to the one before, or remove a package.

        Packages are verified in the caller's thread, which takes seconds on a small machine; then the house is built
        again if another model is to look.
        """
        if (found := self._found) is None:
            return failed(TryLater("the program is starting"))
        if not self._choosing.acquire(blocking=False):
            return failed(TryLater("another choice of a model is being carried out"))
        from edge_mask.control.shelf import Shelf

        try:
            choice = _choice(Shelf(found, self.in_force().model), action, name, version, source)
            applied = done(Applied(self.in_force(), ())) if choice is None else self._chosen(choice)
        except EdgeMaskError as error:
            applied = failed(error)
        except BaseException:  # raised again: a lock that stays taken would refuse every later choice
            self._choosing.release()
            raise
        applied.add_done_callback(lambda _applied: self._choosing.release())
        return mapped(applied, lambda _applied: self._models())

    # -- the way of a wish -------------------------------------------------------------------------------

    @property
    def _found(self) -> LoadedSettings | None:
        return None if self._standing is None else self._standing.found

    def _models(self) -> Models:
        from edge_mask.control.shelf import Shelf

        model, found = self.in_force().model, self._found
        return Models(model, () if found is None else tuple(Shelf(found, model).installed()))

    def _chosen(self, choice: "Choice") -> "Future[Applied]":
        wish = choice.wish
        if not wish:  # the overlay stays as it is, but the house must be built again
            return self._asked(lambda overlay: overlay, choice.undo, names_places=True)
        return self._asked(lambda overlay: overlay.changed(wish, "command model"), choice.undo, names_places=True)

    def _change(self, change: Change, *, names_places: bool = False, is_answered: bool = False) -> "Future[Applied]":
        """A wish that holds already builds nothing."""
        try:
            with self._lock:
                if not self._pending and (now := self._found) is not None and _holds(change, now.overlay):
                    return done(Applied(self.in_force(), ()))
        except Outdated as error:
            return failed(error)
        return self._asked(change, names_places=names_places, is_answered=is_answered)

    def _asked(
        self,
        change: Change,
        undo: Callable[[], object] = nothing,
        *,
        names_places: bool,
        is_answered: bool = False,
    ) -> "Future[Applied]":
        if (door := self._door) is None:
            return failed(TryLater("the program is starting"))
        way = Way(self._file, self._environ, change, Undo(undo), names_places=names_places)

        def plan() -> Blueprint:
            way.begin(self._found)
            return self._planned(way.new, way.undo)

        with self._lock:
            self._pending += 1
        built = door.rebuild(plan, way.keep, is_answered=is_answered)
        built.add_done_callback(self._arrived)
        built.add_done_callback(way.end)
        return mapped(built, lambda _none: self._applied(way.before))

    def _arrived(self, _built: "Future[None]") -> None:
        with self._lock:
            self._pending -= 1

    def _planned(self, found: LoadedSettings, undo: Undo) -> Blueprint:
        return Planned(self._blueprint(found), lambda: self._stands(found), undo)

    def _stands(self, found: LoadedSettings) -> None:
        self._standing = _Standing(found, self._model)

    def _applied(self, before: LoadedSettings | None) -> Applied:
        after = self._found
        changed = () if before is None or after is None else changed_keys(before.settings, after.settings)
        return Applied(self.in_force(), changed)


def _holds(change: Change, overlay: Overlay) -> bool:
    return change(overlay).looked_at == overlay.config


def _choice(
    shelf: "Shelf", action: Action, name: str | None, version: str | None, source: Path | None
) -> "Choice | None":
    match action:
        case "list":
            return None
        case "install":
            if source is None:
                raise Refused("a package is installed from a folder or a zip; none was given")
            shelf.install(source, (name, version))
            return None
        case "activate":
            return shelf.activate(name, version)
        case "rollback":
            return shelf.rollback()
        case "remove":
            shelf.remove(name, version)
            return None
