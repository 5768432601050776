"""Learns criteria from stored minutes, and tells which of them are those of a broken sensor.

What is stored holds faults, and nobody marked them. So nothing is learned from the largest value: each limit comes from
what the days have in common (their medians and 95 % quantiles), which a few bad days in a hundred do not move.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_mask.errors import Refused
from edge_mask.series.blocks import gap
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Floats, Minutes, Site

LEAST_DAYS: Final = 21
"""Days without which nothing is learned: three of each weekday."""
DAY: Final = 1440
STEP: Final = 1.75
"""The largest step is this many times one that is reached on one day in twenty."""
_RUN = 1.4
_RUN_MORE, _RUN_MORE_AT_LEAST = 10, 4
"""Minutes beyond the longest usual run, and readings where they do not come each minute."""
_MOST_OF_HALF = 3.0
"""The longest usual run is at most so many times that of half of the days: a sensor may be stuck for weeks."""
_MARGIN = 0.15
"""How far beyond the highest day a value may go, as a share of the whole span."""
_LEAST_SHARE = 0.4
"""Of the lowest value of something that cannot be negative."""
_ZERO_IS_USUAL = 0.01
_ZERO_RUN = 14 * DAY
"""A house says zero as long as nobody is at home."""


def clean(site: Site, criteria: Criteria, minutes: Minutes) -> Minutes:
    """The same minutes without those of a broken sensor, which are NaN."""
    values = minutes.values.astype(np.float32, copy=True)
    low, high = site.limits
    with np.errstate(invalid="ignore"):
        values[(values < low) | (values > high)] = np.nan
        values[runs(values) > _run_limits(values, criteria)] = np.nan
        if criteria.min is not None:
            values[values < criteria.min] = np.nan
        if criteria.max is not None:
            values[values > criteria.max] = np.nan
        if criteria.max_step is not None:
            values[_jumps(values, criteria.max_step)] = np.nan
    return Minutes(minutes.first, values)


def runs(values: Floats) -> NDArray[np.int64]:
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


def learn(
    site: Site, minutes: Minutes, at: float, version: int, without: Iterable[tuple[float, float]] = ()
) -> Criteria:
    """Criteria of what was usual in these minutes; Refused when they are less than three weeks.

    `without`: spans in Unix seconds in which something was wrong; their days are left out.
    """
    values = _whole_days(clean(site, Criteria(), minutes), without)
    due = gap(values.ravel())
    days = int((np.isfinite(values).sum(axis=1) * due >= DAY // 2).sum())
    if days < LEAST_DAYS:
        name = f"{site.key.sensor} {site.key.quantity}"
        raise Refused(f"{name}: {days} days of readings in line; criteria are learned from {LEAST_DAYS} days on")
    run, zero_run = _runs_of(values, max(_RUN_MORE // due, _RUN_MORE_AT_LEAST))
    learned = Criteria(gap=due, run=run, zero_run=zero_run)
    values[runs(values.ravel()).reshape(values.shape) > _run_limits(values, learned)] = np.nan
    step = STEP * _of_days(np.abs(_steps(values.ravel(), due)).reshape(values.shape), 0.95)
    jumped = np.nanmax(np.abs(_steps(values.ravel(), due)).reshape(values.shape), axis=1, initial=0.0) > step
    low, high = _limits(site, values[~jumped])
    return Criteria(
        min=low,
        max=high,
        max_step=step,
        gap=due,
        run=run,
        zero_run=zero_run,
        version=version,
        made=at,
        learned_from=(minutes.first * 60.0, minutes.end * 60.0),
        days=days,
    )


def _whole_days(minutes: Minutes, without: Iterable[tuple[float, float]]) -> Floats:
    """One row a day; what is before the first whole day is left out."""
    values = minutes.values
    for begin, end in without:
        first = max(0, (int(begin // 60) // DAY) * DAY - minutes.first)
        values[first : max(first, -(-int(end // 60) // DAY) * DAY - minutes.first)] = np.nan
    skip = -minutes.first % DAY
    count = max(0, (len(values) - skip) // DAY)
    return values[skip : skip + count * DAY].reshape(count, DAY)


def _run_limits(values: Floats, criteria: Criteria) -> NDArray[np.int64]:
    never = np.iinfo(np.int64).max
    run = criteria.run or never
    return np.where(values == 0, criteria.zero_run or run, run)


def _runs_of(values: Floats, more: int) -> tuple[int, int]:
    """How many readings may be the same: of any value, and of zero. `more`: than usual, at least."""
    length = runs(values.ravel()).reshape(values.shape)
    zero = values == 0
    usual = bool(zero.sum() > _ZERO_IS_USUAL * np.isfinite(values).sum())
    moving = np.where(zero & usual, 0, length)
    typical = min(_of_days(moving, 0.95), _MOST_OF_HALF * _of_days(moving, 0.5))
    run = int(max(_RUN * typical, typical + more))
    return run, max(_ZERO_RUN, 2 * int(length[zero].max())) if usual else run


def _of_days(values: NDArray[np.float32] | NDArray[np.int64], share: float) -> float:
    """The quantile of the days' largest values, of those days that have one."""
    largest = np.nanmax(values, axis=1, initial=0)
    return float(np.quantile(largest[np.isfinite(values).any(axis=1)], share))


def _steps(values: Floats, due: int) -> Floats:
    """From the reading before to this one; NaN where there is none close enough."""
    steps = np.full(len(values), np.nan, np.float32)
    known = np.flatnonzero(np.isfinite(values))
    apart = np.diff(known)
    steps[known[1:]] = np.where(apart <= due + 2, np.diff(values[known]), np.nan)
    return steps


def _jumps(values: Floats, step: float) -> NDArray[np.bool_]:
    """Up to three readings that are apart from both the one before and the one after."""
    found = np.zeros(len(values), np.bool_)
    known = np.flatnonzero(np.isfinite(values))
    kept = values[known]
    for width in (1, 2, 3):
        before, after = kept[: -width - 1], kept[width + 1 :]
        apart = np.ones(len(before), np.bool_)
        for offset in range(1, width + 1):
            inner = kept[offset : len(kept) - width - 1 + offset]
            apart &= (np.abs(inner - before) > step) & (np.abs(inner - after) > step)
        for offset in range(1, width + 1):
            found[known[offset : len(kept) - width - 1 + offset][apart]] = True
    return found


def _limits(site: Site, days: Floats) -> tuple[float, float]:
    lowest = np.nanmin(days, axis=1, initial=np.inf)
    highest = np.nanmax(days, axis=1, initial=-np.inf)
    low, high = _edge(-lowest[np.isfinite(lowest)]), _edge(highest[np.isfinite(highest)])
    return beyond(site, -low, high)


def beyond(site: Site, low: float, high: float) -> tuple[float, float]:
    """The limits of a series whose usual days lie between `low` and `high`."""
    margin = _MARGIN * (high - low)
    below = low - margin
    if site.limits[0] >= 0.0:
        below = max(below, _LEAST_SHARE * low)
    return max(below, site.limits[0]), min(high + margin, site.limits[1])


def _edge(largest: Floats) -> float:
    """The largest value of a day, unless it is far from what other days have."""
    usual, high = (float(value) for value in np.quantile(largest, [0.5, 0.95]))
    return min(float(largest.max()), high + 2.0 * (high - usual))
