"""Regular expressions with bounds on time and memory.

On some texts a backtracking engine would search for years. The `regex` package has a time limit, which `re` has not,
and lets other threads run during a search. It compiles a repeat by writing it out, so we count first how long
`(a{65535}){65535}` would become.
"""

import re
from functools import lru_cache
from typing import Final, TypeAlias

import regex

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.text import check_size
from edge_mask.sql.values import UNDEFINED, Value

Pattern: TypeAlias = "regex.Pattern[str]"

LIMIT: Final = 0.1
"""Seconds that one search may take."""

MAX_PATTERN: Final = 1000
"""Characters of a pattern; a longer one is not valid."""

MAX_WRITTEN_OUT: Final = 10_000
"""Characters of a pattern when each `{n}` is written out n times."""

MAX_SEARCHED: Final = 256 * 1024
"""Most characters of a searched text: the engine's memory grows with it."""

NO_EXPRESSION: Final = (regex.error, ValueError, OverflowError, RecursionError, MemoryError)
"""What compiling raises on a text that is no regular expression."""

_PART: Final = re.compile(
    r"\\[pPNx]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|(?P<open>\()|(?P<close>\))|\{(?P<least>\d+)(?:,\d*)?\}|[*+?|]|.",
    re.DOTALL,
)

_REFERENCE: Final = re.compile(
    r"\\(?P<escaped>.)|\$(?P<number>\d+)|\$\{(?P<name>[A-Za-z][A-Za-z0-9]*)\}|(?P<bad>[\\$])", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\.", re.DOTALL)
_JAVA_ONLY: Final = {"\\z": "\\Z", "\\h": "[ \\t\\xA0]", "\\R": "(?:\\r\\n|[\\n\\x0B\\f\\r])"}


def _as_here(escape: re.Match[str]) -> str:
    """An escape of Java's as this library spells it."""
    quoted = escape["quoted"]
    return _JAVA_ONLY.get(escape[0], escape[0]) if quoted is None else re.escape(quoted)


def _written_out(pattern: str) -> int:
    """About how many characters the pattern has when each `{n}` is written out."""
    groups: list[list[int]] = [[]]
    for part in _PART.finditer(pattern):
        if part["open"]:
            groups.append([])
        elif part["close"] and len(groups) > 1:
            inner = sum(groups.pop()) + 1
            groups[-1].append(inner)
        elif part["least"] and groups[-1]:
            groups[-1][-1] *= max(1, int(part["least"]))
        elif part[0] not in "*+?|":
            groups[-1].append(1)
    return sum(map(sum, groups))


def objection(pattern: str) -> str:
    """Why this pattern is not used, even if it is valid; empty when it is."""
    if len(pattern) <= MAX_PATTERN and _written_out(_ESCAPE.sub(_as_here, pattern)) > MAX_WRITTEN_OUT:
        return (
            f"the regular expression {pattern[:80]!r} is longer than {MAX_WRITTEN_OUT} characters"
            " when its repeats are written out"
        )
    return ""


def compiled(pattern: str) -> "Pattern | None":
    """The pattern, or None when it is not a valid regular expression. \\d \\w \\s mean ASCII, as in Java."""
    return None if len(pattern) > MAX_PATTERN else _compiled(pattern)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> "Pattern | None":
    if problem := objection(pattern):
        raise EvaluationError(problem)
    pattern = _ESCAPE.sub(_as_here, pattern)
    try:
        return regex.compile(pattern, regex.VERSION1 | regex.ASCII, cache_pattern=False)
    except NO_EXPRESSION:
        return None


def _too_slow(pattern: str) -> EvaluationError:
    return EvaluationError(f"the regular expression {pattern[:80]!r} took longer than {LIMIT} s")


def _searchable(text: str) -> str:
    if len(text) > MAX_SEARCHED:
        raise EvaluationError(f"a text of {len(text)} characters is too long to search; at most {MAX_SEARCHED}")
    return text


def ascii_only(source: str) -> Pattern:
    """A pattern of our own making."""
    return regex.compile(source, regex.ASCII, cache_pattern=False)


def full_match(pattern: Pattern, text: str) -> "regex.Match[str] | None":
    """The match of the whole text; EvaluationError when it takes too long to find."""
    try:
        return pattern.fullmatch(_searchable(text), timeout=LIMIT, concurrent=True)
    except TimeoutError:
        raise _too_slow(pattern.pattern) from None


def search(pattern: Pattern, text: str) -> "regex.Match[str] | None":
    """The first match; EvaluationError when it takes too long to find."""
    try:
        return pattern.search(_searchable(text), timeout=LIMIT, concurrent=True)
    except TimeoutError:
        raise _too_slow(pattern.pattern) from None


def matches(text: str, pattern: str) -> Value:
    """Whether `pattern` matches somewhere in `text`; UNDEFINED for an invalid pattern."""
    found = compiled(pattern)
    return UNDEFINED if found is None else search(found, text) is not None


def first_match(text: str, pattern: str) -> Value:
    """The first match of `pattern`; UNDEFINED when there is none or the pattern is invalid."""
    found = compiled(pattern)
    match = None if found is None else search(found, text)
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
        return found.sub(substitute, _searchable(text), timeout=LIMIT)
    except TimeoutError:
        raise _too_slow(pattern) from None


def _parts(replacement: str, pattern: Pattern) -> list[str | tuple[int | str]] | None:
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
