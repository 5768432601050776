"""Where model packages are: here, in the source tree, or inside the installed program; and which lie in a folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_mask
from edge_mask.errors import ModelError
from edge_mask.packages.card import Card
from edge_mask.packages.card_file import CARD, read_card

DEFAULT = "models/mask-detector"
"""The package that comes with the program."""
GRAPH = ".tflite"
CURRENT = "current"
"""The link that `model activate` keeps beside the packages."""


def find_package(name: str | Path = DEFAULT) -> Path:
    """The folder of a package: `name` as it stands; for `NAME` or `models/NAME`, else the one that came along.

    Any other name is a place of the user's own, where nothing else can be meant. Where the name is that of a `.tflite`
    in such a folder, it is the path of that file. Raises ModelError when there is none.
    """
    try:
        given = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"{name}: there is no such home folder") from error
    if _holds_a_card(given):
        return given
    if given.suffix == GRAPH and given.name != GRAPH and not given.is_dir():
        return find_package(given.parent) / given.name
    if given.exists():
        raise ModelError(f"{given}: holds no {CARD}; a model package is a folder with one")
    brought = [folder / given.name for folder in shipped()] if given.parts in _could_be_shipped(given) else []
    for place in brought:
        if _holds_a_card(place):
            return place
    places = ", ".join(str(place.parent) for place in (given, *brought))
    raise ModelError(f"{given}: no such model package (looked in {places})")


def shipped() -> list[Path]:
    """The folders that may hold packages that came with the program, whether they exist or not."""
    inside = Path(edge_mask.__file__).resolve().parent
    return [inside.parents[1] / "models", inside / "_models"]


def _could_be_shipped(given: Path) -> tuple[tuple[str, ...], ...]:
    return (given.name,), (Path(DEFAULT).parent.name, given.name)


def _holds_a_card(folder: Path) -> bool:
    try:
        return (folder / CARD).is_file()
    except OSError as error:
        raise ModelError(f"{folder}: cannot be looked into ({error.strerror})") from error


@dataclass(frozen=True, slots=True)
class Entry:
    """One package folder: its card, or why it cannot be read."""

    folder: Path
    card: Card | None
    problem: str = ""

    @property
    def in_use(self) -> bool:
        """Whether the link `current` beside it points to it."""
        link = self.folder.parent / CURRENT
        return link.is_symlink() and link.resolve() == self.folder.resolve()

    def as_json(self) -> dict[str, Any]:
        """The entry as `model list --json` prints it."""
        if self.card is None:
            return {"folder": str(self.folder), "problem": self.problem}
        return {
            "folder": str(self.folder),
            "name": self.card.name,
            "version": self.card.version,
            "licence": self.card.licence,
            "labels": list(self.card.meanings),
            "size": list(self.card.input.size),
            "decoding": self.card.decoding.kind,
            "current": self.in_use,
        }

    def as_line(self) -> str:
        """The entry as `model list` prints it."""
        if self.card is None:
            return f"{self.folder}: {self.problem}"
        width, height = self.card.input.size
        what = f"{self.card.decoding.kind}, {width}x{height}, {', '.join(self.card.meanings)}, {self.card.licence}"
        return f"{self.folder}: {self.card.name} {self.card.version} ({what}){' <- current' if self.in_use else ''}"


def list_packages(folders: Iterable[Path]) -> list[Entry]:
    """The packages in `folders` (or the folders themselves, where they are packages), each once, sorted by place.

    Links such as `current` and hidden folders are left out.
    """
    cards: dict[Path, Path] = {}
    for folder in folders:
        for card in sorted([*folder.glob(CARD), *folder.glob(f"*/{CARD}")]):
            if not card.parent.name.startswith(".") and not card.parent.is_symlink():
                cards.setdefault(card.resolve(), card)
    return [_entry(card.parent) for card in cards.values()]


def _entry(folder: Path) -> Entry:
    try:
        return Entry(folder, read_card(folder))
    except ModelError as error:
        return Entry(folder, None, str(error))
