"""A chart over time as SVG: what docs/img needs of one, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from edge_mask.series.grid import Reals

WIDTH, HEIGHT = 900, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 34, 26
INK, FAINT, BLUE, SKY, RED, GREEN = "#24292f", "#d0d7de", "#0969da", "#b6d8ff", "#cf222e", "#1a7f37"
_FONT: Final = 'font-family="system-ui, sans-serif" font-size="12"'


@dataclass
class Chart:
    """Unix seconds to the right, values upwards; what is added later lies above."""

    title: str
    begin: datetime
    end: datetime
    unit: str
    lowest: float = 0.0
    highest: float = 14.0
    _parts: list[str] = field(default_factory=list)

    def line(self, times: Reals, values: Reals, colour: str, width: float = 1.2) -> None:
        """From value to value; where one is NaN, the line has a gap."""
        for first, last in _runs(values):
            points = self._points(times[first:last], values[first:last])
            self._parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>')

    def band(self, times: Reals, low: Reals, high: Reals) -> None:
        """What lies between two lines."""
        there, back = self._points(times, low), self._points(times[::-1], high[::-1])
        self._parts.append(f'<polygon points="{there} {back}" fill="{SKY}"/>')

    def dots(self, times: Reals, values: Reals, colour: str) -> None:
        """One for each value."""
        for at, value in zip(times.tolist(), values.tolist(), strict=True):
            self._parts.append(f'<circle cx="{self._x(at):.1f}" cy="{self._y(value):.1f}" r="3.5" fill="{colour}"/>')

    def span(self, begin: float, end: float) -> None:
        """In which something was wrong, as it was told."""
        left, right = self._x(begin), self._x(end)
        self._parts.append(
            f'<rect class="outlier" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}"'
            f' height="{HEIGHT - _TOP - _BOTTOM}" fill="{RED}" fill-opacity="0.12"/>'
        )

    def mark(self, at: float, text: str, colour: str, *, row: int = 0, is_left: bool = False) -> None:
        """A line from top to bottom with words beside it."""
        x, y = self._x(at), _TOP + 14 + 16 * row
        anchor, offset = ("end", -5) if is_left else ("start", 5)
        self._parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}" stroke="{colour}"'
            f' stroke-dasharray="4 3"/><text x="{x + offset:.1f}" y="{y}" fill="{colour}" text-anchor="{anchor}"'
            f' stroke="#ffffff" stroke-width="4" paint-order="stroke">'
            f"{escape(text)}</text>"
        )

    def svg(self, ticks: Sequence[tuple[datetime, str]], step: float) -> str:
        """The whole picture, with a line each `step` upwards and words below."""
        grid = [
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{self._y(value):.1f}" y2="{self._y(value):.1f}"'
            f' stroke="{FAINT}"/><text x="{_LEFT - 6}" y="{self._y(value) + 4:.1f}" fill="{INK}" text-anchor="end">'
            f"{value:g}</text>"
            for value in np.arange(self.lowest, self.highest + step / 2, step).tolist()
        ]
        below = [
            f'<text x="{self._x(at.timestamp()):.1f}" y="{HEIGHT - 8}" fill="{INK}" text-anchor="middle">'
            f"{escape(text)}</text>"
            for at, text in ticks
        ]
        inside = f'x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" height="{HEIGHT - _TOP - _BOTTOM}"'
        head = f'<text x="{_LEFT}" y="20" fill="{INK}" font-weight="600">{escape(self.title)}, {self.unit}</text>'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT}>',
                f"<title>{escape(self.title)}</title>",
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
                head,
                *grid,
                f'<clipPath id="inside"><rect {inside}/></clipPath>',
                '<g clip-path="url(#inside)">',
                *self._parts,
                "</g>",
                *below,
                "</svg>\n",
            ]
        )

    def _points(self, times: Reals, values: Reals) -> str:
        pairs = zip(times.tolist(), values.tolist(), strict=True)
        return " ".join(f"{self._x(at):.1f},{self._y(value):.1f}" for at, value in pairs)

    def _x(self, at: float) -> float:
        begin, end = self.begin.timestamp(), self.end.timestamp()
        return _LEFT + (at - begin) / (end - begin) * (WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        share = (value - self.lowest) / (self.highest - self.lowest)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _runs(values: Reals) -> list[tuple[int, int]]:
    """From and to of what is known without a gap."""
    known = np.concatenate(([False], ~np.isnan(values), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
