"""Regular expressions that cannot hang the house.

A message may bring a text on which a backtracking engine would search for years. The `regex` package takes a time
limit, which no engine of the standard library does, and lets other threads run while it searches.
"""

import re
from functools import lru_cache
from typing import Final

import regex

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.text import check_size
from edge_mask.sql.values import UNDEFINED, Value

LIMIT: Final = 0.1
"""Seconds that one search may take."""

MAX_PATTERN: Final = 1000
"""Characters of a pattern; a longer one is not valid."""

_REFERENCE: Final = re.compile(
    r"\\(?P<escaped>.)|\$(?P<number>\d+)|\$\{(?P<name>[A-Za-z][A-Za-z0-9]*)\}|(?P<bad>[\\$])", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\.", re.DOTALL)
_JAVA_ONLY: Final = {"\\z": "\\Z", "\\h": "[ \\t\\xA0]", "\\R": "(?:\\r\\n|[\\n\\x0B\\f\\r])"}


def _as_here(escape: re.Match[str]) -> str:
    """An escape of Java's as this library spells it."""
    quoted = escape["quoted"]
    return _JAVA_ONLY.get(escape[0], escape[0]) if quoted is None else re.escape(quoted)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> "regex.Pattern[str] | None":
    """The pattern, or None when it is not a valid regular expression. \\d \\w \\s mean ASCII, as in Java."""
    if len(pattern) > MAX_PATTERN:
        return None
    pattern = _ESCAPE.sub(_as_here, pattern)
    try:
        return regex.compile(pattern, regex.VERSION1 | regex.ASCII, cache_pattern=False)
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError):
        return None


def _search(pattern: "regex.Pattern[str]", text: str, start: int = 0) -> "regex.Match[str] | None":
    try:
        return pattern.search(text, start, timeout=LIMIT, concurrent=True)
    except TimeoutError:
        raise EvaluationError(f"the regular expression {pattern.pattern!r} took longer than {LIMIT} s") from None


def matches(text: str, pattern: str) -> Value:
    """Whether `pattern` matches somewhere in `text`; UNDEFINED for an invalid pattern."""
    found = compiled(pattern)
    return UNDEFINED if found is None else _search(found, text) is not None


def first_match(text: str, pattern: str) -> Value:
    """The first match of `pattern`; UNDEFINED when there is none or the pattern is invalid."""
    found = compiled(pattern)
    match = None if found is None else _search(found, text)
    return UNDEFINED if match is None else match.group()


def replace_all(text: str, pattern: str, replacement: str) -> Value:
    """Every match replaced; `$1` and `${name}` stand for groups, a backslash takes the meaning from what follows."""
    found = compiled(pattern)
    if found is None or (parts := _parts(replacement, found)) is None:
        return UNDEFINED
    size = len(text)

    def substitute(match: "regex.Match[str]") -> str:
        nonlocal size
        made = "".join(part if isinstance(part, str) else match.group(part[0]) or "" for part in parts)
        size += len(made)
        check_size(size)
        return made

    try:
        return found.sub(substitute, text, timeout=LIMIT)
    except TimeoutError:
        raise EvaluationError(f"the regular expression {pattern!r} took longer than {LIMIT} s") from None


def _parts(replacement: str, pattern: "regex.Pattern[str]") -> list[str | tuple[int | str]] | None:
    """Texts and group references; None for a reference to a group that is not there."""
    parts: list[str | tuple[int | str]] = []
    at = 0
    for match in _REFERENCE.finditer(replacement):
        parts.append(replacement[at : match.start()])
        at = match.end()
        if match["bad"]:
            return None
        if match["escaped"] is not None:
            parts.append(match["escaped"])
        elif match["name"]:
            if match["name"] not in pattern.groupindex:
                return None
            parts.append((match["name"],))
        else:
            group, rest = _group(match["number"], pattern.groups)
            if group is None:
                return None
            parts += [(group,), rest]
    return [*parts, replacement[at:]]


def _group(digits: str, groups: int) -> tuple[int | None, str]:
    """The longest number of an existing group that `digits` begins with, and the digits after it."""
    for length in range(min(len(digits), 3), 0, -1):
        if int(digits[:length]) <= groups:
            return int(digits[:length]), digits[length:]
    return None, digits
