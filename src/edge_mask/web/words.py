"""Texts, numbers and times as one reader sees them: in the language of the page and in the zone of the site."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final, TypeGuard

from edge_mask.units import DEGREES
from edge_mask.web.texts import texts

NOTHING: Final = "–"
"""Shown where there is no value."""
_STEPS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SIZES: Final = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@dataclass(frozen=True)
class Words:
    """What a template calls to write anything."""

    language: str
    zone: tzinfo

    def t(self, key: str, **values: object) -> str:
        """A text; `values` fill its places. Raises KeyError for a key that no file has."""
        text = texts(self.language)[key]
        return text.format_map(values) if values else text

    def many(self, key: str, count: int, **values: object) -> str:
        """A text that depends on a number: `KEY.one` or `KEY.other`, with the place `{count}`."""
        return self.t(f"{key}.{'one' if count == 1 else 'other'}", count=self.number(count), **values)

    def word(self, group: str, value: object) -> str:
        """The word for a code such as `no_mask`; a code that has none is shown as it is, without its underscores."""
        return texts(self.language).get(f"{group}.{value}", str(value).replace("_", " "))

    def knows(self, group: str, value: object) -> bool:
        """Whether there is a word for it."""
        return f"{group}.{value}" in texts(self.language)

    def number(self, value: object, digits: int = 0) -> str:
        """With thousands separated, as both languages do."""
        return f"{value:,.{digits}f}" if _is_number(value) else NOTHING

    def measure(self, value: object, unit: str | None = None, digits: int = 1) -> str:
        """A value with its unit: `36.5 °C`."""
        if not _is_number(value):
            return NOTHING
        return f"{self.number(value, digits)} {DEGREES.get(unit or '', unit or '')}".rstrip()

    def share(self, part: object, whole: object) -> str:
        """`part` of `whole` in per cent."""
        return f"{100 * part / whole:.0f} %" if _is_number(part) and _is_number(whole) and whole else NOTHING

    def size(self, count: object) -> str:
        """Bytes, in decimal units."""
        if not _is_number(count):
            return NOTHING
        for step, unit in _SIZES:
            if count >= step:
                return f"{count / step:,.1f} {unit}"
        return f"{count:,.0f} B"

    def lasting(self, seconds: object) -> str:
        """A duration in its largest unit: `3 min`."""
        if not _is_number(seconds):
            return NOTHING
        for step, unit in _STEPS:
            if seconds >= step:
                return self.many(f"span.{unit}", int(seconds // step))
        return self.many("span.second", 0)

    # -- times -------------------------------------------------------------------------------------------

    def at(self, when: float | str) -> datetime:
        """A moment in the zone of the site: Unix seconds, or the text of a message. Raises ValueError."""
        try:
            if isinstance(when, str):
                return datetime.fromisoformat(when).astimezone(self.zone)
            return datetime.fromtimestamp(when, self.zone)
        except (TypeError, OverflowError, OSError) as error:
            raise ValueError(str(error)) from error

    def time(self, when: float | str) -> str:
        """`12:03:05`; nothing for what a damaged row has in the place of a time."""
        try:
            return f"{self.at(when):%H:%M:%S}"
        except ValueError:
            return NOTHING

    def day(self, when: float | str | date) -> str:
        """`Sun 29 Nov 2026`, or as the language writes it."""
        try:
            on = when if isinstance(when, date) else self.at(when).date()
        except ValueError:
            return NOTHING
        month = self.t(f"month.{on.month}")
        return self.t("date.long", weekday=self.weekday(on), day=on.day, month=month, year=on.year)

    def short_day(self, on: date) -> str:
        """`29 Nov`."""
        return self.t("date.short", day=on.day, month=self.t(f"month.{on.month}"))

    def weekday(self, on: date) -> str:
        """`Sun`."""
        return self.t(f"weekday.{on.isoweekday()}")

    def moment(self, when: float | str) -> str:
        """Day and time."""
        return f"{self.day(when)} {self.time(when)}"

    def iso(self, when: float | str) -> str:
        """For the attribute `datetime` of an element: UTC."""
        try:
            return f"{self.at(when).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        except (ValueError, OverflowError):
            return ""


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
