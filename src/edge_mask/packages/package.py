"""A package folder: its card, and those of its files that are what the card was written for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge_mask.errors import ModelError
from edge_mask.packages.card import Card, ModelFile
from edge_mask.packages.card_file import read_card
from edge_mask.packages.location import GRAPH


@dataclass(frozen=True, slots=True)
class Package:
    """A package folder whose card could be read; nothing else of it has been looked at yet."""

    folder: Path
    card: Card
    wanted: ModelFile | None = None  # the file that was asked for by its path, if one was


def open_package(folder: Path | str) -> Package:
    """Read the card of a package, which may be given as the path of one of its files. Raises ModelError."""
    path = Path(folder)
    if path.suffix == GRAPH and not path.is_dir():
        whole = open_package(path.parent)
        return Package(whole.folder, whole.card, named_file(whole.card, path))
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise ModelError(f"{path}: cannot be looked into ({error.strerror})") from error
    if not is_folder:
        raise ModelError(f"{path}: no such folder; a model package is a folder with a model.yaml")
    return Package(path, read_card(path))


def choose_file(card: Card, runtime: str) -> ModelFile:
    """The file that the card prefers for this runtime; else a float one, which runs everywhere."""
    preferred = [file for file in card.files if runtime in file.prefer]
    floats = [file for file in card.files if file.precision == "float"]
    return (preferred or floats or list(card.files))[0]


def named_file(card: Card, path: Path) -> ModelFile:
    """The file of that path. Raises ModelError when the card names no such one."""
    for file in card.files:
        if file.path == path.name:
            return file
    raise ModelError(f"{path}: the card names no such file; it names {', '.join(file.path for file in card.files)}")


def checked_content(package: Package, file: ModelFile) -> bytes:
    """The bytes of one file, if they are those the card was written for. Raises ModelError."""
    path = package.folder / file.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); the card names it under files") from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ModelError(
            f"{path}: its sha256 is {found[:12]}… ({len(content)} bytes), the card expects {file.sha256[:12]}…;"
            " the file was changed or cut off, install the package again"
        )
    return content
