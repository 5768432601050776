"""The texts of the pages: one TOML file per language, the same keys in each."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

LANGUAGES: Final = {"en": "English", "ko": "한국어"}
"""Each by its own name."""


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts by dotted key, for instance `now.title`."""
    content = files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat("", tomllib.loads(content)))


def preferred(accepted: str) -> str:
    """The language for an `Accept-Language` header; English where it names none of ours."""
    for each in sorted(_wishes(accepted), key=lambda wish: -wish[1]):
        if each[0] in LANGUAGES:
            return each[0]
    return next(iter(LANGUAGES))


def _wishes(accepted: str) -> Sequence[tuple[str, float]]:
    found = []
    for part in accepted[:500].split(","):
        name, _, rest = part.partition(";")
        weight = rest.strip().removeprefix("q=")
        try:
            found.append((name.strip().lower().partition("-")[0], float(weight or 1)))
        except ValueError:
            continue
    return found


def _flat(above: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(f"{key}.", value)
        else:
            yield key, str(value)
