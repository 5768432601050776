"""What a subscriber makes of the messages of a series: a line a day, one for each alert, one for the week ahead."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

Fields = Mapping[str, Any]

_NIGHT: Final = range(5)
_NIGHTLY: Final = 6
"""Summaries of ten minutes in a row whose mean is the flow of a night."""
_BARS: Final = "▁▂▃▄▅▆▇█"
_NONE: Final = "·"
_MONDAY: Final = 0
_SIGNS: Final = {"begun": "!!", "ended": "ok"}


class Diary:
    """`say` is called with each line. It knows what it was sent, and nothing else."""

    def __init__(self, zone: tzinfo, say: Callable[[str], None]) -> None:
        self._zone = zone
        self._say = say
        self._today: list[tuple[datetime, float | None]] = []
        """Begin and mean of each ten minutes."""
        self._expected: list[float] = []
        self._low, self._high = 0.0, 0.0
        """What the lowest and the highest bar stand for."""
        self._readers = {"alerts": self._alert, "summaries": self._summary, "forecasts": self._forecast}

    def receive(self, topic: str, payload: bytes) -> None:
        """One message; one that is none of ours is shown as it is."""
        try:
            self._readers[topic.rsplit("/", 1)[-1]](json.loads(payload))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._say(f"   {topic}  {payload.decode('utf-8', 'replace')}")

    def _alert(self, fields: Fields) -> None:
        at = self._at(fields["ts"])
        self._say(f"{_SIGNS[fields['state']]} {at:%a %d %b %H:%M}  {fields['reason']:<12}  {fields['text']}")

    def _summary(self, fields: Fields) -> None:
        begin, end = self._at(fields["from"]), self._at(fields["to"])
        self._today.append((begin, fields["mean"]))
        if end.date() != begin.date():
            self._say(self._day(begin))
            self._today, self._expected = [], []

    def _forecast(self, fields: Fields) -> None:
        origin, step = self._at(fields["origin"]), timedelta(seconds=fields["step_s"])
        values = [value for value in fields["values"] if value is not None]
        if not self._high:
            self._low, self._high = 0.9 * min(values), 1.05 * max(values)
        if (origin.hour, origin.minute) != (0, 0):
            return
        ends = [(origin + (ahead + 1) * step).astimezone(self._zone) for ahead in range(len(values))]
        self._expected = [value for value, end in zip(values, ends, strict=True) if end <= _midnight_after(origin)]
        if origin.weekday() == _MONDAY:
            most = max(range(len(values)), key=values.__getitem__)
            self._say(
                f"   The week from {origin:%d %b} on: {_mean(values):.2f} {fields['unit']} are expected, at most"
                f" {values[most]:.1f} ({fields['low'][most]:.1f} to {fields['high'][most]:.1f}) on"
                f" {ends[most] - step:%A} at {ends[most] - step:%H:%M}"
            )

    def _day(self, day: datetime) -> str:
        """The night, the mean, what was forecast at midnight, and a bar for each hour."""
        night = _lowest([mean for begin, mean in self._today if begin.hour in _NIGHT])
        mean = _mean([mean for _, mean in self._today if mean is not None])
        expected = f" ({_mean(self._expected):.2f} expected)" if self._expected else ""
        return f"   {day:%a %d %b}  night {_shown(night)}  {self._bars():<25} mean {_shown(mean)}{expected}"

    def _bars(self) -> str:
        hours: dict[datetime, list[float]] = {}
        for begin, mean in self._today:
            known = hours.setdefault(begin.replace(minute=0), [])
            if mean is not None:
                known.append(mean)
        return "".join(self._bar(_mean(means)) if means else _NONE for means in hours.values())

    def _bar(self, mean: float) -> str:
        share = (mean - self._low) / (self._high - self._low) if self._high else 0.0
        return _BARS[max(0, min(int(share * len(_BARS)), len(_BARS) - 1))]

    def _at(self, text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(self._zone)


def _midnight_after(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0) + timedelta(days=1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _shown(mean: float) -> str:
    return "   –" if math.isnan(mean) else f"{mean:.2f}"


def _lowest(means: Sequence[float | None]) -> float:
    """Of the hours that are known as a whole."""
    hours = (means[first : first + _NIGHTLY] for first in range(len(means) - _NIGHTLY + 1))
    whole = [[mean for mean in hour if mean is not None] for hour in hours]
    return min((_mean(hour) for hour in whole if len(hour) == _NIGHTLY), default=math.nan)
