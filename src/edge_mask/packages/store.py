"""A folder of installed packages, one of them in use: `current`, and the one before it, `previous`.

models/mask-detector-1.2.0/    models/current  -> mask-detector-1.2.0
models/mask-detector-1.0.0/    models/previous -> mask-detector-1.0.0

An installed package never changes; what changes are the two links, each in one step, so that a power cut leaves
the old choice or the new one.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_mask.errors import ModelError, Refused
from edge_mask.packages.card_file import CARD
from edge_mask.packages.load import load_package
from edge_mask.packages.location import CURRENT
from edge_mask.packages.package import Package, open_package
from edge_mask.packages.unpack import unpack
from edge_mask.packages.verify import verify_package

PREVIOUS = "previous"


class Store:
    """Installs packages into one folder and chooses among them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, source: Path) -> Package:
        """Take over a package from a folder or a zip, after everything in it was verified.

        Raises ModelError when it does not hold or is there already, Refused when it cannot be read or written.
        """
        with self._staging() as staging:
            unpack(source, staging)
            package = open_package(_root(staging, source))
            failed = [f"{check.what}: {check.detail}" for check in verify_package(package) if not check.passed]
            if failed:
                raise ModelError(f"{source}: does not hold what it promises\n" + "\n".join(failed))
            target = self._folder / f"{package.card.name}-{package.card.version}"
            if target.exists():
                raise ModelError(f"{target}: is installed already; a package never changes, give it another version")
            package.folder.rename(target)
        return Package(target, package.card)

    def activate(self, name: str) -> Package:
        """Make an installed package the current one, after it was loaded and its golden pictures were asked."""
        package = self._installed(name)
        load_package(package.folder).close()
        old = self._target(CURRENT)
        if old == package.folder.name:
            return package
        with _writing(self._folder):
            if old is not None:
                self._point(PREVIOUS, old)
            self._point(CURRENT, package.folder.name)
        return package

    def rollback(self) -> Package:
        """Make the one before the current one current again; done twice, nothing has changed."""
        before = self._target(PREVIOUS)
        if before is None:
            raise ModelError(f"{self._folder}: there is no previous package to go back to")
        return self.activate(before)

    def _installed(self, name: str) -> Package:
        if name in ("", CURRENT, PREVIOUS) or Path(name).name != name or not (self._folder / name).is_dir():
            here = sorted(path.parent.name for path in self._folder.glob(f"*/{CARD}") if not path.parent.is_symlink())
            raise ModelError(f"{name}: is not installed in {self._folder}; there is {', '.join(here) or 'nothing'}")
        return open_package(self._folder / name)

    def _target(self, link: str) -> str | None:
        path = self._folder / link
        if not path.is_symlink():
            if path.exists():
                raise ModelError(f"{path}: is in the way, expected a link that `model activate` made")
            return None
        return path.readlink().name

    def _point(self, link: str, target: str) -> None:
        fresh = self._folder / f".{link}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(self._folder / link)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder on the same file system, gone afterwards whatever happens."""
        with _writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            private = Path(tempfile.mkdtemp(prefix=".staging-", dir=self._folder))
            try:
                (private / "package").mkdir()  # with the usual rights: the daemon may be another user
                yield private / "package"
            finally:
                shutil.rmtree(private, ignore_errors=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{error.filename or folder}: cannot be read or written ({error.strerror})") from error


def _root(staging: Path, source: Path) -> Path:
    """The folder with the card: what was unpacked, or the only folder in it, as archives of a folder have it."""
    cards = [*staging.glob(CARD), *staging.glob(f"*/{CARD}")]
    if len(cards) != 1:
        found = "none" if not cards else f"{len(cards)} of them"
        raise ModelError(f"{source}: expected one {CARD}, found {found}")
    return cards[0].parent
