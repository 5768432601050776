"""What takes long with packages: fetching, verifying, measuring, repairing; in threads of no house."""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from edge_mask.errors import EdgeMaskError, ModelError, Refused, TryLater
from edge_mask.fleet.model.memory import Origin
from edge_mask.fleet.model.orders import Prepare, Repair, Repaired
from edge_mask.packages.load import load_package
from edge_mask.packages.location import GRAPH, find_package
from edge_mask.packages.measure import compare_models
from edge_mask.packages.package import open_package
from edge_mask.packages.remote.wanted import fetch
from edge_mask.packages.store import Store
from edge_mask.settings.fleet import FleetPackages
from edge_mask.wire.fleet_models import Desired

log = logging.getLogger(__name__)

PULLING: Final = ".pulling"
"""The one folder into which packages are fetched; swept when the daemon starts."""
Model = tuple[str, str]


@dataclass(slots=True)
class Hands:
    """For one folder of packages. Everything raises EdgeMaskError or OSError."""

    model: Path
    """`detector.model` as it is in force."""
    settings: FleetPackages
    slower: float
    """A new one that takes so many times as long as what looks is refused."""
    choose: Callable[[Literal["activate", "rollback"], str | None, str | None], Model | None]
    """Returns when the house stands that looks with it; what looks then."""
    reload: Callable[[], object]
    """Builds the house again, from the same configuration."""
    _store: Store = field(init=False)
    _folder: Path = field(init=False)
    _fetched: str = field(init=False, default="")
    """The digest of what lies in the folder for fetching."""

    def __post_init__(self) -> None:
        self._folder = _package(self.model).parent
        self._store = Store(self._folder)

    def prepare(self, order: Prepare, verifying: Callable[[], object]) -> None:
        """Afterwards the package is installed, whole and good, and not in use. `verifying` is called in between."""
        wanted, name = order.wanted, f"{order.wanted.name}-{order.wanted.version}"
        if self._is_installed(name, wanted, order.known):
            verifying()
            self._verified(name)
        else:
            folder = self._fetch(wanted, order.stop)
            verifying()
            self._install(folder, wanted.name, wanted.version)
        if order.beside is not None:
            self._compare(self._folder / name)

    def repair(self, order: Repair) -> Repaired:
        """The same package when it is whole again, the one before it, or a fresh copy. Raises ModelError with all that
        was tried."""
        tried: list[str] = []
        if not order.is_first:
            with suppress(ModelError):
                card = self._loaded()
                self.reload()
                return Repaired(card, None, "it is whole again")
        try:
            model = self.choose("rollback", None, None)
            if model is not None:
                origin = order.origins.get("-".join(model))
                return Repaired(model, None if origin is None else origin.digest, "the one before it looks")
        except (ModelError, Refused) as error:
            tried.append(str(error))
        origin = self._origin(order.origins)
        if origin is None:
            raise ModelError("; ".join([*tried, "where it came from is not known"]))
        try:
            return self._fetched_again(origin)
        except ModelError as error:
            raise ModelError("; ".join([*tried, str(error)])) from error

    def tidy(self, origins: Mapping[str, Origin]) -> frozenset[str]:
        """Remove what was fetched and is neither in use nor the way back; what is left of it."""
        chosen = self._store.chosen()
        keep = {chosen.current, chosen.previous, self._looks_from().name}
        for name in origins:
            if name not in keep and (self._folder / name).is_dir():
                with suppress(EdgeMaskError):
                    self._store.remove(name)
                    log.info("model: %s is neither in use nor the way back, and was removed", name)
        return frozenset(name for name in origins if (self._folder / name).is_dir())

    def place(self, wanted: Desired) -> Path:
        """Where it is installed."""
        return self._folder / f"{wanted.name}-{wanted.version}"

    # -- fetching and verifying --------------------------------------------------------------------------

    def _is_installed(self, name: str, wanted: Desired, known: Origin | None) -> bool:
        """Whether it need not be fetched; what lies in its way and is not in use is removed."""
        if not (self._folder / name).is_dir() or not self._store.holds(name):
            return False
        if known is not None and known.digest == wanted.digest:
            return True
        chosen = self._store.chosen()
        if name in (chosen.current, chosen.previous):
            raise ModelError(
                f"{name}: is installed already, and it is not known to be the one of this digest; a package never"
                " changes, give it another version"
            )
        self._store.remove(name)
        return False

    def _fetch(self, wanted: Desired, stop: threading.Event) -> Path:
        """What was fetched before of the same package is gone on with."""
        into = self._folder / PULLING
        if self._fetched != wanted.digest:
            self._drop_fetched()
        self._fetched = wanted.digest
        try:
            return fetch(wanted, self.settings, into, stop=stop).folder
        except (Refused, TryLater) as error:
            if isinstance(error, Refused) or isinstance(error.__cause__, OSError):
                self._drop_fetched()  # a disk that is full is not to stay so for its sake
            raise

    def _install(self, fetched: Path, name: str, version: str) -> None:
        try:
            self._store.install(fetched, (name, version))
        finally:
            self._drop_fetched()

    def _drop_fetched(self) -> None:
        self._fetched = ""
        sweep(self._folder)

    def _verified(self, name: str) -> None:
        load_package(self._folder / name, threads=1).close()

    def _compare(self, new: Path) -> None:
        try:
            load_package(find_package(self.model), threads=1, verify=False).close()
        except ModelError:
            return  # what looks could not be loaded any more: there is nothing to be compared with
        old_ms, new_ms = compare_models(find_package(self.model), new)
        if new_ms > self.slower * old_ms:
            raise ModelError(
                f"{new.name}: takes {new_ms:.1f} ms for a picture, the one that looks takes {old_ms:.1f} ms; more than"
                f" {self.slower:g} times as long is not taken (fleet.packages.slower)"
            )

    # -- repairing ---------------------------------------------------------------------------------------

    def _loaded(self) -> Model:
        package = open_package(find_package(self.model))
        load_package(find_package(self.model), threads=1).close()
        return package.card.name, package.card.version

    def _looks_from(self) -> Path:
        """The folder of what should look, behind its link."""
        path = _package(self.model)
        return path.parent / path.readlink() if path.is_symlink() else path

    def _origin(self, origins: Mapping[str, Origin]) -> Origin | None:
        """Where what should look came from; for a folder that was never there, what is wished."""
        folder = self._looks_from()
        if folder.name in origins:
            return origins[folder.name]
        return None if folder.exists() or not origins else list(origins.values())[-1]

    def _fetched_again(self, origin: Origin) -> Repaired:
        wanted = Desired(
            revision=1, name=origin.name, version=origin.version, digest=origin.digest,
            sources=list(origin.sources), signature=origin.signature,
        )  # fmt: skip
        name = f"{origin.name}-{origin.version}"
        if not (self._folder / name).is_dir() or not self._store.holds(name):
            self._install(self._fetch(wanted, threading.Event()), origin.name, origin.version)
        self.choose("activate", origin.name, origin.version)
        return Repaired((origin.name, origin.version), origin.digest, "a fresh copy looks")


def _package(model: Path) -> Path:
    return model.parent if model.suffix == GRAPH and not model.is_dir() else model


def sweep(folder: Path) -> None:
    """Remove what was fetched and is not installed."""
    shutil.rmtree(folder / PULLING, ignore_errors=True)
