"""Learns the criteria and the model of series from what is stored, in a process of its own.

daemon ──JSON on stdin──▶ python -m edge_mask.app.series.learning ──▶ criteria/NNNN.yaml, model.npz ──▶ daemon looks

It is nice to everybody else, reads the database beside the daemon, and writes each file as a whole: killed half-way it
leaves what was there. What it has to say stands on stdout, one JSON line for each series.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, time, tzinfo
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.errors import EdgeMaskError, Refused
from edge_mask.ledger.series_alerts import spans_in_doubt
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import reading
from edge_mask.series import model_file
from edge_mask.series.blocks import blocks
from edge_mask.series.criteria import Criteria
from edge_mask.series.learn import clean, learn
from edge_mask.series.model import Model
from edge_mask.series.nouns import Minutes, SeriesKey, Site
from edge_mask.series.quiet import night_noise

_NICE: Final = 19
_YEAR: Final = 366 * 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What to learn of one series."""

    database: Path
    site: Site
    criteria: bool = True
    model: bool = True
    at: float
    """Now, in Unix seconds."""

    def as_data(self) -> dict[str, Any]:
        """As JSON carries it."""
        site = self.site
        hours = None if site.quiet_hours is None else [each.isoformat("minutes") for each in site.quiet_hours]
        return {
            "database": str(self.database.absolute()),
            "sensor": site.key.sensor,
            "quantity": site.key.quantity,
            "unit": site.unit,
            "zone": str(site.zone),
            "limits": [None if abs(each) == float("inf") else each for each in site.limits],
            "quiet_hours": hours,
            "kinds": sorted(site.kinds),
            "shipped": None if site.shipped is None else asdict(site.shipped),
            "criteria": self.criteria,
            "model": self.model,
            "at": self.at,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Lesson":
        """The reverse."""
        low, high = data["limits"]
        quiet = [time.fromisoformat(each) for each in data["quiet_hours"] or ()]
        site = Site(
            key=SeriesKey(data["sensor"], data["quantity"]),
            unit=data["unit"],
            zone=_zone(data["zone"]),
            limits=(float("-inf") if low is None else low, float("inf") if high is None else high),
            quiet_hours=(quiet[0], quiet[1]) if quiet else None,
            kinds=frozenset(data["kinds"]),
            shipped=None if data["shipped"] is None else Criteria.from_data(data["shipped"]),
        )
        wanted = {name: bool(data[name]) for name in ("criteria", "model")}
        return cls(database=Path(data["database"]), site=site, at=float(data["at"]), **wanted)


def teach(lesson: Lesson) -> dict[str, Any]:
    """Learn, and say what: for each of `criteria` and `model` a version or a number of days, or why not.

    Raises EdgeMaskError, OSError.
    """
    site, folder = lesson.site, SeriesFolder(lesson.database, lesson.site)
    end = int(lesson.at // 60)
    name = SeriesName(site.key.sensor, site.key.quantity, site.unit)
    with reading(lesson.database) as stored:
        kept = stored.minutes(name, end - _YEAR, end)
        without = spans_in_doubt(stored, name, lesson.at)
    minutes = _known(Minutes(kept.first, kept.values))
    works: dict[str, Callable[[], dict[str, Any]]] = {}
    if lesson.criteria:
        works["criteria"] = lambda: _learn_criteria(folder, site, minutes, lesson.at, without)
    if lesson.model:
        works["model"] = lambda: _train(folder, site, minutes)
    told: dict[str, Any] = {"sensor": site.key.sensor, "quantity": site.key.quantity}
    try:
        with folder.learning():
            return told | {name: _or_why_not(work) for name, work in works.items()}
    except Refused as error:
        return told | {name: {"refused": str(error)} for name in works}


def _learn_criteria(
    folder: SeriesFolder, site: Site, minutes: Minutes, at: float, without: list[tuple[float, float]]
) -> dict[str, Any]:
    version = max(folder.versions(), default=0) + 1
    learned = learn(site, minutes, at, version, without)
    if learned.night_noise is None:
        learned = replace(learned, night_noise=night_noise(site, blocks(clean(site, learned, minutes))))
    folder.add(learned)
    return {"version": version, "days": learned.days}


def _train(folder: SeriesFolder, site: Site, minutes: Minutes) -> dict[str, Any]:
    model = Model.fit(site, clean(site, folder.in_force().criteria, minutes))
    model_file.save(folder.path, model)
    return {"days": model.days}


def _or_why_not(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Too few days are no trouble: they are told, and tried again later."""
    try:
        return work()
    except Refused as error:
        return {"refused": str(error)}


def _known(minutes: Minutes) -> Minutes:
    """From the first reading on."""
    there = np.flatnonzero(np.isfinite(minutes.values))
    first = int(there[0]) if len(there) else len(minutes.values)
    return Minutes(minutes.first + first, minutes.values[first:])


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _reason(error: Exception) -> str:
    match error:
        case OSError(filename=str() as name, strerror=str() as reason):
            return f"{name}: {reason}"
        case EdgeMaskError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"


def main() -> int:
    """Learn what stdin says; 1 when a series could not be learned for another reason than too few days."""
    os.nice(_NICE)
    code = 0
    for line in sys.stdin:
        data = json.loads(line)
        try:
            told = teach(Lesson.from_data(data))
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one series, the others are learned)
            told, code = {"sensor": data["sensor"], "quantity": data["quantity"], "failed": _reason(error)}, 1
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())
