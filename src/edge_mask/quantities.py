"""Durations, sizes and rates as people write them: `0.2s`, `30d`, `256MB`, `100/s`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # rules read durations too, and need none of it
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_MOST_BITS = 200
_LARGEST_SAID = 1e15
_PER_SECOND = {"/s": 1.0, "/m": 1 / 60, "/min": 1 / 60, "/h": 1 / 3600}


@dataclass(frozen=True, eq=False)
class Measure:
    """A number with a unit, kept in the base unit; put into `Annotated` it makes pydantic read and show it."""

    noun: str
    units: Mapping[str, float]
    examples: tuple[str, ...]
    at_least: float = 0.0
    at_most: float = math.inf
    whole: bool = False

    @property
    def allowed(self) -> str:
        """What a person may write here."""
        text = f"{self.noun} such as {', '.join(self.examples[:-1])} or {self.examples[-1]}"
        low, high = self.at_least > 0, self.at_most < math.inf
        if low and high:
            return f"{text}, from {self.show(self.at_least)} to {self.show(self.at_most)}"
        if low or high:
            return f"{text}, {'at least ' if low else 'at most '}{self.show(self.at_least if low else self.at_most)}"
        return text

    def read(self, value: object) -> float:
        """The value in the base unit. Raises ValueError with a sentence."""
        number = self._number(value)
        if number is None or math.isnan(number):
            raise ValueError(f"{_short(value)!r} is not {self.noun}; allowed: {self.allowed}")
        if number < self.at_least:
            raise ValueError(f"{self._read_as(value, number)} is too small; allowed: {self.allowed}")
        if number > self.at_most or math.isinf(number):
            raise ValueError(f"{self._read_as(value, number)} is too large; allowed: {self.allowed}")
        return round(number) if self.whole else number

    def show(self, value: float) -> str:
        """The value with the largest unit that leaves a whole number; `read` understands it."""
        for unit, factor in sorted(self.units.items(), key=lambda item: -item[1]):
            count = value / factor
            if count >= 1 and math.isclose(count, round(count), rel_tol=1e-12):
                return f"{round(count)}{unit}"
        base = next(unit for unit, factor in self.units.items() if factor == 1)
        return f"{value:.15g}{base}"

    def _read_as(self, value: object, number: float) -> object:
        """What stands there; of a number without a unit also what it means."""
        has_unit = isinstance(value, str) and not value.strip()[-1].isdigit()
        if has_unit or number == 0 or abs(number) > _LARGEST_SAID:
            return _short(value)
        return f"{_short(value)} (without a unit: {self.show(number)})"

    def _number(self, value: object) -> float | None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _float(value)
        if not isinstance(value, str):
            return None
        match = re.fullmatch(rf"\s*({_NUMBER})\s*(.*?)\s*", value)
        if match is None:
            return None
        factor = self.units.get(match[2], 1.0 if match[2] == "" else None)
        return None if factor is None else float(match[1]) * factor

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        shown = core_schema.plain_serializer_function_ser_schema(self.show)
        return core_schema.no_info_plain_validator_function(self.read, serialization=shown)

    def __get_pydantic_json_schema__(self, schema: "CoreSchema", handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit in self.units)
        number: dict[str, Any] = {"type": "number", "minimum": self.at_least}
        if self.at_most < math.inf:
            number["maximum"] = self.at_most
        text = {"type": "string", "pattern": rf"^\s*({_NUMBER}\s*({units})?|.*\$\{{.+\}}.*)\s*$"}
        return {"anyOf": [text, number], "examples": list(self.examples), "x-allowed": self.allowed}


def _float(number: float) -> float:
    """Endless for a whole number of more digits than a float reaches."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _short(value: object) -> object:
    """What stands there, as long as a sentence can hold it."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a number of hundreds of digits"
    return f"{value[:57]}…" if isinstance(value, str) and len(value) > 60 else value


def duration(at_least: float = 0.0, at_most: float = math.inf) -> Measure:
    """Seconds between the two limits; a plain number is seconds."""
    return Measure("a duration", _SECONDS, ("0.2s", "5m", "30d"), at_least, at_most)


def size(at_least: float = 0.0, at_most: float = math.inf) -> Measure:
    """Bytes, between these; a plain number is bytes."""
    return Measure("a size", _BYTES, ("256MB", "1GiB"), at_least, at_most, whole=True)


def rate(at_least: float, at_most: float = math.inf) -> Measure:
    """Events per second; a plain number is per second."""
    return Measure("a rate", _PER_SECOND, ("100/s", "30/m"), at_least, at_most)
