"""Watches one series: readings come in, minutes are closed, and what begins or ends to be wrong is said once."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from edge_mask.series.blocks import Gathering, Recent, blocks, days, gap, hours
from edge_mask.series.calm import Calm
from edge_mask.series.criteria import Criteria
from edge_mask.series.detector import BlockDetector, Forecaster, Kept, Seen
from edge_mask.series.drift import Drift
from edge_mask.series.learn import clean
from edge_mask.series.level import Level
from edge_mask.series.nouns import BLOCK, Closed, Forecast, Minutes, Outlier, Reason, Said, Site
from edge_mask.series.quiet import Quiet
from edge_mask.series.system import System
from edge_mask.series.value import Value


class Watch:
    """Not for several threads: the owner locks."""

    def __init__(self, site: Site, criteria: Criteria, model: Forecaster | None = None) -> None:
        self._site = site
        self._criteria = criteria
        self._model = model
        self._system = System(site, criteria) if "system" in site.kinds else None
        self._value = Value(site, criteria) if "value" in site.kinds else None
        self._by_block: dict[str, BlockDetector] = {}
        if "quiet" in site.kinds and site.quiet_hours is not None:
            self._by_block["quiet"] = Quiet(site)
        if model is not None:
            self._compare_with(model)
        self._recent = Recent()
        self._gathering = Gathering()
        self._readings = _Readings()
        self._open: dict[Reason, Outlier] = {}
        self._calm = Calm()
        self._of_blocks: tuple[Outlier, ...] = ()
        self._minute: int | None = None

    def warm_up(self, history: Minutes) -> None:
        """Take what is stored as known; nothing is said of it. At a restart: this first, then `load`."""
        tidy = clean(self._site, self._criteria, history)
        self._gathering.gap = self._criteria.gap or gap(tidy.values)
        known = hours(tidy)
        self._recent.fill(known.first, known.values)
        for value in tidy.values[known.end * 60 - tidy.first :].tolist() if len(known.values) else ():
            if math.isnan(value):
                self._gathering.hold()
            else:
                self._gathering.put(value, doubted=False)
        for each in self._by_block.values():
            each.warm_up(known, blocks(tidy))
        if self._value is not None:
            for day in days(tidy):
                self._value.warm_up(day)

    def reading(self, at: float, value: float) -> Outlier | None:
        """What this reading is by itself, for whoever decides on it now."""
        found = None if self._system is None else self._system.reading(at, value)
        if found is None and self._value is not None:
            found = self._value.reading(at, value)
        self._readings.put(value)
        return found

    def minute(self, minute: int) -> Closed:
        """Close this minute (whole ones since 1970, in order); minutes left out were not watched."""
        pause = self._minute is not None and minute != self._minute + 1
        if pause:
            self._gathering.forget()
        self._minute = minute
        seen = self._readings.close(minute, after_pause=pause)
        wrong = () if self._system is None else self._system.minute(seen)
        if self._value is not None:
            wrong += self._value.skip() if wrong and seen.count else self._value.minute(seen)
        doubted = bool(wrong)
        if seen.count:
            self._gathering.put(seen.mean, doubted=doubted)
        else:
            self._gathering.hold()
        if (minute + 1) % BLOCK == 0:
            self._close_block(minute)
        said = self._compare((*wrong, *self._of_blocks), seen)
        return Closed(minute, seen.count, seen.mean, seen.low, seen.high, seen.last, said, doubted)

    @property
    def has_model(self) -> bool:
        """Whether it knows the weeks of its series."""
        return self._model is not None

    @property
    def open(self) -> tuple[Outlier, ...]:
        """What is wrong now."""
        return tuple(self._open.values())

    def forecast(self, origin: float) -> Forecast | None:
        """The week after `origin`; None while too little is known."""
        if self._model is None:
            return None
        found = self._model.forecast(origin, self._recent.hours())
        return None if np.isnan(found.values).all() else found

    def use(
        self, criteria: Criteria | None = None, model: Forecaster | None = None, history: Minutes | None = None
    ) -> None:
        """Judge by these from now on; what is known and open stays. `history`: for the first model, to know how far
        forecasts are off at this site."""
        if criteria is not None:
            self._criteria = criteria
            self._gathering.gap = criteria.gap or 1
            for each in (self._system, self._value):
                if each is not None:
                    each.use(criteria)
        if model is None:
            return
        if self._model is not None:
            for detector in self._by_block.values():
                detector.retrained(model)
        else:
            tidy = None if history is None else clean(self._site, self._criteria, history)
            for detector in self._compare_with(model):
                if tidy is not None:
                    detector.warm_up(hours(tidy), blocks(tidy))
        self._model = model

    def dump(self) -> dict[str, Any]:
        """What a restart must know besides the stored minutes; plain JSON."""
        return {
            "minute": self._minute,
            "open": [asdict(each) for each in self._open.values()],
            "calm": self._calm.dump(),
            "detectors": {name: each.dump() for name, each in self._detectors().items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`: what was open is not said again."""
        for data in state["open"]:
            expected = data["expected"]
            found = Outlier(**{**data, "expected": None if expected is None else tuple(expected)})
            self._open[found.reason] = found
            if found.kind == "value" and self._value is not None:
                self._value.reopen(found)
        self._of_blocks = tuple(each for each in self._open.values() if each.kind in ("forecast", "quiet"))
        self._minute = state["minute"]
        if "calm" in state:
            self._calm.load(state["calm"])
        for name, each in self._detectors().items():
            if name in state["detectors"]:
                each.load(state["detectors"][name])

    def _compare_with(self, model: Forecaster) -> list[BlockDetector]:
        """What looks at how far the series is from its forecasts."""
        if "forecast" not in self._site.kinds:
            return []
        found: dict[str, BlockDetector] = {"level": Level(self._site, model), "drift": Drift(self._site, model)}
        self._by_block |= found
        return list(found.values())

    def _detectors(self) -> dict[str, Kept]:
        found: dict[str, Kept] = dict(self._by_block)
        if self._system is not None:
            found["system"] = self._system
        if self._value is not None:
            found["value"] = self._value
        return found

    def _close_block(self, minute: int) -> None:
        block = self._gathering.block(minute)
        if (minute + 1) % 60 == 0:
            self._recent.put(minute // 60, self._gathering.hour())
        known = self._recent.hours()
        self._of_blocks = tuple(found for each in self._by_block.values() for found in each.block(block, known))

    def _compare(self, wrong: tuple[Outlier, ...], seen: Seen) -> tuple[Said, ...]:
        now = {each.reason: each for each in wrong}
        ended = [each for reason, each in self._open.items() if reason not in now and self._is_over(each, seen)]
        begun = [each for reason, each in now.items() if reason not in self._open]
        for reason in now:
            self._calm.lasts(reason)
        for each in ended:
            del self._open[each.reason]
        for each in begun:
            self._open[each.reason] = each
            self._calm.begun(each.reason, seen.end)
        return (*(Said(each, "ended", seen.end) for each in ended), *(Said(each, "begun", seen.end) for each in begun))

    def _is_over(self, found: Outlier, seen: Seen) -> bool:
        return found.kind not in ("system", "value") or self._calm.is_over(found.reason, seen)


class _Readings:
    """The readings of the minute that is not over yet."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._count, self._sum = 0, 0.0
        self._low, self._high, self._last = math.inf, -math.inf, math.nan

    def put(self, value: float) -> None:
        self._count += 1
        self._sum += value
        self._low, self._high, self._last = min(self._low, value), max(self._high, value), value

    def close(self, minute: int, *, after_pause: bool) -> Seen:
        if not self._count:
            return Seen(minute, 0, math.nan, math.nan, math.nan, math.nan, after_pause)
        mean = self._sum / self._count
        seen = Seen(minute, self._count, mean, self._low, self._high, self._last, after_pause)
        self._begin()
        return seen
