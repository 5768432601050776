"""A week ahead, from the hours before it."""

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from tests.series.made import DAY, FLOW, changed, part, town

from edge_mask.errors import Refused
from edge_mask.series.blocks import hours
from edge_mask.series.model import AHEAD, Model
from edge_mask.series.nouns import Hours, Minutes


def error(model: Model, known: Hours, day: int) -> float:
    """Mean distance of a forecast made at the end of this day from the day that came."""
    made = model.forecast((known.first + day * 24) * 3600.0, Hours(known.first, known.values[: day * 24]))
    return float(np.nanmean(np.abs(made.values[:24] - known.values[day * 24 : (day + 1) * 24])))


def errors(model: Model, known: Hours, days: range) -> float:
    return float(np.mean([error(model, known, day) for day in days]))


def last_week(known: Hours, days: range) -> float:
    """The same of saying what was a week ago."""
    apart = np.abs(known.values[168:] - known.values[:-168])
    return float(np.mean([apart[(day - 7) * 24 : (day - 6) * 24].mean() for day in days]))


@pytest.fixture(scope="module")
def summer() -> Minutes:
    return town("2025-05-01T22:00", 150)


@pytest.fixture(scope="module")
def model(summer: Minutes) -> Model:
    return Model.fit(FLOW, part(summer, 0, 120 * DAY))


def test_a_week_is_forecast_better_than_by_the_week_before(summer: Minutes, model: Model) -> None:
    known, days = hours(summer), range(120, 143)
    assert errors(model, known, days) < 0.75 * last_week(known, days)


def test_the_band_holds_most_of_what_comes(summer: Minutes, model: Model) -> None:
    inside = []
    for day in range(120, 143):
        cut = day * DAY
        made = model.forecast((summer.first + cut) * 60.0, hours(part(summer, 0, cut)))
        came = hours(part(summer, cut, cut + 168 * 60)).values
        inside.append(np.mean((made.low <= came) & (came <= made.high)))
        assert len(made.values) == AHEAD
        assert (made.low <= made.high).all()
    assert 0.75 < np.mean(inside) < 0.99


@pytest.mark.parametrize(
    ("first", "change"),
    [("2025-05-01T22:00", "2025-10-26"), ("2024-11-01T23:00", "2025-03-30")],
    ids=["the clock is put back", "the clock is put forward"],
)
def test_a_change_of_the_clock_costs_nothing_in_the_weeks_after(first: str, change: str) -> None:
    start = np.datetime64(first[:10]) + np.timedelta64(1, "D")
    ahead = int((np.datetime64(change) - start).astype(int))
    whole = part(town(first, ahead + 15), (ahead - 120) * DAY, (ahead + 15) * DAY)
    known, history = hours(whole), part(whole, 0, 113 * DAY)
    by_wall, by_utc = Model.fit(FLOW, history), Model.fit(replace(FLOW, zone=UTC), history)
    after = range(119, 132)
    assert errors(by_wall, known, after) < 1.35 * errors(by_wall, known, range(110, 119))
    assert errors(by_wall, known, after) < 0.6 * errors(by_utc, known, after)


def test_a_week_of_a_stuck_sensor_in_the_history_is_no_usual_week(summer: Minutes, model: Model) -> None:
    stuck = changed(summer, 100 * DAY, 107 * DAY, to=25.0)
    learned, days = Model.fit(FLOW, part(stuck, 0, 120 * DAY)), range(121, 143)
    assert errors(learned, hours(stuck), days) < 1.3 * errors(model, hours(summer), days)


def test_a_month_without_readings_leaves_a_forecast(summer: Minutes, model: Model) -> None:
    gap = changed(summer, 90 * DAY, 120 * DAY, to=float("nan"))
    usual = last_week(hours(summer), range(120, 140))
    assert error(model, hours(gap), 120) < 1.5 * usual
    learned = Model.fit(FLOW, part(gap, 0, 120 * DAY))
    assert errors(learned, hours(gap), range(127, 140)) < usual


def test_a_burst_before_midnight_is_not_tomorrows_demand(summer: Minutes, model: Model) -> None:
    burst = changed(summer, 125 * DAY - 300, 125 * DAY, by=25.0)
    assert error(model, hours(burst), 125) < 2.0 * error(model, hours(summer), 125) + 0.5


def test_ten_days_are_enough_for_a_forecast_and_five_are_not(summer: Minutes) -> None:
    young = Model.fit(FLOW, part(summer, 0, 10 * DAY))
    assert error(young, hours(summer), 10) < 1.5 * last_week(hours(summer), range(10, 20))
    with pytest.raises(Refused, match="5 days of readings"):
        Model.fit(FLOW, part(summer, 0, 5 * DAY))


def test_nothing_is_forecast_outside_of_what_the_sensor_can_measure(summer: Minutes) -> None:
    narrow = replace(FLOW, limits=(7.0, 14.0))
    model = Model.fit(narrow, part(summer, 0, 60 * DAY))
    made = model.forecast((summer.first + 60 * DAY) * 60.0, hours(part(summer, 0, 60 * DAY)))
    assert made.low.min() >= 7.0
    assert made.high.max() <= 14.0


def test_without_any_hours_nothing_is_forecast(model: Model) -> None:
    made = model.forecast(0.0, Hours(0, np.empty(0, np.float32)))
    assert np.isnan(made.values).all()
    half_a_year_of_nothing = Hours(480_000, np.full(26 * 168, np.nan, np.float32))
    assert np.isnan(model.forecast(484_368 * 3600.0, half_a_year_of_nothing).values).all()
