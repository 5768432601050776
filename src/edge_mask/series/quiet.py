"""Slow leaks: nights whose flow is higher than in the two weeks before, a little each, but all of them.

A leak adds the same to each hour of a night. Its night figure (see night.py) is compared with the median of the nights
before; what exceeds the usual difference from night to night is added up (CUSUM, Page 1954), and the sum is judged.
"""

import math
from typing import Any, Final

import numpy as np

from edge_mask.series.detector import Blocks, Forecaster
from edge_mask.series.night import Nights
from edge_mask.series.nouns import Block, Floats, Hours, Outlier, Site

_ALLOWED: Final = 1.0
"""Of each night's excess, in usual differences between nights."""
_ENOUGH: Final = 4.5
_MOST, _MOST_ALONE = 3.0, 1.5
"""Of one night, however high it is; and of one after a usual one: a burst lasts a night, a leak lasts."""
_NEAR, _FAR = 3, 16
"""The nights it is compared with: not the last ones, into which a slow leak has come already."""
_LEAST: Final = 7
_KEPT: Final = 60
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
        self._sum = 0.0
        self._since = 0.0
        self._before = 0.0
        """How high the night before was."""
        self._open: _Leak | None = None

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:  # noqa: ARG002
        """Know the nights before; nothing is said of them."""
        first = max(0, len(blocks.values) - (_KEPT + 10) * 144)
        for block, mean in enumerate(blocks.values[first:].tolist(), blocks.first + first):
            if (night := self._nights.put(block, mean)) is not None:
                self._keep(night[1])

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:  # noqa: ARG002
        """Whether a leak is open at the end of this block."""
        night = self._nights.put(block.first // 10, block.mean)
        if night is not None and not self._judge(*night):
            return ()
        return () if self._open is None else (self._open.outlier,)

    def retrained(self, model: Forecaster) -> None:
        """Nights are compared with nights, not with a forecast."""

    def _judge(self, begin: float, figures: Floats) -> bool:
        """Take a night into account; False when what was open is over, if only to begin anew."""
        usual = self._usual()
        self._keep(figures)
        if usual is None:
            return True
        base, noise = usual
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
            self._since = begin
        height = excess / float(noise[which])
        most = _MOST if self._before > _ALLOWED else _MOST_ALONE
        self._sum, self._before = max(0.0, self._sum + min(height, most) - _ALLOWED), height
        if self._sum <= _ENOUGH:
            return True
        expected = (None, float(base[which] + noise[which]))
        found = Outlier("quiet", "leak", float(figures[which]), expected, self._since)
        self._open, self._sum = _Leak(found, which, float(figures[which]) - excess, excess), 0.0
        return was is None

    def _usual(self) -> tuple[Floats, Floats] | None:
        """The figures of a usual night, and by how much nights differ from the one before."""
        near = self._past[-_FAR : len(self._past) - _NEAR + 1]
        if len(near) < _LEAST:
            return None
        base: Floats = np.median(near, axis=0)
        apart = np.abs(np.diff(self._past, axis=0))
        noise = 1.4826 * np.median(apart, axis=0) / math.sqrt(2.0)
        return base, np.maximum(noise, np.maximum(self._resolution, _FLOOR * np.abs(base)))

    def _keep(self, figures: Floats) -> None:
        self._past = [*self._past[1 - _KEPT :], figures]

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
        self._nights = 0
        self._first: list[float] = []
        """What its first nights exceed the base by."""

    def is_over(self, figures: Floats) -> bool:
        """One night more."""
        self._nights += 1
        return bool(figures[self.which] - self._base < _BACK * self._excess) or self._nights > _USUAL_AGAIN

    def further(self, figures: Floats) -> float | None:
        """By how much this night exceeds those of this leak; None while it comes up."""
        excess = float(figures[self.which]) - self._base
        if len(self._first) < _GROWN:
            self._first.append(excess)
            return None
        return excess - float(np.median(self._first[_NEAR:]))

    def dump(self) -> dict[str, Any]:
        """As plain JSON."""
        found = self.outlier
        told = {"value": found.value, "high": None if found.expected is None else found.expected[1]}
        kept = {"base": self._base, "excess": self._excess, "nights": self._nights, "first": self._first}
        return {**told, "began": found.began, "which": self.which, **kept}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "_Leak":
        """From a `dump`."""
        found = Outlier("quiet", "leak", state["value"], (None, state["high"]), state["began"])
        leak = cls(found, state["which"], state["base"], state["excess"])
        leak._nights, leak._first = state["nights"], list(state["first"])
        return leak


def night_noise(site: Site, blocks: Blocks) -> float | None:
    """By what share of the lowest flow nights differ from each other; None where there are too few or no flow."""
    if site.quiet_hours is None:
        return None
    nights = Nights(site.zone, site.quiet_hours)
    found = [
        night[1]
        for block, mean in enumerate(blocks.values.tolist(), blocks.first)
        if (night := nights.put(block, mean))
    ]
    if len(found) < _LEAST:
        return None
    lowest = float(np.median(found, axis=0)[0])
    noise = 1.4826 * np.median(np.abs(np.diff(found, axis=0)), axis=0) / math.sqrt(2.0)
    return float(noise.min()) / lowest if lowest > 0.0 else None
