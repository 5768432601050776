"""Splits statements into tokens; a cursor over them, with the sentences about unexpected tokens."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from edge_mask.sql.errors import RuleError

Kind = Literal["name", "number", "string", "variable", "operator", "end"]

MAX_STATEMENT: Final = 256 * 1024
"""AWS IoT's bound on the size of a rule, in bytes; here in characters."""

MAX_DEPTH: Final = 50
"""Deepest nesting of parentheses, functions and literals."""

HINTS: Final = {
    "LIKE": "LIKE is not part of the language: use regexp_matches(), startswith() or endswith()",
    "BETWEEN": "BETWEEN is not part of the language: write a >= x AND a <= y",
    "IS": "IS is not part of the language: use isNull() or isUndefined()",
    "GROUP": "GROUP BY is not part of the language: a rule sees one message at a time",
    "ORDER": "ORDER BY is not part of the language: a rule sees one message at a time",
    "JOIN": "JOIN is not part of the language: a rule sees one message at a time",
    "SET": "SET stands once, before SELECT; separate several variables by commas",
}
"""Replacements for words of other SQL dialects."""

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


class Cursor:
    """The tokens of one text, and which of them is next."""

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        if len(text) > MAX_STATEMENT:
            raise RuleError(f"a rule has at most {MAX_STATEMENT} characters, this one has {len(text)}")
        self._text = text
        self._tokens = list(tokens(text, start, end))
        self._next = 0
        self._depth = 0

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Enter one more level; RuleError when that is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"the statement is nested deeper than {MAX_DEPTH} levels", self.peek())
        yield
        self._depth -= 1

    def peek(self, ahead: int = 0) -> Token:
        """The next token without taking it, or one further on; at the end the last one."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self._next += 1
        return token

    def stands(self, sign: str) -> bool:
        """Whether this keyword or sign is next."""
        token = self.peek()
        return token.word == sign or (token.kind == "operator" and token.text == sign)

    def take(self, sign: str) -> bool:
        """Step over this keyword or sign if it is next."""
        if not self.stands(sign):
            return False
        self._next += 1
        return True

    def expect(self, sign: str, sentence: str) -> None:
        """Step over this keyword or sign; RuleError with the sentence when it is not next."""
        if not self.take(sign):
            token = self.peek()
            raise self.error(HINTS.get(token.word, f"{sentence}, but {_described(token)} stands here"), token)

    def word(self, sentence: str) -> str:
        """Any name, keywords among them; RuleError with the sentence when none is next."""
        token = self.advance()
        if token.kind != "name":
            raise self.error(sentence, token)
        return token.text

    def finish(self, expected: str) -> None:
        """RuleError unless the text ends here."""
        token = self.peek()
        if token.kind != "end":
            sentence = f"{expected} is expected here, but {_described(token)} stands here"
            raise self.error(HINTS.get(token.word, sentence), token)

    def error(self, sentence: str, token: Token) -> RuleError:
        """A RuleError at the place of a token."""
        return RuleError(sentence, self._text, token.at)


def _described(token: Token) -> str:
    return "nothing" if token.kind == "end" else f"{token.text[:40]!r}"
