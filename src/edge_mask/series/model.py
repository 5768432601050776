"""Forecasts a week of hours: the usual week, and a ridge regression for each hour ahead on what was unusual of late."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, Self

import numpy as np

from edge_mask.errors import Refused
from edge_mask.series.blocks import hours as hourly
from edge_mask.series.grid import DAY, WEEK, Grid, Laid, Reals, Whole, hour_of_day
from edge_mask.series.nouns import Floats, Forecast, Hours, Minutes, Site
from edge_mask.series.profile import FEATURES, REACH, Residuals, usual

AHEAD: Final = WEEK
"""Hours of a forecast."""
LEAST_DAYS: Final = 7
"""Days of readings without which there is no usual week."""

_LEADS: Final = WEEK + 1  # an hour more: the week in which the clock is put forward ends an hour later on the wall
_YEAR: Final = 52 * WEEK
_RIDGE: Final = 300.0
_HALF_LIFE: Final = 13 * WEEK
_LEAST_ROWS: Final = 72
_BAND: Final = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Model:
    """What was learned of one series; it forecasts from the hours it is given."""

    zone: tzinfo
    limits: tuple[float, float]
    scale: float
    weights: Floats
    """Of each feature, for each hour ahead."""
    band: Floats
    """Residuals that most lie between: by day ahead, hour of the day, and (low, high)."""
    learned_from: tuple[float, float]
    days: int

    @classmethod
    def fit(cls, site: Site, minutes: Minutes) -> Self:
        """Learn from stored minutes; Refused while they are less than a week."""
        hours = hourly(minutes)
        grid = Grid(site.zone)
        laid = grid.lay(hours)
        recent = Laid(max(laid.first, laid.end - _YEAR), laid.values[-_YEAR:])
        days = int((~np.isnan(recent.values)).sum()) // DAY
        if days < LEAST_DAYS:
            raise Refused(f"{days} days of readings of {site.key.quantity}; forecasts are learned from {LEAST_DAYS} on")
        scale, weights, band = _learn(recent)
        span = (minutes.first * 60.0, minutes.end * 60.0)
        return cls(site.zone, site.limits, scale, weights, band, span, days)

    def forecast(self, origin: float, hours: Hours) -> Forecast:
        """The hours from `origin` (Unix seconds) on, from half a year before it; NaN when none of those is known."""
        grid = _grid(self.zone)
        laid = grid.lay(hours)
        targets = grid.wall(int(origin // 3600), AHEAD)
        values = self._line(laid, int(targets[0]), targets)
        ahead = targets - targets[0]
        place = (np.minimum(ahead // DAY, AHEAD // DAY - 1), hour_of_day(targets))
        low, high = (values + self.band[place][:, side] for side in (0, 1))
        bounded = (np.clip(each, *self.limits).astype(np.float32) for each in (values, low, high))
        return Forecast(origin, 3600, *bounded)

    def _line(self, laid: Laid, origin: int, targets: Whole) -> Reals:
        start = origin - REACH - 1
        line = usual(laid, start, origin + _LEADS, self.scale)
        seen = laid.at(np.arange(start, origin))
        residuals = Residuals(start, (seen - line[: len(seen)]) / self.scale)
        ahead = targets - origin
        common = np.repeat(residuals.of_origins(np.array([origin])), len(targets), axis=0)
        features = np.hstack([common, residuals.of_targets(targets, ahead)])
        unusual: Reals = (features * self.weights[ahead]).sum(axis=1)
        return line[targets - start] + self.scale * unusual


_grids: dict[tzinfo, Grid] = {}


def _grid(zone: tzinfo) -> Grid:
    """One for all models of a zone: it keeps the days it has seen."""
    return _grids.setdefault(zone, Grid(zone))


def _learn(laid: Laid) -> tuple[float, Floats, Floats]:
    """The deviation, the weights of each hour ahead, and the band that the residuals of learning lie in."""
    scale = _scale(laid.values - usual(laid, laid.first, laid.end, 0.0))
    residuals = laid.values - usual(laid, laid.first, laid.end, scale)
    rows = Residuals(laid.first, residuals / scale)
    origins = np.arange(laid.first + min(4 * WEEK, len(laid.values) // 2), laid.end)
    common = rows.of_origins(origins)
    weights = np.zeros((_LEADS, FEATURES))
    band = np.zeros((AHEAD // DAY, DAY, 2))
    errors: list[tuple[Whole, Reals]] = []
    for ahead in range(_LEADS):
        targets = origins[: max(len(origins) - ahead, 0)] + ahead
        known = ~np.isnan(residuals[targets - laid.first])
        if known.sum() < _LEAST_ROWS:
            weights[ahead] = weights[ahead - 1] if ahead else 0.0
        else:
            targets = targets[known]
            features = np.hstack([common[: len(known)][known], rows.of_targets(targets, np.full(len(targets), ahead))])
            age = 0.5 ** ((laid.end - targets) / _HALF_LIFE)
            weights[ahead] = _ridge(features, rows.values[targets - laid.first], age)
            errors.append((hour_of_day(targets), residuals[targets - laid.first] - scale * (features @ weights[ahead])))
        if ahead % DAY == DAY - 1 and ahead < AHEAD:
            band[ahead // DAY] = _quantiles(errors) if errors else band[ahead // DAY - 1]
            errors = []
    return scale, weights.astype(np.float32), band.astype(np.float32)


def _scale(residuals: Reals) -> float:
    """A usual deviation; where most hours are as always (a tap that is shut) half of that of eight in ten."""
    recent = residuals[-26 * WEEK :]
    recent = recent[~np.isnan(recent)]
    low, high = np.quantile(recent, (0.1, 0.9))
    return max(1.4826 * float(np.median(np.abs(recent))), 0.5 * float(high - low) / 2.56, 1e-6)


def _ridge(features: Reals, wanted: Reals, weight: Reals) -> Reals:
    """The weights of the features; few rows leave them near nought, which is the usual week."""
    weighted = features * weight[:, None]
    ridged = weighted.T @ features + _RIDGE * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(ridged, weighted.T @ wanted), np.float64)


def _quantiles(errors: list[tuple[Whole, Reals]]) -> Reals:
    """By hour of the day: what most errors lie between."""
    hours = np.concatenate([hour for hour, _ in errors])
    values = np.concatenate([error for _, error in errors])
    return np.array(
        [np.quantile(values[hours == hour], _BAND) if (hours == hour).any() else (0, 0) for hour in range(DAY)]
    )
