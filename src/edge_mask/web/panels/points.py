"""From a document of somebody else to a few numbers with names; whatever is not that is refused with a sentence."""

import csv
import io
import json
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_mask import json_path
from edge_mask.errors import Refused
from edge_mask.settings.panels import Panel

MOST_POINTS: Final = 60
"""The last ones of a longer row."""
LONGEST_LABEL: Final = 60
_MOST_ROWS: Final = 100_000
_LONGEST_NUMBER: Final = 40


@dataclass(frozen=True, slots=True)
class Point:
    """One number."""

    label: str
    """Empty for a number that stands alone."""
    value: float


def points_of(panel: Panel, body: bytes) -> list[Point]:
    """Raises Refused."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"byte {error.start + 1} of the answer is not UTF-8 text") from None
    found = _of_json(panel, text) if panel.column is None else _of_csv(panel, text)
    if not found:
        raise Refused("the answer holds no number there")
    return found[-MOST_POINTS:]


def _of_json(panel: Panel, text: str) -> list[Point]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the answer is not JSON") from None
    assert panel.path is not None, "checked with the configuration"
    found = json_path.find(document, json_path.parse(panel.path))
    if found is json_path.MISSING:
        raise Refused(f"nothing stands at {panel.path} of the answer")
    if not isinstance(found, list):
        return [Point("", _number(found, panel.path))]
    value, label = (None if each is None else json_path.parse(each) for each in (panel.value, panel.label))
    made = []
    for place, each in enumerate(found[-MOST_POINTS:]):
        here = each if value is None else json_path.find(each, value)
        name = str(place + 1) if label is None else json_path.find(each, label)
        made.append(Point(_label(name), _number(here, f"{panel.path}[{place}]")))
    return made


def _of_csv(panel: Panel, text: str) -> list[Point]:
    rows = _rows(text)
    head = next(rows, [])
    assert panel.column is not None, "checked with the configuration"
    value = _column(head, panel.column)
    label = None if panel.label is None else _column(head, panel.label)
    made: deque[Point] = deque(maxlen=MOST_POINTS)
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        name = str(number - 1) if label is None else row[label] if label < len(row) else ""
        made.append(Point(_label(name), _number(row[value] if value < len(row) else "", f"line {number}")))
    return list(made)


def _rows(text: str) -> Iterator[list[str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            if number > _MOST_ROWS:
                raise Refused(f"the answer has more than {_MOST_ROWS} lines")
            yield row
    except csv.Error as error:
        raise Refused(f"the answer is no CSV: {error}") from None


def _column(head: Sequence[str], name: str) -> int:
    names = [cell.strip() for cell in head]
    if name not in names:
        raise Refused(f'the answer has no column "{name}"; it has {", ".join(names)[:200] or "none"}')
    return names.index(name)


def _label(found: Any) -> str:
    text = "" if found is json_path.MISSING or found is None else str(found)
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_LABEL].strip()


def _number(found: Any, where: str) -> float:
    """Also a text such as `1,234.5`."""
    made: float | None = None
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e15:
        made = float(found)
    elif isinstance(found, str) and len(found) <= _LONGEST_NUMBER and found.strip()[:1] not in ("", "_"):
        try:
            made = float(found.strip().replace(",", ""))
        except ValueError:
            made = None
    if made is None or not math.isfinite(made) or abs(made) >= 1e15:
        shown = "nothing" if found is json_path.MISSING else f"{str(found)[:60]!a}"
        raise Refused(f"{where} of the answer: found {shown}, which is no number")
    return made
