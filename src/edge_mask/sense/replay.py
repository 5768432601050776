"""Recorded readings played again: a CSV file with the columns `seconds,value`."""

import csv
from pathlib import Path
from typing import Literal

from edge_mask.errors import Refused
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

Rate = Literal["realtime", "max"]


class Replay:
    """Plays the rows in their own rhythm (`realtime`, counted from the first row) or at once (`max`).

    Values are in the configured unit already. A row that is no number is refused once (TryLater) and stepped
    over. With `loop` it starts again, one last gap after the last row.
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
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:  # no text, or a path with a zero byte
            raise Refused(f"{self._path}: the recording cannot be read ({error})") from error
        reader = csv.DictReader(text.splitlines())
        if not {"seconds", "value"} <= set(reader.fieldnames or ()):
            raise Refused(f"{self._path}: the first line must name the columns: seconds,value")
        rows = [(reader.line_num, self._seconds(row["seconds"], reader.line_num), row["value"] or "") for row in reader]
        if not rows:
            raise Refused(f"{self._path}: holds no readings")
        return rows

    def _seconds(self, text: str | None, line: int) -> float:
        try:
            return float(text or "")
        except ValueError:
            raise Refused(f"{self._path}, line {line}: seconds is {text!r}, not a number") from None
