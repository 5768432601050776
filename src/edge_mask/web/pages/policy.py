"""What a visitor was judged by, in words."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from edge_mask.decide.visitor import GatePolicy
from edge_mask.web.words import NOTHING, Words

_SECONDS: Final = ("window", "temperature_wait", "temperature_max_age", "hold", "forget_after")
_SHARES: Final = ("min_face", "pass_score")
_TEMPERATURES: Final = ("fever_above", "coldest", "hottest")
_OF_WARMTH: Final = ("temperature_wait", "temperature_max_age", "without_temperature", *_TEMPERATURES)
"""What says nothing where no thermometer was."""


def settings_then(policy: GatePolicy, words: Words) -> list[tuple[str, str]]:
    """Names and values with their units; one that is new has its own name until it has a word."""
    given: Mapping[str, Any] = asdict(policy)
    return [
        (words.word("policy", name), _value(name, value, policy.unit, words))
        for name, value in given.items()
        if name != "unit" and (policy.fever_above is not None or name not in _OF_WARMTH)
    ]


def _value(name: str, value: Any, unit: str, words: Words) -> str:
    if value is None:
        return NOTHING
    if name in _SECONDS:
        return words.t("policy.seconds", count=f"{value:g}")
    if name in _SHARES:
        return words.measure(100 * value, "%", 0)
    if name in _TEMPERATURES:
        return words.measure(value, unit)
    return words.word("choice", value) if isinstance(value, str) else f"{value:g}"
