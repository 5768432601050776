"""Learns criteria from stored minutes, and tells which of them are those of a broken sensor."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_mask.errors import Refused
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Minutes, Site

LEAST_DAYS: Final = 21
"""Days without which nothing is learned: three of each weekday."""


def clean(site: Site, criteria: Criteria, minutes: Minutes) -> Minutes:
    """The same minutes without those of a broken sensor, which are NaN."""
    values = minutes.values.copy()
    low, high = site.limits
    with np.errstate(invalid="ignore"):
        values[(values < low) | (values > high)] = np.nan
        if criteria.min is not None:
            values[values < criteria.min] = np.nan
        if criteria.max is not None:
            values[values > criteria.max] = np.nan
    length = runs(values)
    limit = np.where(values == 0, criteria.zero_run or criteria.run or 1 << 30, criteria.run or 1 << 30)
    values[length > limit] = np.nan
    return Minutes(minutes.first, values)


def runs(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each minute, how many minutes the same value lasts around it; missing minutes do not end a run."""
    known = np.flatnonzero(~np.isnan(values))
    length = np.zeros(len(values), np.int64)
    if len(known) == 0:
        return length
    kept = values[known]
    starts = np.flatnonzero(np.r_[True, kept[1:] != kept[:-1]])
    sizes = np.diff(np.r_[starts, len(kept)])
    length[known] = np.repeat(sizes, sizes)
    return length


def learn(site: Site, minutes: Minutes, at: float, version: int) -> Criteria:
    """Criteria of what was usual in these minutes; Refused when they are less than three weeks."""
    known = ~np.isnan(minutes.values)
    days = int(known.sum()) // 1440
    if days < LEAST_DAYS:
        raise Refused(f"{site.key.sensor}: {days} days of readings; criteria are learned from {LEAST_DAYS} on")
    tidy = clean(site, Criteria(), minutes).values
    kept = tidy[~np.isnan(tidy)]
    low, high = (float(value) for value in np.quantile(kept, [0.0005, 0.9995]))
    margin = 0.5 * (high - low)
    lengths = runs(tidy)
    step = float(np.nanmax(np.abs(np.diff(tidy))))
    return Criteria(
        min=low - margin,
        max=high + margin,
        max_step=step,
        run=2 * int(np.quantile(lengths[lengths > 0], 0.999)) + 10,
        version=version,
        made=at,
        learned_from=(minutes.first * 60.0, minutes.end * 60.0),
        days=days,
    )
