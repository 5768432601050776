"""Hours and blocks are kept through clocks that are wrong."""

import numpy as np
import pytest

from edge_mask.series.blocks import HOURS_KEPT, Recent, blocks, gap, held, hours
from edge_mask.series.nouns import Minutes

NOW = 480_000


def filled(count: int) -> Recent:
    recent = Recent()
    for hour in range(count):
        recent.put(NOW + hour, float(hour))
    return recent


@pytest.mark.parametrize("count", [10, HOURS_KEPT, HOURS_KEPT + 100, 3 * HOURS_KEPT])
def test_the_last_half_year_is_kept_in_its_order(count: int) -> None:
    found = filled(count).hours()
    assert found.end == NOW + count
    assert len(found.values) == min(count, HOURS_KEPT)
    assert found.values[-10:].tolist() == [float(hour) for hour in range(count - 10, count)]


def test_hours_that_nobody_saw_are_unknown() -> None:
    recent = filled(10)
    recent.put(NOW + 15, 15.0)
    assert np.isnan(recent.hours().values[10:15]).all()
    assert recent.hours().values[15] == 15.0


def test_a_clock_that_is_set_back_writes_its_hours_anew() -> None:
    recent = filled(100)
    recent.put(NOW + 90, 7.0)
    assert recent.hours().end == NOW + 91
    assert recent.hours().values[-2:].tolist() == [89.0, 7.0]


@pytest.mark.parametrize("elsewhere", [3, NOW - 5000, NOW + 100_000])
def test_some_hours_of_another_time_do_not_empty_it(elsewhere: int) -> None:
    recent = filled(100)
    for hour in range(5):
        recent.put(elsewhere + hour, 1.0)
    recent.put(NOW + 100, 100.0)
    assert recent.hours().values.tolist() == [float(hour) for hour in range(101)]


def test_a_day_of_another_time_is_believed() -> None:
    recent = filled(100)
    for hour in range(48):
        recent.put(NOW + 100_000 + hour, 1.0)
    assert recent.hours().end == NOW + 100_048
    assert len(recent.hours().values) < 48


def test_means_are_those_of_whole_blocks_and_hours_with_enough_readings() -> None:
    values = np.arange(130, dtype=np.float32)
    values[19:26] = np.nan
    made = Minutes(NOW * 60 - 5, values)
    assert blocks(made).first == NOW * 6
    assert blocks(made).values[:3].tolist() == pytest.approx([9.5, np.nan, 30.0], nan_ok=True)
    assert hours(made).first == NOW
    assert len(hours(made).values) == 2


def test_a_reading_stands_for_the_minutes_until_the_next_is_due() -> None:
    values = np.full(600, np.nan, np.float32)
    values[::5] = np.arange(120)
    values[300:400] = np.nan
    made = held(Minutes(NOW * 60, values))
    assert gap(values) == 5
    assert made.values[:11].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert np.isnan(made.values[300:400]).all()
