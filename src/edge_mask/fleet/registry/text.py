"""What others have written, as a terminal may see it."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any


def shown(text: str, most: int = 200) -> str:
    """One line that moves no cursor and changes no colour: what cannot be printed is written as an escape."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(each if each.isprintable() else _escaped(each) for each in cut)


def as_json(content: Any) -> str:
    """JSON for programs, and harmless to read."""
    plain = json.dumps(content, ensure_ascii=False, indent=2)
    is_harmless = all(each.isprintable() or each == "\n" for each in plain)
    return plain if is_harmless else json.dumps(content, indent=2)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows with their columns below one another."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in rows]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal: a Korean letter takes two."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)
