"""Makes the pictures of docs/series.md in docs/img: `python -m benchmarks.series_pictures [--into DIR]`.

They show the month that `edge-mask demo --series` plays, as the daemon's code saw it: what was read, what was said of
it. The same program makes the same pictures.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.chart import BLUE, GREEN, INK, RED, SKY, Chart

from edge_mask.demo.district import LEAKS, REPAIRED, SITE, ZONE, district, minute_of
from edge_mask.demo.month import Month
from edge_mask.messages import Alert, Event, Forecast, Summary
from edge_mask.series.grid import Reals

ROOT: Final = Path(__file__).parents[1]
_STEP: Final = 2.0
_DAY: Final = timedelta(days=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """All of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs/img")
    into: Path = parser.parse_args(arguments).into
    into.mkdir(parents=True, exist_ok=True)
    events = [event for day in Month(district()).days() for event in day]
    for name, text in pictures(events):
        (into / name).write_text(text, encoding="utf-8")
        print(f"{name} {len(text.encode()):,} bytes")
    return 0


def pictures(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Name and content of each."""
    yield "series-leak.svg", _leak(events)
    yield "series-stuck.svg", _stuck(events)
    yield "series-forecast.svg", _forecast(events)


def _leak(events: Sequence[Event]) -> str:
    begin, end = _at("2026-03-11T00:00"), _at("2026-03-31T00:00")
    chart = Chart(
        "A leak: the flow of each half hour, cut off above, and its lowest hour each night",
        begin,
        end,
        SITE.unit,
        2.5,
        5.0,
    )
    begun, over = _alerts(events, "leak")
    chart.span(begun, over)
    times, means = _means(events, begin, end)
    chart.line(*_thinned(times, means, 3), SKY, 1.0)
    chart.dots(*_nights(times, means), INK)
    chart.mark(LEAKS.timestamp(), "water begins to leak", INK, is_left=True)
    chart.mark(begun, f"alert, {_clock(begun)}", RED)
    chart.mark(REPAIRED.timestamp(), "repaired", INK, is_left=True)
    chart.mark(over, f"over, {_clock(over)}", GREEN)
    days = int((end - begin) / _DAY)
    return chart.svg(
        [(begin + number * _DAY, f"{begin + number * _DAY:%-d %b}") for number in range(1, days, 2)], _STEP
    )


def _stuck(events: Sequence[Event]) -> str:
    begin, end = _at("2026-03-09T05:00"), _at("2026-03-09T20:00")
    chart = Chart("A meter that hangs: the reading of each minute", begin, end, SITE.unit)
    begun, over = _alerts(events, "stuck")
    chart.span(begun, over)
    live = district().live
    first = minute_of(begin)
    values = live.values[first - live.first : minute_of(end) - live.first].astype(np.float64)
    chart.line(np.array([minute * 60.0 for minute in range(first, minute_of(end))]), values, BLUE, 1.0)
    chart.mark(begun, f"alert, {_clock(begun)}", RED)
    chart.mark(over, f"over, {_clock(over)}", GREEN)
    ticks = [begin + timedelta(hours=hour) for hour in range(1, 15, 2)]
    return chart.svg([(tick, f"{tick:%H:%M}") for tick in ticks], _STEP)


def _forecast(events: Sequence[Event]) -> str:
    begin, end = _at("2026-03-02T00:00"), _at("2026-03-09T00:00")
    chart = Chart("A forecast of Monday 00:00 with its band, and what came", begin, end, SITE.unit)
    (made,) = (each for each in events if isinstance(each, Forecast) and each.origin == begin.timestamp())
    middles = np.array([made.origin + (ahead + 0.5) * made.step_s for ahead in range(len(made.values))])
    chart.band(middles, np.array(made.low), np.array(made.high))
    chart.line(middles, np.array(made.values), BLUE, 1.5)
    chart.line(*_thinned(*_means(events, begin, end), 6), INK, 1.0)
    ticks = [begin + (number + 0.5) * _DAY for number in range(7)]
    return chart.svg([(tick, f"{tick:%A}") for tick in ticks], _STEP)


def _alerts(events: Sequence[Event], reason: str) -> tuple[float, float]:
    """When it was told that it begins and that it is over."""
    told = {
        each.deviation.state: each.at.wall
        for each in reversed(events)
        if isinstance(each, Alert) and each.deviation is not None and each.deviation.reason == reason
    }
    return told["begun"], told["ended"]


def _means(events: Sequence[Event], begin: datetime, end: datetime) -> tuple[Reals, Reals]:
    """Middles and means of each ten minutes."""
    found = [
        ((each.begin + each.end) / 2, np.nan if each.mean is None else each.mean)
        for each in events
        if isinstance(each, Summary) and begin.timestamp() <= each.begin < end.timestamp()
    ]
    return np.array([at for at, _ in found]), np.array([mean for _, mean in found])


def _thinned(times: Reals, means: Reals, by: int) -> tuple[Reals, Reals]:
    """The mean of so many."""
    count = len(means) // by
    return tuple(each[: count * by].reshape(count, by).mean(axis=1) for each in (times, means))


def _nights(times: Reals, means: Reals) -> tuple[Reals, Reals]:
    """When the hour with the least flow of each night was, and its mean."""
    hours = np.convolve(means, np.ones(6) / 6, "valid")
    middles = (times[:-5] + times[5:]) / 2
    of_day = [datetime.fromtimestamp(at, ZONE) for at in middles.tolist()]
    nights = groupby((place for place, at in enumerate(of_day) if at.hour < 5), lambda place: of_day[place].date())
    lowest = [min(places, key=hours.__getitem__) for _, places in nights]
    return middles[lowest], hours[lowest]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, ZONE):%-d %b %H:%M}"


if __name__ == "__main__":
    raise SystemExit(main())
