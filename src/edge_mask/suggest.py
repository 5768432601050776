"""Help for the misspelt."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; capitals and dashes make no difference."""
    by_form = {_form(each): each for each in known}
    near = difflib.get_close_matches(_form(word), by_form, n=1)
    return by_form[near[0]] if near else None


def _form(word: str) -> str:
    return word.lower().replace("-", "_")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known word that is nearest, or nothing."""
    near = closest(word, known)
    return "" if near is None else f"; did you mean {near}?"
