"""Hours, days and weeks of the site: days of 23 and 25 hours, half hours, days that begin at one o'clock."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge_mask.errors import Refused
from edge_mask.ledger.site_time import MOST, Unit, after, begin_of, span

ZONES = (
    "Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo",
    "America/Havana", "Pacific/Apia", "UTC",
)  # fmt: skip


def day(zone: ZoneInfo, year: int, month: int, number: int) -> tuple[float, float]:
    begins = datetime(year, month, number, tzinfo=zone)
    return begins.timestamp(), (begins + timedelta(days=1)).timestamp()


@pytest.mark.parametrize(
    ("zone", "date", "hours", "around"),
    [
        ("Europe/Berlin", (2026, 3, 29), 23, ["01:00+01:00", "03:00+02:00"]),
        ("Europe/Berlin", (2026, 10, 25), 25, ["02:00+02:00", "02:00+01:00", "03:00+01:00"]),
        ("America/New_York", (2026, 3, 8), 23, ["01:00-05:00", "03:00-04:00"]),
        ("America/New_York", (2026, 11, 1), 25, ["01:00-04:00", "01:00-05:00", "02:00-05:00"]),
        # Half an hour less, half an hour more: what is left of the hour stands for itself.
        ("Australia/Lord_Howe", (2026, 10, 4), 24, ["01:00+10:30", "02:30+11:00", "03:00+11:00"]),
        ("Australia/Lord_Howe", (2026, 4, 5), 25, ["01:00+11:00", "01:30+10:30", "02:00+10:30"]),
        ("Asia/Seoul", (2026, 3, 29), 24, ["01:00+09:00", "02:00+09:00", "03:00+09:00"]),
        ("Asia/Kathmandu", (2026, 3, 29), 24, ["01:00+05:45", "02:00+05:45"]),
        # The day begins at one o'clock.
        ("America/Sao_Paulo", (2018, 11, 4), 23, ["01:00-02:00", "02:00-02:00"]),
    ],
)
def test_the_hours_of_a_day(zone: str, date: tuple[int, int, int], hours: int, around: list[str]) -> None:
    site = ZoneInfo(zone)
    found = list(span("hour", *day(site, *date), site))
    shown = [f"{each:%H:%M}{each.isoformat()[-6:]}" for each in found]
    assert len(found) == hours
    first = shown.index(around[0])
    assert shown[first : first + len(around)] == around


@pytest.mark.parametrize(("date", "length"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_a_day_is_as_long_as_the_site_has_it(date: tuple[int, int, int], length: int) -> None:
    site = ZoneInfo("Europe/Berlin")
    begins = begin_of("day", datetime(*date, 12, tzinfo=site).timestamp(), site)
    assert (after("day", begins, site).timestamp() - begins.timestamp()) / 3600 == length


def test_a_week_begins_on_monday_and_may_have_167_hours() -> None:
    site = ZoneInfo("Europe/Berlin")
    begins = begin_of("week", datetime(2026, 3, 29, 23, tzinfo=site).timestamp(), site)
    assert begins.isoformat() == "2026-03-23T00:00:00+01:00"
    assert (after("week", begins, site).timestamp() - begins.timestamp()) / 3600 == 7 * 24 - 1


def test_a_day_that_a_country_leaves_out_is_no_day() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    site = ZoneInfo("Pacific/Apia")
    since, until = datetime(2011, 12, 28, tzinfo=site).timestamp(), datetime(2012, 1, 2, tzinfo=site).timestamp()
    assert [f"{each:%d}" for each in span("day", since, until, site)] == ["28", "29", "31", "01"]


@pytest.mark.parametrize("zone", ZONES)
def test_every_moment_lies_in_one_and_its_neighbours_follow_without_gap(zone: str) -> None:
    site, dice = ZoneInfo(zone), random.Random(27)
    units: tuple[Unit, ...] = ("hour", "day", "week")
    for _ in range(150):
        at = dice.uniform(datetime(2010, 1, 1, tzinfo=UTC).timestamp(), datetime(2030, 1, 1, tzinfo=UTC).timestamp())
        for unit in units:
            begins = begin_of(unit, at, site)
            following = after(unit, begins, site)
            assert begins.timestamp() <= at < following.timestamp()
            assert begin_of(unit, following.timestamp() - 1, site) == begins
            assert begin_of(unit, following.timestamp(), site) == following
            assert begins.timestamp() % 900 == 0


def test_too_many_to_look_at_is_a_sentence_and_found_out_at_once() -> None:
    with pytest.raises(Refused, match=r"more than 1000 hours; ask for days or weeks"):
        list(span("hour", 0.0, 2e9, UTC))
    with pytest.raises(Refused, match=r"more than 1000 weeks$"):
        list(span("week", 0.0, 2.5e11, UTC))
    assert len(list(span("hour", 0.0, MOST * 3600.0, UTC))) == MOST
    with pytest.raises(Refused):
        list(span("hour", 0.0, MOST * 3600.0 + 1, UTC))
