"""Installing, activating and rolling back packages: verified before, atomic, and nothing left behind."""

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, write_package

from edge_mask.cli import main
from edge_mask.errors import ModelError, Refused
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package, list_packages
from edge_mask.packages.store import Store


def package(folder: Path, version: str, **changes: Any) -> Path:
    return write_package(
        folder,
        tiny.anchor_free(strides=[8]),
        version=version,
        **({"decoding": ANCHOR_FREE | {"strides": [8]}} | changes),
    )


def zipped(folder: Path, archive: Path, *, below: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as target:
        for path in folder.rglob("*"):
            target.write(path, Path(below) / path.relative_to(folder))
    return archive


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.mark.parametrize("kind", ["folder", "zip", "zip of a folder"])
def test_a_package_is_installed_from_a_folder_or_a_zip(kind: str, models: Path, tmp_path: Path) -> None:
    source = package(tmp_path / "made", "1.0")
    if kind != "folder":
        source = zipped(source, tmp_path / "made.zip", below="tiny" if kind == "zip of a folder" else "")
    installed, _ = Store(models).install(source)
    assert installed.folder == models / "tiny-1.0"
    assert contents(models) == ["tiny-1.0"]
    assert load_package(installed.folder).name == "tiny 1.0"


def test_the_newer_is_used_until_it_is_rolled_back_and_forth(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    for version in ("1.0", "1.1"):
        store.install(package(tmp_path / version, version))
        store.activate(f"tiny-{version}")
    assert load_package(find_package(models / "current")).name == "tiny 1.1"
    assert store.rollback().card.version == "1.0"
    assert load_package(models / "current").name == "tiny 1.0"
    assert store.rollback().card.version == "1.1"
    assert store.activate("tiny-1.1").card.version == "1.1"
    assert contents(models) == ["current", "previous", "tiny-1.0", "tiny-1.1"]
    assert [entry.folder.name for entry in list_packages([models])] == ["tiny-1.0", "tiny-1.1"]
    assert store.rollback().card.version == "1.0"


def test_without_a_previous_one_there_is_no_way_back(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    store.install(package(tmp_path / "made", "1.0"))
    store.activate("tiny-1.0")
    with pytest.raises(ModelError, match="no previous package"):
        store.rollback()


def test_a_package_that_does_not_hold_is_not_installed(models: Path, tmp_path: Path) -> None:
    source = package(tmp_path / "made", "1.0")
    (source / "model.tflite").write_bytes(b"changed on the way")
    with pytest.raises(ModelError, match=r"does not hold what it promises\n(.|\n)*its sha256 is"):
        Store(models).install(source)
    assert contents(models) == []


def test_an_installed_package_never_changes(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    source = package(tmp_path / "made", "1.0")
    store.install(source)
    with pytest.raises(ModelError, match=r"tiny-1.0: is installed already"):
        store.install(source)
    assert contents(models) == ["tiny-1.0"]


def test_a_package_that_was_damaged_later_is_not_activated_and_the_old_one_stays(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    for version in ("1.0", "1.1"):
        store.install(package(tmp_path / version, version))
    store.activate("tiny-1.0")
    (models / "tiny-1.1" / "model.tflite").write_bytes(b"a bad sector")
    with pytest.raises(ModelError, match="its sha256 is"):
        store.activate("tiny-1.1")
    assert load_package(models / "current").name == "tiny 1.0"


@pytest.mark.parametrize("name", ["tiny-9", "../made", "current", ""])
def test_only_an_installed_package_can_be_activated(name: str, models: Path, tmp_path: Path) -> None:
    store = Store(models)
    store.install(package(tmp_path / "made", "1.0"))
    with pytest.raises(ModelError, match=r"is not installed in .*; there is tiny-1.0"):
        store.activate(name)


def test_a_folder_named_current_is_not_overwritten(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    store.install(package(tmp_path / "made", "1.0"))
    (models / "current").mkdir()
    with pytest.raises(ModelError, match="current: is in the way"):
        store.activate("tiny-1.0")


def archive_of(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, data in entries:
            target.writestr(name, data)
    return path


def link_entry() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("model.tflite")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([("../escaped", b"")], "would leave the package folder"),
        ([("/escaped", b"")], "would leave the package folder"),
        ([(link_entry(), b"/etc/passwd")], "is a link; a package holds files only"),
        ([(str(number), b"") for number in range(201)], "more than 200 files"),
        ([("big", bytes(200_000_001))], "200 MB"),
        ([("readme.txt", b"")], "expected one model.yaml, found none"),
        ([("a/model.yaml", b""), ("b/model.yaml", b"")], "expected one model.yaml, found 2 of them"),
    ],
    ids=["parent", "absolute", "link", "many", "large", "no card", "two cards"],
)
def test_an_archive_with_something_else_in_it_is_refused(
    entries: list[tuple[str, bytes]], sentence: str, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=sentence):
        Store(models).install(archive_of(tmp_path / "odd.zip", *entries))
    assert contents(models) == []
    assert not (tmp_path / "escaped").exists()


def test_a_damaged_archive_is_refused(models: Path, tmp_path: Path) -> None:
    archive = zipped(package(tmp_path / "made", "1.0"), tmp_path / "made.zip")
    data = bytearray(archive.read_bytes())
    data[200:260] = bytes(60)
    archive.write_bytes(data)
    with pytest.raises(ModelError, match=r"cannot be unpacked|does not hold"):
        Store(models).install(archive)
    assert contents(models) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("at", [10, 30, 60])
def test_a_packed_file_that_is_damaged_is_a_sentence_and_code_3(
    method: int, at: int, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "made.zip"
    with zipfile.ZipFile(archive, "w", method) as target:
        target.writestr("model.tflite", random.Random(0).randbytes(300) * 3)
    data = bytearray(archive.read_bytes())
    start = 30 + len("model.tflite") + at
    data[start : start + 60] = b"\xff" * 60
    archive.write_bytes(data)
    assert main(["model", "install", str(archive), "--models", str(models)]) == 3
    assert f"{archive}: cannot be unpacked (" in capsys.readouterr().err
    assert contents(models) == []


def test_an_archive_with_a_name_that_is_no_utf_8_is_refused(models: Path, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "odd.zip", ("ü.tflite", b""))
    archive.write_bytes(archive.read_bytes().replace("ü".encode(), b"\xff\xff"))
    with pytest.raises(ModelError, match="cannot be unpacked"):
        Store(models).install(archive)


def test_a_folder_with_links_is_refused(models: Path, tmp_path: Path) -> None:
    source = package(tmp_path / "made", "1.0")
    (source / "golden.png").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match="is a link or no plain file"):
        Store(models).install(source)


@pytest.mark.parametrize("name", ["nothing", "text.txt"])
def test_what_is_neither_folder_nor_zip_gets_a_sentence(name: str, models: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(Refused, match="a package is installed from one of them"):
        Store(models).install(tmp_path / name)


def test_the_commands_say_what_is_used_now(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--models", str(models)]
    for version in ("1.0", "1.1"):
        source = package(tmp_path / version, version)
        assert main(["model", "install", str(source), "--activate", *where]) == 0
    assert main(["model", "rollback", *where]) == 0
    assert main(["model", "activate", "tiny-1.1", *where]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"installed {models / 'tiny-1.0'}", f"{models / 'current'} is tiny 1.0",
        f"installed {models / 'tiny-1.1'}", f"{models / 'current'} is tiny 1.1",
        f"{models / 'current'} is tiny 1.0", f"{models / 'current'} is tiny 1.1",
    ]  # fmt: skip
    assert main(["model", "list", str(models)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.endswith("<- current") for line in listed] == [False, True]
    assert main(["model", "activate", "tiny-2", *where]) == 3
    assert "tiny-2: is not installed" in capsys.readouterr().err


def test_a_package_is_removed_unless_it_is_in_use_or_the_way_back(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    for version in ("0.9", "1.0", "1.1"):
        store.install(package(tmp_path / version, version))
        store.activate(f"tiny-{version}")
    with pytest.raises(Refused, match=r"tiny-1\.1: is the current package"):
        store.remove("tiny-1.1")
    with pytest.raises(Refused, match=r"tiny-1\.0: is the way back"):
        store.remove("tiny-1.0")
    store.remove("tiny-0.9")
    assert contents(models) == ["current", "previous", "tiny-1.0", "tiny-1.1"]
    assert store.rollback().card.version == "1.0"


def test_the_links_can_be_pointed_back(models: Path, tmp_path: Path) -> None:
    store = Store(models)
    before = store.chosen()
    for version in ("1.0", "1.1"):
        store.install(package(tmp_path / version, version))
    store.activate("tiny-1.0")
    middle = store.chosen()
    store.activate("tiny-1.1")
    store.choose(middle)
    assert store.chosen() == middle
    store.choose(before)
    assert contents(models) == ["tiny-1.0", "tiny-1.1"]
