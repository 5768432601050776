"""What is known of each series, for whoever asks beside a running daemon."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from edge_mask.app.series.folder import InForce, SeriesFolder
from edge_mask.app.series.sites import Sites
from edge_mask.app.series.telling import name_of
from edge_mask.ledger.database import is_there
from edge_mask.ledger.series_nouns import Extent, StoredForecast
from edge_mask.ledger.series_reader import SeriesReader, reading
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria
from edge_mask.series.learn import DAY, LEAST_DAYS
from edge_mask.series.nouns import SeriesKey, Site
from edge_mask.settings.model import Settings

_SEEN: Final = 2.0
"""A leak is seen from about twice the difference between nights on."""


@dataclass(frozen=True)
class Overview:
    """One series."""

    site: Site
    folder: SeriesFolder
    extent: Extent | None
    """Of what is stored; None while that is nothing."""
    forecast: StoredForecast | None
    """The newest one."""
    open: tuple[Mapping[str, Any], ...]
    """The outliers that the daemon has said and that have not ended."""

    @cached_property
    def in_force(self) -> InForce:
        """Reads the files, once."""
        return self.folder.in_force()

    @property
    def criteria(self) -> Criteria:
        return self.in_force.criteria

    @cached_property
    def found(self) -> model_file.Found:
        """The model; reads the file, once."""
        return model_file.load(self.folder.path, self.site)

    @property
    def problems(self) -> list[str]:
        """What is damaged, or does not fit."""
        found = [self.in_force.problem, self.found.problem, _beyond(self.site, self.criteria)]
        return [each for each in found if each is not None]

    @property
    def smallest_leak(self) -> float | None:
        """As a share of the flow of the quiet hours; None where it is not looked for, or not known yet."""
        noise = self.criteria.night_noise
        return None if "quiet" not in self.site.kinds or noise is None else _SEEN * noise


def overviews(settings: Settings) -> list[Overview]:
    """Each configured series, and each id that was ever heard; also before anything is stored. Raises DatabaseError."""
    if settings.kept_series is None:
        return []
    sites = Sites(settings)
    if not is_there(settings.outbox.path):
        return list(_each(settings, sites, sites.known(), None))
    with reading(settings.outbox.path) as stored:
        heard = (SeriesKey(name.sensor, name.quantity) for name in stored.names())
        return list(_each(settings, sites, (*sites.known(), *heard), stored))


def _each(
    settings: Settings, sites: Sites, keys: Iterable[SeriesKey], stored: SeriesReader | None
) -> Iterator[Overview]:
    extents = {} if stored is None else {extent.name: extent for extent in stored.extents()}
    states = {} if stored is None else stored.states()
    for key in dict.fromkeys(keys):
        if (site := sites.of(key)) is None:
            continue
        name = name_of(site)
        yield Overview(
            site=site,
            folder=SeriesFolder(settings.outbox.path, site),
            extent=extents.get(name),
            forecast=None if stored is None else stored.forecast(name),
            open=_open(states.get(name)),
        )


def _open(text: str | None) -> tuple[Mapping[str, Any], ...]:
    """What a state says to be wrong; nothing where it says nothing that can be read."""
    try:
        found = [] if text is None else json.loads(text)["watch"]["open"]
        return tuple({name: each[name] for name in ("kind", "reason", "value", "began")} for each in found)
    except (ValueError, TypeError, LookupError, RecursionError):
        return ()


def amount(each: Overview, now: float) -> str:
    """How much, and how old the newest minute is."""
    if each.extent is None:
        return "nothing is stored yet"
    days = (each.extent.end - each.extent.first) / 1440
    return f"{days:.1f} days of minutes, the last {_ago(now - each.extent.end * 60)} ago"


def abilities(each: Overview, now: float) -> list[str]:
    """What its site lets one see, and how old what was learned is."""
    criteria, model = each.criteria, each.found.model
    told = []
    if criteria.made is not None:
        age = f"{_ago(now - criteria.made)} old, from {criteria.days} days"
        told.append(f"criteria of version {criteria.version}, {age}")
    elif each.site.kinds:
        told.append(_not_learned(each))
    if "quiet" in each.site.kinds:
        leak = each.smallest_leak
        told.append("from which leaks on it tells is not known yet" if leak is None else _leaks(leak))
    if model is not None:
        told.append(f"forecasts by a model of {model.days} days, the last {_ago(now - model.learned_from[1])} ago")
    elif "forecast" in each.site.kinds:
        told.append("no forecast before a week of readings")
    return [*told, *each.problems]


def _not_learned(each: Overview) -> str:
    if each.extent is None or each.extent.end - each.extent.first < LEAST_DAYS * DAY:
        return "criteria are learned from three weeks of readings on"
    return "criteria are not learned yet: the daemon does it by itself, `edge-mask series learn` at once"


def _beyond(site: Site, criteria: Criteria) -> str | None:
    """Limits that no reading can pass."""
    low, high = site.limits
    name = f"criteria of version {criteria.version}"
    if criteria.max is not None and criteria.max > high:
        return f"{name}: max {criteria.max:g} is beyond what the sensor can measure, {high:g}"
    if criteria.min is not None and criteria.min < low:
        return f"{name}: min {criteria.min:g} is beyond what the sensor can measure, {low:g}"
    return None


def _leaks(share: float) -> str:
    return f"leaks from {max(1.0, 100 * share):.0f} % of the night minimum on"


def _ago(seconds: float) -> str:
    if seconds < 7200:
        return f"{max(0.0, seconds) / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"
