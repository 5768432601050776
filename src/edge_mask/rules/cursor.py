"""A place in the tokens of one text, and the sentences for what is not expected there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from edge_mask.rules.errors import RuleError
from edge_mask.rules.lexer import Token, tokens

MAX_STATEMENT: Final = 256 * 1024
"""AWS IoT's bound on the size of a rule, in bytes; here in characters."""

MAX_DEPTH: Final = 50
"""Parentheses, functions and literals inside one another."""

HINTS: Final = {
    "LIKE": "LIKE is not part of the language: use regexp_matches(), startswith() or endswith()",
    "BETWEEN": "BETWEEN is not part of the language: write a >= x AND a <= y",
    "IS": "IS is not part of the language: use isNull() or isUndefined()",
    "GROUP": "GROUP BY is not part of the language: a rule sees one message at a time",
    "ORDER": "ORDER BY is not part of the language: a rule sees one message at a time",
    "JOIN": "JOIN is not part of the language: a rule sees one message at a time",
    "SET": "SET stands once, before SELECT; separate several variables by commas",
}
"""What to write instead of words that other dialects have."""


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
        """One level further in; RuleError when that is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"the statement is nested deeper than {MAX_DEPTH} levels", self.peek())
        yield
        self._depth -= 1

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one further on; behind the last one the last one again."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """The next token, which is then behind us."""
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
