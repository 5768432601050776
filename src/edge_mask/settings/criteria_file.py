"""The file of `outliers.criteria`: for each quantity of a sensor the limits that hold until they are learned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edge_mask import yaml_file
from edge_mask.settings.base import read_whole
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Document


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit."""

    min: float | None = None
    max: float | None = None
    max_step: float | None = None
    """From one minute to the next."""


_NAMES = tuple(field.name for field in fields(Limits))


def read(path: Path, quantities: Collection[str]) -> Mapping[str, Limits]:
    """The limits by quantity. Raises OSError, ValueError with everything that is wrong."""
    limits, problems = parse(read_whole(path).decode(), quantities)
    if problems:
        raise ValueError("; ".join(problems))
    return limits


def parse(text: str, quantities: Collection[str]) -> tuple[Mapping[str, Limits], list[str]]:
    """The limits, and a sentence for each thing that cannot stand there."""
    document = yaml_file.read(text, "line")
    found: dict[str, Limits] = {}
    listed = ", ".join(quantities)
    if document.problems:
        return {}, _shown(document)
    if not isinstance(document.data, dict) or not document.data:
        return {}, [f"holds no criteria; write min, max and max_step below each of {listed}"]
    for name, values in document.data.items():
        if name not in quantities:
            hint = did_you_mean(str(name), quantities)
            document.complain((name,), f"is no quantity of this sensor{hint}; allowed: {listed}")
        elif not isinstance(values, dict) or not values:
            document.complain((name,), f"holds no criteria; allowed: {', '.join(_NAMES)}")
        else:
            found[name] = Limits(**_numbers(document, name, values))
            _compare(document, name, found[name])
    return found, _shown(document)


def _shown(document: Document) -> list[str]:
    return [problem.replace("line:", "line ", 1) for problem in document.problems]


def _numbers(document: Document, quantity: str, values: Mapping[Any, Any]) -> dict[str, float]:
    found = {}
    for key, value in values.items():
        if key not in _NAMES:
            hint = did_you_mean(str(key), _NAMES)
            document.complain((quantity, key), f"is no criterion{hint}; allowed: {', '.join(_NAMES)}")
        elif value is None:
            continue
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
            document.complain((quantity, key), f"found {value!r}; allowed: a number")
        else:
            found[key] = float(value)
    return found


def _compare(document: Document, quantity: str, limits: Limits) -> None:
    if limits.min is not None and limits.max is not None and limits.min >= limits.max:
        document.complain((quantity, "min"), f"found {limits.min:g}; allowed: less than max, {limits.max:g}")
    if limits.max_step is not None and limits.max_step <= 0:
        document.complain((quantity, "max_step"), f"found {limits.max_step:g}; allowed: a number above 0")
