"""Slow leaks: nights whose flow is higher than in the two weeks before, a little each, but all of them.

A leak adds the same to each hour of a night. Its night figure (see night.py) is compared with the median of the nights
before; what exceeds the usual difference from night to night is added up (CUSUM, Page 1954), and the sum is judged.
"""

import math
from typing import Any, Final

import numpy as np

from edge_mask.series.detector import Blocks, Forecaster
from edge_mask.series.night import Night, Nights
from edge_mask.series.nouns import Block, Floats, Hours, Outlier, Site

_ALLOWED: Final = 0.8
"""Of each night's excess, in usual differences between nights."""
_ENOUGH: Final = 4.5
_MOST, _MOST_ALONE = 3.0, 1.5
"""Of one night, however high it is; and of one after a usual one: a burst lasts a night, a leak lasts."""
_NEAR, _FAR = 3, 16
"""The nights it is compared with: not the last ones, into which a slow leak has come already."""
_LEAST: Final = 7
_KEPT: Final = 60
_WEEKLY, _WEEKS, _MORE = 0.75, 4, 1.1
"""Weekdays are told apart after four weeks, where nights differ by a quarter less then; by a tenth more than found, as
the weekdays were fitted to those nights."""
_BACK: Final = 0.4
"""The share of the excess below which it is over."""
_USUAL_AGAIN: Final = 28
"""Nights after which it is what is usual."""
_GROWN: Final = 7
"""Nights after which a further rise is a further leak."""
_FLOOR: Final = 0.004
"""The least difference between nights, as a share of their flow."""


