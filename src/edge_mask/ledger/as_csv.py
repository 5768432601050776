"""Visits as a table for spreadsheets, as `edge-mask history --csv` and the page export them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

COLUMNS: Final = (
    "visited", "camera", "verdict", "ispass", "mask", "mask_score", "temperature", "reasons", "passed_through",
    "snapshot", "time_to_verdict_ms", "clock_ok", "id", "amended",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def lines(visits: Iterable[Mapping[str, Any]], zone: tzinfo, end: str = "\n") -> Iterator[str]:
    """A line for each visit as the reader shows it."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator=end)
    for visit in visits:
        shown = {**visit, "visited": local(visit, zone), "reasons": " ".join(map(str, visit["reasons"]))}
        table.writerow([cell(shown[name]) for name in COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def header(end: str = "\n") -> str:
    """The first line."""
    return ",".join(COLUMNS) + end


def cell(value: Any) -> Any:
    """As JSON has it: `true`, not Python's `True`.

    A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection").
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def local(visit: Mapping[str, Any], zone: tzinfo, precision: str = "milliseconds") -> str:
    """RFC 3339 in the site's zone, with its offset. A damaged value is shown as it is."""
    try:
        return datetime.fromtimestamp(visit["visited"], zone).isoformat(timespec=precision)
    except (TypeError, ValueError, OverflowError, OSError):
        return str(visit["visited"])
