"""A folder of installed packages, one of them in use: `current`, and the one before it, `previous`.

models/mask-detector-1.2.0/    models/current  -> mask-detector-1.2.0
models/mask-detector-1.0.0/    models/previous -> mask-detector-1.0.0

An installed package that holds never changes; a broken one is exchanged for a good one of the same version. Whatever
changes does so in one step, a rename on disk, so that a power cut or a kill leaves the old state or the new one. One
process at a time may change the folder; what an interrupted one left behind is removed by the next.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_mask.errors import ModelError, Refused
from edge_mask.packages.atomic import exchange, flush, locked, try_locked
from edge_mask.packages.card_file import CARD
from edge_mask.packages.load import load_package
from edge_mask.packages.location import CURRENT
from edge_mask.packages.package import Package, open_package
from edge_mask.packages.unpack import unpack
from edge_mask.packages.verify import Check, verify_package

PREVIOUS = "previous"
_STAGING = ".staging-"
_OURS = re.compile(r"\.staging-[a-z0-9_]{8}|\.(current|previous)\.(\d+|new)")
"""What an installation or a choice that was interrupted leaves behind."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The packages that `current` and `previous` name; None where there is no such link."""

    current: str | None
    previous: str | None


class Store:
    """Installs packages into one folder and chooses among them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, source: Path, wanted: tuple[str | None, str | None] = (None, None)) -> tuple[Package, bool]:
        """Take over a package from a folder or a zip, after everything in it was verified.

        `wanted`: its name and version, where they are known. The second value is True when it replaced a broken one of
        the same version. Raises ModelError when it does not hold, is not the wanted one, or a good one is there
        already, Refused when it cannot be read or written.
        """
        with self._staging() as staging:
            unpack(source, staging)
            package = open_package(root_of(staging, source))
            model = package.card.name, package.card.version
            if any(want not in (None, each) for want, each in zip(wanted, model, strict=True)):
                raise ModelError(f"{source}: is {' '.join(model)}, and not {' '.join(filter(None, wanted))}")
            failed = _failed(verify_package(package))
            if failed:
                raise ModelError(f"{source}: does not hold what it promises\n" + "\n".join(failed))
            target = self._folder / f"{package.card.name}-{package.card.version}"
            repaired = target.exists()
            if repaired and _holds(target):
                raise ModelError(f"{target}: is installed already; a package never changes, give it another version")
            flush(package.folder)
            if repaired:
                exchange(package.folder, target)
            else:
                package.folder.rename(target)
            flush(self._folder, deep=False)
        return Package(target, package.card), repaired

    def activate(self, name: str) -> Package:
        """Make an installed package the current one, after it was loaded and its golden pictures were asked."""
        with self._alone():
            package = self._loaded(name)
            old = self._target(CURRENT)
            if old != name:
                if old is not None and (self._folder / old).is_dir():
                    self._point(PREVIOUS, old)
                self._point(CURRENT, name)
        return package

    def rollback(self) -> Package:
        """Make the one before the current one current again; done twice, nothing has changed."""
        with self._alone():
            before, old = self._target(PREVIOUS), self._target(CURRENT)
            if before is None or before == old:
                raise ModelError(f"{self._folder}: there is no previous package to go back to")
            package = self._loaded(before)
            # In this order: interrupted between the two, the wanted one is in use.
            self._point(CURRENT, before)
            if old is not None and (self._folder / old).is_dir():
                self._point(PREVIOUS, old)
        return package

    def remove(self, name: str) -> None:
        """Delete an installed package. Raises Refused for the current one, and for the one before it: the way back."""
        with self._alone():
            folder = self._place(name)
            if self._target(CURRENT) == name:
                raise Refused(f"{name}: is the current package of {self._folder}; activate another one first")
            if self._target(PREVIOUS) == name and self._target(CURRENT) is not None:
                raise Refused(f"{name}: is the way back from the current package of {self._folder}, and stays")
            private = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self._folder))
            folder.rename(private / "package")
            if self._target(PREVIOUS) == name:
                (self._folder / PREVIOUS).unlink()
            flush(self._folder, deep=False)
            shutil.rmtree(private, ignore_errors=True)

    def holds(self, name: str) -> bool:
        """Whether everything that an installed package promises is so."""
        return _holds(self._folder / name)

    def chosen(self) -> Chosen:
        """What the links point to."""
        with _writing(self._folder):
            return Chosen(self._target(CURRENT), self._target(PREVIOUS))

    def choose(self, chosen: Chosen) -> None:
        """Point the links back to what they pointed to before."""
        with self._alone():
            for link, target in ((CURRENT, chosen.current), (PREVIOUS, chosen.previous)):
                if target is None:
                    (self._folder / link).unlink(missing_ok=True)
                elif self._target(link) != target:
                    self._point(link, target)

    def clean(self) -> None:
        """Remove what an interrupted installation left, unless somebody is installing now or the folder is closed."""
        with suppress(OSError), try_locked(self._folder) as alone:
            if alone:
                self._remove_leftovers()

    def _loaded(self, name: str) -> Package:
        package = self._installed(name)
        load_package(package.folder).close()
        return package

    def _installed(self, name: str) -> Package:
        return open_package(self._place(name))

    def _place(self, name: str) -> Path:
        """Its folder, whatever is in it. Raises ModelError when there is none."""
        if name in ("", CURRENT, PREVIOUS) or Path(name).name != name or not (self._folder / name).is_dir():
            here = sorted(path.parent.name for path in self._folder.glob(f"*/{CARD}") if not path.parent.is_symlink())
            raise ModelError(f"{name}: is not installed in {self._folder}; there is {', '.join(here) or 'nothing'}")
        return self._folder / name

    def _target(self, link: str) -> str | None:
        path = self._folder / link
        if not path.is_symlink():
            if path.exists():
                raise ModelError(f"{path}: is in the way, expected a link that `model activate` made")
            return None
        return path.readlink().name

    def _point(self, link: str, target: str) -> None:
        fresh = self._folder / f".{link}.new"
        fresh.symlink_to(target)
        fresh.replace(self._folder / link)
        flush(self._folder, deep=False)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the folder meanwhile; what was left behind by an interrupted one is gone."""
        with _writing(self._folder):
            if not self._folder.is_dir():
                yield  # nothing is installed there, and the sentence about it is raised inside
                return
            with locked(self._folder):
                self._remove_leftovers()
                yield

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder on the same file system, gone afterwards whatever happens."""
        with _writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            private = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self._folder))
            try:
                (private / "package").mkdir()  # with the usual rights: the daemon may be another user
                yield private / "package"
            finally:
                shutil.rmtree(private, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for path in self._folder.iterdir():
            if not _OURS.fullmatch(path.name):
                continue
            if path.is_symlink():
                path.unlink()
            elif path.is_dir() and {each.name for each in path.iterdir()} <= {"package", "package-before"}:
                shutil.rmtree(path, ignore_errors=True)


def _failed(checks: list[Check]) -> list[str]:
    return [f"{check.what}: {check.detail}" for check in checks if not check.passed]


def _holds(folder: Path) -> bool:
    """Whether an installed package is still what it was when it was installed."""
    try:
        return not _failed(verify_package(open_package(folder)))
    except ModelError:
        return False


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{error.filename or folder}: cannot be read or written ({error.strerror})") from error


def root_of(staging: Path, source: Path) -> Path:
    """The folder with the card: what was unpacked, or the only folder in it, as archives of a folder have it."""
    cards = [*staging.glob(CARD), *staging.glob(f"*/{CARD}")]
    if len(cards) != 1:
        found = "none" if not cards else f"{len(cards)} of them"
        raise ModelError(f"{source}: expected one {CARD}, found {found}")
    return cards[0].parent
