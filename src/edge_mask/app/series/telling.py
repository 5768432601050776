"""From minutes that are over to the events and rows of one series."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edge_mask.app.series.words import sentence
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_rows import ForecastRow, MinuteRow
from edge_mask.messages import Alert, Deviation, Event, Forecast, Record, Summary
from edge_mask.series import nouns
from edge_mask.series.nouns import BLOCK, Closed, Outlier, Said, Site
from edge_mask.units import Moment, Unix

MINUTE_S = 60.0


@dataclass(slots=True)
class _Sum:
    """What some minutes were together."""

    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    last: float = math.nan

    def add(self, closed: Closed) -> None:
        if closed.count:
            self.count += closed.count
            self.total += closed.mean * closed.count
            self.low, self.high = min(self.low, closed.min), max(self.high, closed.max)
            self.last = closed.last


@dataclass(slots=True)
class Telling:
    """Makes what is said of one series; the summary of ten minutes grows in it."""

    site: Site
    _block: int | None = None
    _sum: _Sum = field(default_factory=_Sum)
    _lasting: dict[tuple[str, float], Outlier] = field(default_factory=dict)

    def events(self, closed: Closed, lasting: tuple[Outlier, ...], at: Moment) -> Iterator[Event]:
        """What is said of this minute; `lasting`: what is wrong at its end."""
        if self._block is not None and self._block != closed.minute // BLOCK:
            yield self._summary(at)  # the clock jumped over the end of those ten minutes
        yield from (self._alert(said, at) for said in closed.said)
        wrong = {_key(each): each for each in (*(said.outlier for said in closed.said), *lasting)}
        if wrong:
            yield self._record(closed, tuple(wrong.values()), at)
        self.take(closed)
        self._lasting |= wrong
        if (closed.minute + 1) % BLOCK == 0:
            yield self._summary(at)

    def take(self, closed: Closed) -> None:
        """A minute that counts into the summary."""
        self._block = closed.minute // BLOCK
        self._sum.add(closed)

    def forecast(self, found: nouns.Forecast, at: Moment) -> Forecast:
        """As an event."""
        numbers = {name: getattr(found, name).tolist() for name in ("values", "low", "high")}
        key = self.site.key
        return Forecast(
            at=at,
            sensor=key.sensor,
            quantity=key.quantity,
            unit=self.site.unit,
            origin=Unix(found.origin),
            step_s=found.step_s,
            **numbers,
        )

    def _alert(self, said: Said, at: Moment) -> Alert:
        outlier, key = said.outlier, self.site.key
        deviation = Deviation(
            quantity=key.quantity,
            outlier=outlier.kind,
            reason=outlier.reason,
            began=Unix(outlier.began),
            expected=outlier.expected,
            state=said.state,
        )
        text = sentence(self.site, said)
        return Alert(at=at, kind="outlier", text=text, sensor=key.sensor, value=outlier.value, deviation=deviation)

    def _record(self, closed: Closed, wrong: tuple[Outlier, ...], at: Moment) -> Record:
        minute = _Sum()
        minute.add(closed)
        return Record(**self._fields(closed.minute, 1, minute, wrong), at=at)

    def _summary(self, at: Moment) -> Summary:
        assert self._block is not None
        made = Summary(**self._fields(self._block * BLOCK, BLOCK, self._sum, tuple(self._lasting.values())), at=at)
        self._block, self._sum, self._lasting = None, _Sum(), {}
        return made

    def _fields(self, first: int, minutes: int, found: _Sum, wrong: tuple[Outlier, ...]) -> dict[str, Any]:
        key, count = self.site.key, found.count
        numbers = {"min": found.low, "mean": found.total / count, "max": found.high, "last": found.last} if count else {}
        return {
            "sensor": key.sensor,
            "quantity": key.quantity,
            "unit": self.site.unit,
            "begin": Unix(first * MINUTE_S),
            "end": Unix((first + minutes) * MINUTE_S),
            "count": count,
            **dict.fromkeys(("min", "mean", "max", "last")),
            **numbers,
            "deviations": tuple(
                Deviation(quantity=key.quantity, outlier=each.kind, reason=each.reason, began=Unix(each.began))
                for each in wrong
            ),
        }


def _key(outlier: Outlier) -> tuple[str, float]:
    return outlier.reason, outlier.began


def name_of(site: Site) -> SeriesName:
    """As the store calls it."""
    return SeriesName(site.key.sensor, site.key.quantity, site.unit)


def minute_row(site: Site, closed: Closed) -> MinuteRow | None:
    """None without a reading."""
    if not closed.count:
        return None
    return MinuteRow(
        name_of(site), closed.minute, closed.count, closed.mean, closed.min, closed.max, closed.last
    )


def forecast_row(site: Site, found: nouns.Forecast) -> ForecastRow:
    """As the store keeps it."""
    return ForecastRow(name_of(site), found.origin, found.step_s, found.values, found.low, found.high)
