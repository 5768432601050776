"""Which model packages lie in some folders."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mask.detect.card import Card
from edge_mask.detect.card_file import CARD, read_card
from edge_mask.errors import ModelError

CURRENT = "current"
"""The link that `model activate` keeps beside the packages."""


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
