"""A month of the district as the daemon would live it: learn, train, watch each minute, say what is to be said."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from edge_mask.app.series.telling import MINUTE_S, Telling
from edge_mask.demo.district import BEGIN, END, SITE, District, minute_of
from edge_mask.messages import Event, Record
from edge_mask.series.blocks import blocks
from edge_mask.series.learn import clean, learn
from edge_mask.series.model import Model
from edge_mask.series.quiet import night_noise
from edge_mask.series.watch import Watch
from edge_mask.units import Moment, Seconds, Unix

_HOUR: Final = 60


class Month:
    """What is stored teaches it; then the minutes of the month come one after the other."""

    def __init__(self, district: District) -> None:
        history = district.history
        self._live = district.live
        self.criteria = learn(SITE, history, history.end * MINUTE_S, 1)
        tidy = clean(SITE, self.criteria, history)
        self.model = Model.fit(SITE, tidy)
        self.night_noise = night_noise(SITE, blocks(tidy))
        self._watch = Watch(SITE, self.criteria, self.model)
        self._watch.warm_up(history)
        self._telling = Telling(SITE)

    def days(self) -> Iterator[list[Event]]:
        """What is said on each of its days, in the order in which the daemon would send it. It can be lived once."""
        day = BEGIN
        while day < END:
            next_day = day + timedelta(days=1)
            yield list(self._lived(minute_of(day), minute_of(next_day)))
            day = next_day

    def _lived(self, first: int, end: int) -> Iterator[Event]:
        """The record of each minute in which something is wrong is left out: nobody would read it."""
        values = self._live.values[first - self._live.first : end - self._live.first]
        for minute, value in enumerate(values.tolist(), first):
            if not math.isnan(value):
                self._watch.reading(minute * MINUTE_S, value)
            closed = self._watch.minute(minute)
            at = Moment(Seconds(minute * MINUTE_S), Unix((minute + 1) * MINUTE_S))
            told = self._telling.events(closed, self._watch.open, at)
            yield from (event for event in told if not isinstance(event, Record))
            if (minute + 1) % _HOUR == 0 and (forecast := self._watch.forecast(at.wall)) is not None:
                yield self._telling.forecast(forecast, at)
