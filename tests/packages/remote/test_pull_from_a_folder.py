"""A package comes whole from a layout on a stick, checked by its digest, or a sentence says why not."""

from pathlib import Path
from typing import Any

from tests.packages.remote.parcels import FILES, names, write_layout

from edge_mask.packages.package import open_package
from edge_mask.packages.remote.pull import Pulled, pull
from edge_mask.packages.verify import verify_package


def fetch(layout: Path, digest: str, into: Path, **more: Any) -> Pulled:
    return pull([f"file://{layout}"], digest, into, **more)


def test_it_comes_whole_with_its_folders(tmp_path: Path) -> None:
    layout, made = write_layout(tmp_path)
    seen: list[tuple[int, int]] = []
    found = fetch(layout, made.digest, tmp_path / "into", on_progress=lambda have, all_: seen.append((have, all_)))
    assert names(found.folder) == FILES
    assert (found.name, found.version, found.files) == ("tiny", "1.0.0", 3)
    assert (seen[0], seen[-1]) == ((0, made.size), (made.size, made.size))
    assert all(check.passed for check in verify_package(open_package(found.folder)))


def test_the_same_package_has_the_same_digest(tmp_path: Path) -> None:
    _, first = write_layout(tmp_path, name="one")
    _, second = write_layout(tmp_path, name="two")
    _, other = write_layout(tmp_path, version="1.0.1", name="three")
    assert first.digest == second.digest != other.digest


def test_a_zip_of_the_layout_serves_as_well(tmp_path: Path) -> None:
    packed, made = write_layout(tmp_path, name="layout.zip")
    assert names(fetch(packed, made.digest, tmp_path / "into").folder) == FILES
    other, _ = write_layout(tmp_path, name="again.zip")
    assert packed.read_bytes() == other.read_bytes()
