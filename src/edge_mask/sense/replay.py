"""Recorded readings played again: a CSV file with the columns `seconds,value`."""

import csv
import stat
from pathlib import Path
from typing import Literal

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

Rate = Literal["realtime", "max"]

_MOST_BYTES = 64_000_000
"""All rows of a recording are kept in memory."""


class Replay:
    """Plays the rows in their own rhythm (`realtime`, counted from the first row) or at once (`max`).

    Values are in the configured unit already. A row that is no number is reported once (TryLater) and
    skipped. With `loop` the recording starts again; the gap before that is the last one in the file.
    """

    def __init__(
        self, identity: Identity, path: Path, *, clock: Clock, rate: Rate = "realtime", loop: bool = False
    ) -> None:
        self._identity = identity
        self._path = path
        self._clock = clock
        self._rate = rate
        self._loop = loop
        self._rows: list[tuple[int, float, str]] | None = None
        self._next = 0
        self._gap = Seconds(0.0)

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def interval(self) -> Seconds:
        return self._gap if self._rate == "realtime" else Seconds(0.0)

    def read(self) -> Reading | None:
        if self._rows is None:
            self._rows = self._load()
        if self._next == len(self._rows):
            return None
        line, _, text = self._rows[self._next]
        self._move_on(self._rows)
        value = number(text, f"{self._path}, line {line}")
        return self._identity.reading(value, self._identity.unit, self._clock)

    def close(self) -> None:
        """Nothing is held open."""

    def _move_on(self, rows: list[tuple[int, float, str]]) -> None:
        """To the next row; the gap before it is what `interval` says now."""
        self._next += 1
        if self._next < len(rows):
            self._gap = Seconds(max(0.0, rows[self._next][1] - rows[self._next - 1][1]))
        elif self._loop:
            self._next = 0
            self._gap = Seconds(max(0.0, rows[-1][1] - rows[-2][1]) if len(rows) > 1 else 1.0)

    def _load(self) -> list[tuple[int, float, str]]:
        """Line number, seconds and value of each row; only the times must all be right. Raises Refused."""
        reader = csv.DictReader(self._text().splitlines())
        try:
            if not {"seconds", "value"} <= set(reader.fieldnames or ()):
                raise Refused(f"{self._path}: the first line must name the columns: seconds,value")
            rows = [
                (reader.line_num, self._seconds(row["seconds"], reader.line_num), row["value"] or "") for row in reader
            ]
        except csv.Error as error:  # a field of more than 128 kB
            raise Refused(f"{self._path}, line {reader.line_num + 1}: is no row of a table ({error})") from error
        if not rows:
            raise Refused(f"{self._path}: holds no readings")
        return rows

    def _text(self) -> str:
        """What the recording says. A device or a pipe would never end, or never begin."""
        try:
            state = self._path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise Refused(f"{self._path}: is no file; a recording is a CSV file with the columns seconds,value")
            if state.st_size > _MOST_BYTES:
                raise Refused(f"{self._path}: is larger than {_MOST_BYTES // 10**6} MB; cut the recording into pieces")
            return self._path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:  # no text, or a path with a zero byte
            raise Refused(f"{self._path}: the recording cannot be read ({error})") from error

    def _seconds(self, text: str | None, line: int) -> float:
        try:
            return number(text or "", "seconds")
        except TryLater:
            raise Refused(f"{self._path}, line {line}: seconds is {text!r}, not a number") from None
