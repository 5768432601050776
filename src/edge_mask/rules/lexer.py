"""Statements cut into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from edge_mask.rules.errors import RuleError

Kind = Literal["name", "number", "string", "variable", "operator", "end"]

_TOKEN: Final = re.compile(
    r"""\s*+(?:
      (?P<number>(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)
    | (?P<name>[^\W\d]\w*+)
    | (?P<variable>@\w++)
    | (?P<string>'(?:[^']|'')*+'|"(?:[^"]|"")*+")
    | (?P<operator><>|<=|>=|[-+*/%=<>().,\[\]{}:])
    )""",
    re.VERBOSE,
)
_COMMENTS: Final = ("/*", "--")
_BLANK: Final = re.compile(r"\s*+")
_HINTS: Final = (
    ("#", "comments are not part of the language"),
    ("!=", "'!=' is not an operator here: write <>"),
    ("!", "'!' is not an operator here: write NOT, or <> for unequal"),
    ("'", "this text has no closing '"),
    ('"', 'this text has no closing "'),
    ("||", "'||' is not an operator here: join texts with + or concat()"),
    ("&", "'&' is not an operator here: write AND, or bitand()"),
    ("\u2013", "this is a dash, not a minus sign: write -"),
    ("\u2019", "this is a typographic quote: write '"),
    ("\u2018", "this is a typographic quote: write '"),
    ("\u201c", 'this is a typographic quote: write "'),
    ("\u201d", 'this is a typographic quote: write "'),
    (";", "a statement has no ';' at its end"),
    ("`", "names are not quoted: write get(*, 'name') for a name with blanks or hyphens"),
    ("@", "a variable is @ and a name"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, text or sign, and where it stands."""

    kind: Kind
    text: str
    at: int

    @property
    def word(self) -> str:
        """The keyword this could be, in capitals; empty for anything but a name."""
        return self.text.upper() if self.kind == "name" else ""


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of text[start:end] and a last one of kind "end"; RuleError at the first sign that is none."""
    stop = len(text) if end is None else end
    at = start
    while match := _TOKEN.match(text, at, stop):
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # one of the group names above
        at = match.end()
        if text.startswith(_COMMENTS, match.start(kind)):
            raise RuleError("comments are not part of the language", text, match.start(kind))
        yield Token(kind, match[kind], match.start(kind))
    blank = _BLANK.match(text, at, stop)
    at = blank.end() if blank else at
    if at < stop:
        sentence = next((hint for sign, hint in _HINTS if text.startswith(sign, at)), f"{text[at]!r} is not understood")
        raise RuleError(sentence, text, at)
    yield Token("end", "", at)


def unquote(text: str) -> str:
    """What a quoted text says; a doubled quote inside it is one quote, a backslash is a backslash."""
    quote = text[0]
    return text[1:-1].replace(quote + quote, quote)
