"""What each panel showed last, in one small file beside the database: it outlives restarts and days without network."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mask.private_file import replace_private
from edge_mask.settings.base import read_whole
from edge_mask.settings.panels import Panel
from edge_mask.web.panels.points import MOST_POINTS, Point

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """The last good answer of one panel."""

    at: float
    """When it was read, Unix seconds."""
    points: Sequence[Point]


class Kept:
    """One thread writes; any may read."""

    def __init__(self, database: Path) -> None:
        self._path = Path(f"{database}.panels.json")
        self._found: dict[str, Any] = _read(self._path)

    def of(self, panel: Panel) -> Figures | None:
        """None before the first, and when it is read elsewhere or otherwise by now."""
        match self._found.get(panel.name):
            case {"from": str(source), "at": float() | int() as at, "points": list(points)} if source == _source(panel):
                found = [
                    Point(label, float(value))
                    for label, value in (each for each in points if isinstance(each, list) and len(each) == 2)
                    if isinstance(label, str) and isinstance(value, int | float)
                ]
                return Figures(float(at), found[-MOST_POINTS:]) if found else None
        return None

    def put(self, panel: Panel, figures: Figures, panels: Sequence[Panel]) -> None:
        """Keep it, and forget panels that are no more."""
        points = [[point.label, point.value] for point in figures.points]
        names = {each.name for each in panels}
        fresh = {name: each for name, each in self._found.items() if name in names}
        self._found = {**fresh, panel.name: {"from": _source(panel), "at": figures.at, "points": points}}
        try:
            replace_private(self._path, json.dumps(self._found).encode())
        except OSError as error:
            log.warning("panels: %s cannot be written: %s", self._path, error.strerror)


def _source(panel: Panel) -> str:
    return json.dumps([panel.url, panel.path, panel.value, panel.column, panel.label])


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_whole(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return dict(found) if isinstance(found, Mapping) else {}
