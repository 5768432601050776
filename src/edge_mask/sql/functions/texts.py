"""Texts: every argument first goes through the standard conversion to String."""

from collections.abc import Callable, Sequence
from typing import Final

from edge_mask.sql import regex
from edge_mask.sql.functions.registry import Cost, Objection, function
from edge_mask.sql.text import check_size, to_text, utf8
from edge_mask.sql.values import UNDEFINED, Value, to_int_down

_MAX_PADDING: Final = 1000
_WHITE: Final = " \t"


def _enter(
    name: str,
    count: int,
    body: Callable[..., Value],
    *,
    new: bool = False,
    cost: Cost = Cost.LITTLE,
    objection: Objection | None = None,
) -> None:
    """A function of texts: Undefined as soon as one argument has no text."""

    @function(name, count, since=2 if new else 1, cost=cost, objection=objection)
    def run(*arguments: Value) -> Value:
        texts = [to_text(argument) for argument in arguments]
        return UNDEFINED if UNDEFINED in texts else body(*texts)


def _replace(text: str, old: str, new: str) -> Value:
    check_size(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new)


_enter("lower", 1, str.lower)
_enter("upper", 1, str.upper)
_enter("ltrim", 1, lambda text: text.lstrip(_WHITE))
_enter("rtrim", 1, lambda text: text.rstrip(_WHITE))
_enter("trim", 1, str.strip)
_enter("startswith", 2, str.startswith)
_enter("endswith", 2, str.endswith)
_enter("replace", 3, _replace)
_enter("length", 1, len, new=True)
_enter("numbytes", 1, lambda text: len(utf8(text)), new=True)
_enter("indexof", 2, lambda text, part: index if (index := text.find(part)) >= 0 else UNDEFINED, new=True)


def _pattern_objection(texts: Sequence[str | None]) -> str:
    return "" if texts[1] is None else regex.objection(texts[1])


_enter("regexp_matches", 2, regex.matches, cost=Cost.TIME, objection=_pattern_objection)
_enter("regexp_substr", 2, regex.first_match, cost=Cost.TIME, objection=_pattern_objection)
_enter("regexp_replace", 3, regex.replace_all, cost=Cost.TIME, objection=_pattern_objection)


def _padding(count: Value) -> Value:
    number: Value = to_int_down(count)
    return UNDEFINED if number is UNDEFINED else " " * min(max(number, 0), _MAX_PADDING)


@function("lpad", 2)
def lpad(value: Value, count: Value) -> Value:
    """`count` (0..1000) blanks before the text."""
    text, blanks = to_text(value), _padding(count)
    return UNDEFINED if text is UNDEFINED or blanks is UNDEFINED else blanks + text


@function("rpad", 2)
def rpad(value: Value, count: Value) -> Value:
    """`count` (0..1000) blanks after the text."""
    text, blanks = to_text(value), _padding(count)
    return UNDEFINED if text is UNDEFINED or blanks is UNDEFINED else text + blanks


@function("substring", 2, 3)
def substring(value: Value, start: Value, end: Value = 1 << 62) -> Value:
    """The text from index `start` up to, not including, index `end`."""
    text, first, last = to_text(value), to_int_down(start), to_int_down(end)
    if text is UNDEFINED or first is UNDEFINED or last is UNDEFINED:
        return UNDEFINED
    return text[max(first, 0) : max(last, 0)]


@function("chr", 1)
def character(value: Value) -> Value:
    """The ASCII character of a number (0..127)."""
    number = to_int_down(value)
    return UNDEFINED if number is UNDEFINED or not 0 <= number < 128 else chr(number)
