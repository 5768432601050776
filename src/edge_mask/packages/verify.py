"""Everything a package promises, checked one by one: more than loading does, and without stopping at the first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from edge_mask.detect.model import warm_up
from edge_mask.detect.tflite import choose_runtime, installed_runtimes
from edge_mask.errors import ModelError
from edge_mask.packages.card import ModelFile
from edge_mask.packages.golden import check_picture
from edge_mask.packages.load import load_file
from edge_mask.packages.package import Package, checked_content, choose_file


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    passed: bool
    detail: str


def verify_package(package: Package) -> list[Check]:
    """Checksums of all files, then each file on each installed runtime: shapes, a run, the golden answers."""
    checks = [Check("card", True, f"{package.card.name} {package.card.version}")]
    checks += [_checksum(package, file) for file in package.card.files]
    if not installed_runtimes():
        checks.append(_checked("runtime", choose_runtime))
    for runtime in installed_runtimes():
        for file in package.card.files:
            checks += _runs(package, file, runtime)
    if not package.card.golden:
        checks.append(Check("golden", True, "the card has no golden picture; nothing was asked"))
    return checks


def _checksum(package: Package, file: ModelFile) -> Check:
    return _checked(f"{file.path} checksum", lambda: f"{len(checked_content(package, file))} bytes as in the card")


def _runs(package: Package, file: ModelFile, runtime: str) -> Iterator[Check]:
    what = f"{file.path} on {runtime}"
    try:
        detector = load_file(package, file, threads=1, runtime=runtime)
        warm_up(detector)
    except ModelError as error:
        yield Check(what, False, str(error))
        return
    chosen = ", the one that is used" if choose_file(package.card, runtime) == file else ""
    yield Check(what, True, f"shapes as in the card, runs{chosen}")
    for golden in package.card.golden:
        yield _checked(f"{what}, golden {golden.picture}", partial(check_picture, detector, package.folder, golden))
    detector.close()


def _checked(what: str, check: Callable[[], str]) -> Check:
    try:
        return Check(what, True, check())
    except ModelError as error:
        return Check(what, False, str(error))