class Quiet:
    """Leaks, by the nights."""

    def __init__(self, site: Site) -> None:
        assert site.quiet_hours is not None
        self._nights = Nights(site.zone, site.quiet_hours)
        self._resolution = (site.resolution or 0.0) / 2
        self._past: list[Floats] = []
        self._apart: list[tuple[int, Floats]] = []
        """By weekday: what nights had more than those before."""
        self._sum = 0.0
        self._since = 0.0
        self._before = 0.0
        """How high the night before was."""
        self._open: _Leak | None = None

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:  # noqa: ARG002
        """Know the nights before; nothing is said of them."""
        first = max(0, len(blocks.values) - (_KEPT + 2 * _FAR) * 144)
        for block, mean in enumerate(blocks.values[first:].tolist(), blocks.first + first):
            if (night := self._nights.put(block, mean)) is not None:
                self._compare(night)

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:  # noqa: ARG002
        """Whether a leak is open at the end of this block."""
        night = self._nights.put(block.first // 10, block.mean)
        if night is not None and not self._judge(night):
            return ()
        return () if self._open is None else (self._open.outlier,)

    def retrained(self, model: Forecaster) -> None:
        """Nights are compared with nights, not with a forecast."""

    def _judge(self, night: Night) -> bool:
        """Take a night into account; False when what was open is over, if only to begin anew."""
        usual = self._compare(night)
        if usual is None:
            return True
        base, noise = usual
        figures = night.figures
        which = int(np.argmin(noise))
        excess = float(figures[which] - base[which])
        was = self._open
        if was is not None:
            if was.is_over(figures):
                self._open, self._sum = None, 0.0
                return False
            if (further := was.further(figures)) is None:
                return True
            which, excess = was.which, further
        if self._sum == 0.0:
            self._since = night.began
        height = excess / float(noise[which])
        most = _MOST if self._before > _ALLOWED else _MOST_ALONE
        self._sum, self._before = max(0.0, self._sum + min(height, most) - _ALLOWED), height
        if self._sum <= _ENOUGH:
            return True
        expected = (None, float(base[which] + noise[which]))
        found = Outlier("quiet", "leak", float(figures[which]), expected, self._since)
        self._open, self._sum = _Leak(found, which, float(figures[which]) - excess, excess), 0.0
        return was is None

    def _compare(self, night: Night) -> tuple[Floats, Floats] | None:
        """The figures of a usual night of this weekday, and by how much such nights differ; None: too few are known."""
        near = self._past[-_FAR : len(self._past) - _NEAR + 1]
        usual = None
        if len(near) >= _LEAST:
            base = np.median(near, axis=0)
            noise = _noise(self._past)
            if (weekly := self._weekly(night.weekday)) is not None:
                steadier = weekly[1] < _WEEKLY * noise
                base, noise = base + np.where(steadier, weekly[0], 0.0), np.where(steadier, weekly[1], noise)
            usual = base, np.maximum(noise, np.maximum(self._resolution, _FLOOR * np.abs(base)))
            apart = (night.figures - np.median(near, axis=0)).astype(np.float32)
            self._apart = [*self._apart[1 - _KEPT :], (night.weekday, apart)]
        self._past = [*self._past[1 - _KEPT :], night.figures]
        return usual

    def _weekly(self, weekday: int) -> tuple[Floats, Floats] | None:
        """What this weekday has more than others, and how nights differ apart from that."""
        if len(self._apart) < _WEEKS * 7:
            return None
        more = np.zeros((7, len(self._apart[0][1])))
        for day in range(7):
            same = [apart for other, apart in self._apart if other == day]
            if len(same) >= _WEEKS - 1:
                more[day] = np.median(same, axis=0) * len(same) / (len(same) + 2.0)
        return more[weekday], _MORE * _noise([apart - more[day] for day, apart in self._apart])

    def dump(self) -> dict[str, Any]:
        """The sum, and what is open."""
        kept = {"sum": self._sum, "since": self._since, "before": self._before}
        return {**kept, "open": None if self._open is None else self._open.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._sum, self._since, self._before = (float(state[name]) for name in ("sum", "since", "before"))
        self._open = None if state["open"] is None else _Leak.load(state["open"])


class _Leak:
    """One that was said: over when the nights are as before, or when it has become usual."""

    def __init__(self, outlier: Outlier, which: int, base: float, excess: float) -> None:
        self.outlier = outlier
        self.which = which
        self._base, self._excess = base, excess
        self._nights: list[float] = []
        """What each exceeds the base by."""

    def is_over(self, figures: Floats) -> bool:
        """Whether this night is as those before the leak, or so many were as this."""
        return bool(figures[self.which] - self._base < _BACK * self._excess) or len(self._nights) >= _USUAL_AGAIN

    def further(self, figures: Floats) -> float | None:
        """By how much this night, one more, exceeds those of this leak; None while it comes up."""
        self._nights.append(float(figures[self.which]) - self._base)
        so_far = self._nights[_NEAR:-_NEAR]
        return None if len(so_far) < _GROWN - _NEAR else self._nights[-1] - float(np.median(so_far))

    def dump(self) -> dict[str, Any]:
        """As plain JSON."""
        found = self.outlier
        told = {"value": found.value, "high": None if found.expected is None else found.expected[1]}
        kept = {"base": self._base, "excess": self._excess, "nights": self._nights}
        return {**told, "began": found.began, "which": self.which, **kept}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "_Leak":
        """From a `dump`."""
        found = Outlier("quiet", "leak", state["value"], (None, state["high"]), state["began"])
        leak = cls(found, state["which"], state["base"], state["excess"])
        leak._nights = list(state["nights"])
        return leak


def _noise(nights: list[Floats]) -> Floats:
    """A robust deviation, from the differences of one night to the next."""
    return np.asarray(1.4826 * np.median(np.abs(np.diff(nights, axis=0)), axis=0) / math.sqrt(2.0))


def night_noise(site: Site, blocks: Blocks) -> float | None:
    """By what share of the lowest flow nights differ from each other; None where there are too few or no flow."""
    if site.quiet_hours is None:
        return None
    nights = Nights(site.zone, site.quiet_hours)
    found = [
        night.figures
        for block, mean in enumerate(blocks.values.tolist(), blocks.first)
        if (night := nights.put(block, mean))
    ]
    if len(found) < _LEAST:
        return None
    lowest = float(np.median(found, axis=0)[0])
    return float(_noise(found).min()) / lowest if lowest > 0.0 else None
