"""Lines of text from a stream of bytes, and the values in a line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from edge_mask.errors import TryLater
from edge_mask.sense.checksum import Checksum, proven
from edge_mask.sense.correction import Correction
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.sql import regex as bounded

LONGEST: Final = 1024
"""Bytes of a line; what goes on without an end is no line."""
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LONGEST_NAME: Final = 64


class Splitter:
    """Cuts a stream at CR or LF, whichever comes; empty lines are nothing."""

    def __init__(self, *, in_the_middle: bool) -> None:
        """`in_the_middle`: the first line has lost its beginning and is left out."""
        self._rest = b""
        self._is_cut = in_the_middle

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """The lines that ended, without their ends and without NULs, and how many were too long."""
        *ended, rest = re.split(rb"[\r\n]", data.replace(b"\0", b""))
        lines: list[bytes] = []
        too_long = 0
        for piece in ended:
            line, self._rest = self._rest + piece, b""
            if self._is_cut:
                self._is_cut = False
            elif len(line) > LONGEST:
                too_long += 1
            elif line:
                lines.append(line)
        self._rest += rest
        if len(self._rest) > LONGEST:
            too_long += not self._is_cut
            self._rest, self._is_cut = b"", True
        return lines, too_long


@dataclass(frozen=True, slots=True)
class Measured:
    """How one quantity of a line is understood."""

    unit: str = ""
    correction: Correction = field(default_factory=Correction)


@dataclass(slots=True)
class Dialect:
    """How one configured sensor's lines are understood."""

    sensor: str
    pattern: str
    quantities: Mapping[str, Measured]
    decimal: str = "."
    ask: bytes = b""
    interval: float = 2.0
    """Time between two questions."""
    _compiled: bounded.Pattern = field(init=False)

    def __post_init__(self) -> None:
        self._compiled = bounded.ascii_only(self.pattern)

    def values(self, text: str) -> tuple[str, list[tuple[Identity, float]]] | None:
        """The sensor's name, and each quantity with its value; None when the line is another one.

        Raises TryLater for a value that is no number or an id that is no name, EvaluationError when matching takes too
        long.
        """
        found = bounded.search(self._compiled, text)
        if found is None:
            return None
        groups = found.groupdict()
        name = self._name(groups.get("id"))
        values = []
        for quantity, measured in self.quantities.items():
            if (part := groups.get(quantity)) is not None:
                plain = part.replace(".", "x").replace(",", ".") if self.decimal == "," else part
                identity = Identity(name, quantity, measured.unit, correction=measured.correction)
                values.append((identity, number(plain, quantity)))
        return name, values

    def _name(self, found: str | None) -> str:
        if found is None:
            return self.sensor
        if not _ID.fullmatch(found) or len(name := f"{self.sensor}-{found}") > _LONGEST_NAME:
            raise TryLater(f"the id {found[:40]!a} cannot be part of a name; allowed: letters, digits, _ . -")
        return name


def text_of(line: bytes, checksum: Checksum | None) -> str:
    """What the pattern is searched in, without blanks at the end. Raises TryLater for a wrong check sum."""
    if checksum is not None:
        without = proven(line, checksum)
        if without is None:
            raise TryLater(f"the line {shown(line)} has no right check sum ({checksum})")
        line = without
    try:
        return line.decode("utf-8").rstrip(" \t")
    except UnicodeDecodeError:
        return line.decode("latin-1").rstrip(" \t")


def shown(line: bytes) -> str:
    """A line for a sentence."""
    return ascii(line[:60].decode("latin-1")) + ("…" if len(line) > 60 else "")
