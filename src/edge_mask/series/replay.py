"""Plays recorded minutes through the watch of the daemon: learns from the history, then sees minute after minute."""

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from edge_mask.errors import Refused
from edge_mask.series.criteria import Criteria
from edge_mask.series.detector import Forecaster
from edge_mask.series.learn import DAY, clean, learn
from edge_mask.series.model import Model
from edge_mask.series.nouns import Minutes, Said, Site
from edge_mask.series.recording import Recording
from edge_mask.series.watch import Watch

RETRAIN: Final = 30
"""Days, as `series.retrain` has it by default."""
RELEARN: Final = 90

Fit = Callable[[Site, Minutes], Forecaster]
"""Refused while there is too little to learn from."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the daemon would have sent."""

    series: str
    said: Said

    def as_data(self) -> dict[str, Any]:
        """As a line of results."""
        found = self.said.outlier
        return {"series": self.series, "time": _iso(self.said.at - 60.0), "kind": found.kind, "reason": found.reason}


def replay(recording: Recording, origins: Collection[int] = (), fit: Fit = Model.fit) -> Iterator[dict[str, Any]]:
    """Lines of results: what began to be wrong, and the forecasts from the wanted minutes."""
    house = _House(recording, fit)
    wanted = set(origins)
    for minute, value in enumerate(recording.live.values.tolist(), recording.live.first):
        if minute in wanted:
            yield from house.forecast(minute)
        for said in house.minute(minute, value):
            if said.state == "begun":
                yield Told(recording.name, said).as_data()
    if recording.live.end in wanted:
        yield from house.forecast(recording.live.end)


class _House:
    """What the daemon does besides watching: learns and trains when it is time to."""

    def __init__(self, recording: Recording, fit: Fit) -> None:
        self._name, self._site, self._fit = recording.name, recording.site, fit
        self._all = _joined(recording.history, recording.live)
        first = recording.live.first
        self._criteria = self._site.shipped or Criteria()
        self._wrong: list[tuple[float, float]] = []
        history = self._until(first)
        self._learned_at = first if self._learn(first) else None
        self._trained_at = first
        self.watch = Watch(self._site, self._criteria, self._train(first))
        self.watch.warm_up(history)

    def minute(self, minute: int, value: float) -> tuple[Said, ...]:
        """One minute of the daemon's life."""
        if not math.isnan(value):
            self.watch.reading(minute * 60.0, value)
        said = self.watch.minute(minute).said
        self._wrong += [(each.outlier.began, each.at) for each in said if each.state == "ended" and _spoils(each)]
        if (minute + 1) % DAY == 0:
            self._care(minute + 1)
        return said

    def forecast(self, minute: int) -> Iterator[dict[str, Any]]:
        """The forecast of the week after this minute, if there is one."""
        found = self.watch.forecast(minute * 60.0)
        if found is not None:
            values = [None if math.isnan(value) else round(value, 4) for value in found.values.tolist()]
            yield {"series": self._name, "origin": _iso(minute * 60.0), "step_s": found.step_s, "values": values}

    def _care(self, now: int) -> None:
        if (self._learned_at is None or now - self._learned_at >= RELEARN * DAY) and self._learn(now):
            self._learned_at = now
            self.watch.use(criteria=self._criteria)
        if now - self._trained_at >= min(RETRAIN * DAY, max(DAY, (self._trained_at - self._all.first) // 2)):
            self._trained_at = now
            if (model := self._train(now)) is not None:
                self.watch.use(model=model, history=self._until(now))

    def _learn(self, now: int) -> bool:
        try:
            self._criteria = learn(self._site, self._until(now), now * 60.0, self._criteria.version + 1, self._wrong)
        except Refused:
            return False
        return True

    def _train(self, now: int) -> Forecaster | None:
        try:
            return self._fit(self._site, clean(self._site, self._criteria, self._until(now)))
        except Refused:
            return None

    def _until(self, now: int) -> Minutes:
        """What is stored at that time: a year at most."""
        first = max(self._all.first, now - 366 * DAY)
        return Minutes(first, self._all.values[first - self._all.first : max(0, now - self._all.first)])


def _spoils(said: Said) -> bool:
    return said.outlier.reason in ("level", "drift", "leak", "step", "spike", "stuck")


def _joined(history: Minutes, live: Minutes) -> Minutes:
    if not len(history.values):
        return live
    values = np.full(max(live.end, history.end) - history.first, np.nan, np.float32)
    values[: len(history.values)] = history.values
    values[live.first - history.first : live.end - history.first] = live.values
    return Minutes(history.first, values)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")
