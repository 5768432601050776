"""From minutes that are over to the events and rows of one series."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edge_mask.app.series.words import sentence
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_rows import ForecastRow, MinuteRow
from edge_mask.messages import Alert, Deviation, Event, Forecast, Record, Summary
from edge_mask.series import nouns
from edge_mask.series.nouns import BLOCK, Closed, Outlier, Reason, Said, Site
from edge_mask.units import Moment, Unix

MINUTE_S: Final = 60.0


@dataclass(slots=True)
class Sum:
    """What some readings, or some minutes, are together."""

    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    last: float = math.nan

    def add(self, closed: Closed) -> None:
        """A minute."""
        if closed.count:
            self.count += closed.count
            self.total += closed.mean * closed.count
            self.low, self.high = min(self.low, closed.min), max(self.high, closed.max)
            self.last = closed.last

    def put(self, value: float) -> None:
        """One reading."""
        self.count += 1
        self.total += value
        self.low, self.high, self.last = min(self.low, value), max(self.high, value), value

    def instead_of(self, closed: Closed) -> Closed:
        """The minute, as only these readings make it."""
        mean = self.total / self.count if self.count else math.nan
        return replace(closed, count=self.count, mean=mean, min=self.low, max=self.high, last=self.last)

    def numbers(self) -> dict[str, float | None]:
        """As a summary has them."""
        if not self.count:
            return dict.fromkeys(("min", "mean", "max", "last"))
        return {"min": self.low, "mean": self.total / self.count, "max": self.high, "last": self.last}


@dataclass(slots=True)
class Telling:
    """Makes what is said of one series; the summary of ten minutes grows in it."""

    site: Site
    _block: int | None = None
    _sum: Sum = field(default_factory=Sum)
    _lasting: dict[tuple[Reason, float], Outlier] = field(default_factory=dict)

    def events(self, closed: Closed, lasting: tuple[Outlier, ...], at: Moment) -> Iterator[Event]:
        """What is said of this minute; `lasting`: what is wrong at its end."""
        if self._block is not None and self._block != closed.minute // BLOCK:
            yield self.summary(at)  # the clock jumped over the end of those ten minutes
        yield from self.alerts(closed, at)
        wrong = {(each.reason, each.began): each for each in (*(said.outlier for said in closed.said), *lasting)}
        if wrong:
            minute = Sum()
            minute.add(closed)
            yield Record(at=at, **self._fields(closed.minute, 1, minute, tuple(wrong.values())))
        self._block = closed.minute // BLOCK
        self._sum.add(closed)
        self._lasting |= wrong
        if (closed.minute + 1) % BLOCK == 0:
            yield self.summary(at)

    def alerts(self, closed: Closed, at: Moment) -> Iterator[Alert]:
        """What begins and what ends."""
        return (self._alert(said, at) for said in closed.said)

    def take_block(self, block: int, count: int, low: float, mean: float, high: float, last: float) -> None:
        """Go on with a summary that a run before began."""
        self._block = block
        self._sum = Sum(count, mean * count, low, high, last)

    def summary(self, at: Moment) -> Summary:
        """That of the ten minutes so far; the next begins."""
        assert self._block is not None
        made = Summary(at=at, **self._fields(self._block * BLOCK, BLOCK, self._sum, tuple(self._lasting.values())))
        self._block, self._sum, self._lasting = None, Sum(), {}
        return made

    def forecast(self, found: nouns.Forecast, at: Moment) -> Forecast:
        """As an event."""
        key = self.site.key
        values, low, high = (each.tolist() for each in (found.values, found.low, found.high))
        return Forecast(
            at=at,
            sensor=key.sensor,
            quantity=key.quantity,
            unit=self.site.unit,
            origin=Unix(found.origin),
            step_s=found.step_s,
            values=values,
            low=low,
            high=high,
        )

    def _alert(self, said: Said, at: Moment) -> Alert:
        outlier, key = said.outlier, self.site.key
        deviation = Deviation(
            quantity=key.quantity,
            outlier=outlier.kind,
            reason=outlier.reason,
            began=Unix(float(outlier.began)),
            expected=None if outlier.expected is None else (_plain(outlier.expected[0]), _plain(outlier.expected[1])),
            state=said.state,
        )
        text, value = sentence(self.site, said), _plain(outlier.value)
        unit = self.site.unit or None
        return Alert(at=at, kind="outlier", text=text, sensor=key.sensor, value=value, unit=unit, deviation=deviation)

    def _fields(self, first: int, minutes: int, found: Sum, wrong: tuple[Outlier, ...]) -> dict[str, Any]:
        key = self.site.key
        return {
            "sensor": key.sensor,
            "quantity": key.quantity,
            "unit": self.site.unit,
            "begin": Unix(first * MINUTE_S),
            "end": Unix((first + minutes) * MINUTE_S),
            "count": found.count,
            **found.numbers(),
            "deviations": tuple(
                Deviation(quantity=key.quantity, outlier=each.kind, reason=each.reason, began=Unix(each.began))
                for each in wrong
            ),
        }


def _plain(number: float | None) -> float | None:
    """As JSON and the database take it: what is compared with arrays may be one of their numbers."""
    return None if number is None else float(number)


def name_of(site: Site) -> SeriesName:
    """As the store calls it."""
    return SeriesName(site.key.sensor, site.key.quantity, site.unit)


def minute_row(site: Site, closed: Closed) -> MinuteRow | None:
    """None without a reading."""
    if not closed.count:
        return None
    return MinuteRow(name_of(site), closed.minute, closed.count, closed.mean, closed.min, closed.max, closed.last)


def forecast_row(site: Site, found: nouns.Forecast) -> ForecastRow:
    """As the store keeps it."""
    values, low, high = (each.tolist() for each in (found.values, found.low, found.high))
    return ForecastRow(name_of(site), found.origin, found.step_s, values, low, high)
