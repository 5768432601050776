"""The criteria of a series: its limits as they were shipped, or as they were learned from what is stored."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import yaml

from edge_mask.errors import Refused

_MOST_MINUTES = 10_000_000
"""Twenty years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """None: nothing is known about it, and nothing is judged by it."""

    min: float | None = None
    max: float | None = None
    max_step: float | None = None
    """The largest step from one minute to the next."""
    gap: int | None = None
    """Minutes between two readings, where they do not come each minute."""
    run: int | None = None
    """Minutes that a value may stay exactly the same."""
    zero_run: int | None = None
    """The same for zero, which is what a house says all night."""
    night_noise: float | None = None
    """How much the lowest flow differs from night to night, as a share of it: the smallest leak that can be seen."""
    version: int = 0
    """0: shipped."""
    made: float | None = None
    """Unix seconds."""
    learned_from: tuple[float, float] | None = None
    days: int | None = None
    """How many whole days were learned from; days with outliers are left out."""

    def not_of(self, spared: tuple[float, float] | None) -> "Criteria":
        """The same for a site where these values, and steps to them, are not unusual; what was shipped stays."""
        if spared is None or self.version == 0:
            return self
        low = None if self.min is None else min(self.min, spared[0])
        high = None if self.max is None else max(self.max, spared[1])
        return replace(self, min=low, max=high, max_step=None)

    def to_yaml(self) -> str:
        """As a file of `criteria/`; what is not known is left out."""
        data = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return yaml.safe_dump({key: value for key, value in data.items() if value is not None}, sort_keys=False)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], where: str = "criteria") -> "Criteria":
        """From the values of a file; Refused with a sentence when they are not criteria."""
        known = {field.name for field in fields(cls)}
        if strange := sorted(set(data) - known):
            raise Refused(f"{where}: {strange[0]} is not a criterion (those are {', '.join(sorted(known))})")
        values: dict[str, Any] = {}
        for key, value in data.items():
            if key == "learned_from" and value is not None:
                values[key] = _pair(value, f"{where}: {key}")
            elif key in {"gap", "run", "zero_run", "version", "days"} and value is not None:
                values[key] = int(_number(value, f"{where}: {key}"))
            else:
                values[key] = None if value is None else _number(value, f"{where}: {key}")
        _sound(values, where)
        return cls(**values)


def _sound(values: Mapping[str, Any], where: str) -> None:
    low, high = values.get("min"), values.get("max")
    if low is not None and high is not None and low > high:
        raise Refused(f"{where}: min is {low:g} and max is {high:g}")
    for key in ("max_step", "gap", "run", "zero_run"):
        if (value := values.get(key)) is not None and value <= 0:
            raise Refused(f"{where}: {key} is {value:g}: it must be above 0")
    for key in ("gap", "run", "zero_run"):
        if (value := values.get(key)) is not None and value > _MOST_MINUTES:
            raise Refused(f"{where}: {key} is {value:g}: it must be at most {_MOST_MINUTES} (minutes)")


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise Refused(f"{where} is {value!r}, not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise Refused(f"{where} is too large") from error


def _pair(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Refused(f"{where} is {value!r}, not two times")
    return _number(value[0], where), _number(value[1], where)
