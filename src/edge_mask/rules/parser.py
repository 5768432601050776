"""From text to tree: a statement, or the expression inside `${…}`."""

from typing import Final

from edge_mask.rules.ast import (
    ArrayLiteral,
    Attribute,
    Call,
    Case,
    Cast,
    Chain,
    Item,
    Literal,
    Member,
    Node,
    ObjectLiteral,
    Prefix,
    Select,
    Star,
    Statement,
    Subquery,
    Variable,
)
from edge_mask.rules.errors import RuleError
from edge_mask.rules.lexer import Token, tokens, unquote
from edge_mask.rules.topics import check_filter
from edge_mask.rules.wire import decode_text

MAX_STATEMENT: Final = 256 * 1024
"""AWS IoT's bound on the size of a rule, in bytes; here in characters."""

MAX_DEPTH: Final = 50
"""Parentheses, functions and literals inside one another."""

MAX_VARIABLE: Final = 64
"""Letters in the name of a variable, the @ not counted."""

_LEVELS: Final = {
    "OR": 1, "AND": 2,
    "=": 4, "<>": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "IN": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_COMPARE: Final = 4
_RESERVED: Final = frozenset(
    ("SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "CASE", "WHEN", "THEN", "ELSE", "END")
)
_HINTS: Final = {
    "LIKE": "LIKE is not part of the language: use regexp_matches(), startswith() or endswith()",
    "BETWEEN": "BETWEEN is not part of the language: write a >= x AND a <= y",
    "IS": "IS is not part of the language: use isNull() or isUndefined()",
    "GROUP": "GROUP BY is not part of the language: a rule sees one message at a time",
    "ORDER": "ORDER BY is not part of the language: a rule sees one message at a time",
    "JOIN": "JOIN is not part of the language: a rule sees one message at a time",
    "SET": "SET stands once, before SELECT; separate several variables by commas",
}
_LITERALS: Final[dict[str, bool | None]] = {"TRUE": True, "FALSE": False, "NULL": None}


class Parser:
    """One pass over the tokens of one text."""

    def __init__(self, text: str, version: int, start: int = 0, end: int | None = None) -> None:
        if len(text) > MAX_STATEMENT:
            raise RuleError(f"a rule has at most {MAX_STATEMENT} characters, this one has {len(text)}")
        self._text = text
        self._version = version
        self._tokens = list(tokens(text, start, end))
        self._next = 0
        self._depth = 0

    # -- statements ---------------------------------------------------------------------------------

    def statement(self) -> Statement:
        """[SET …] SELECT … [FROM 'filter'] [WHERE …]."""
        variables = self._variables() if self._is("SET") else ()
        self._expect("SELECT", "a statement begins with SELECT")
        is_value, items = self._items()
        topic_filter = self._topic_filter() if self._take("FROM") else None
        where = self.expression() if self._take("WHERE") else None
        self._finish("WHERE, a comma, an operator or the end")
        return Statement(variables, Select(items, is_value, None, None, where), topic_filter)

    def only_expression(self) -> Node:
        """One expression and nothing after it."""
        node = self.expression()
        self._finish("an operator or the closing }")
        return node

    def _variables(self) -> tuple[tuple[str, Node], ...]:
        self._next += 1
        found: dict[str, Node] = {}
        while True:
            token = self._advance()
            name = token.text[1:]
            if token.kind != "variable":
                raise self._error("SET is followed by @name = value", token)
            if len(name) > MAX_VARIABLE:
                raise self._error(f"the name of a variable has at most {MAX_VARIABLE} letters", token)
            if name in found:
                raise self._error(f"@{name} is assigned twice; each variable is assigned once", token)
            self._expect("=", f"@{name} is followed by = and its value")
            found[name] = self.expression()
            if not self._take(","):
                return tuple(found.items())

    def _items(self) -> tuple[bool, tuple[Item, ...]]:
        is_value = self._is("VALUE") and self._begins_value()
        self._next += is_value
        items = [self._item(named=not is_value)]
        while (comma := self._peek()).text == "," and self._take(","):
            if self._is("FROM"):
                break
            if is_value:
                raise self._error("SELECT VALUE takes one item", comma)
            items.append(self._item(named=True))
        return is_value, tuple(items)

    def _begins_value(self) -> bool:
        word, after, beyond = self._peek(), self._peek(1), self._peek(2)
        if after.text == "-":  # VALUE -1, but value-1 and value - 1
            return after.at > word.at + len(word.text) and beyond.at == after.at + 1
        if after.text == "*":
            return beyond.kind == "end" or beyond.word in {"FROM", "AS", "WHERE"} or beyond.text in {",", ")"}
        if after.kind == "name":
            return after.word not in {"FROM", "AS", "AND", "OR", "IN", "WHERE"}
        return after.kind in {"string", "number", "variable"} or after.text in {"(", "[", "{"}

    def _item(self, *, named: bool) -> Item:
        start = self._peek()
        value = self.expression()
        if self._take("AS"):
            path = [self._word("AS is followed by a name")]
            while self._take("."):
                path.append(self._word("a name follows the dot"))
            return Item(value, tuple(path))
        if isinstance(value, Star) or not named:
            return Item(value, ())
        name = _own_name(value)
        if name is None:
            raise self._error("this needs a name in the result: write AS and a name after it", start)
        return Item(value, (name,))

    def _topic_filter(self) -> str:
        token = self._advance()
        if token.kind != "string" or not token.text.startswith("'"):
            raise self._error("the topic filter stands in single quotes, as in FROM 'kf99/topic'", token)
        topic_filter = unquote(token.text)
        problem = check_filter(topic_filter)
        if problem:
            raise self._error(problem, token)
        return topic_filter

    # -- expressions --------------------------------------------------------------------------------

    def expression(self, level: int = 1) -> Node:
        """An expression whose operators bind at least as tightly as `level`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"the statement is nested deeper than {MAX_DEPTH} levels", self._peek())
        left = self._prefix()
        while (found := _LEVELS.get(self._operator(), 0)) >= level:
            left = self._chain(left, found)
        self._depth -= 1
        return left

    def _chain(self, first: Node, level: int) -> Node:
        at, rest = self._peek().at, []
        while _LEVELS.get(operator := self._operator(), 0) == level:
            self._next += 1
            if operator == "=" and self._peek().text == "=":
                raise self._error("'==' is not an operator here: write =", self._peek())
            rest.append((operator, self.expression(level + 1)))
        return Chain(first, tuple(rest), at)

    def _operator(self) -> str:
        token = self._peek()
        return token.text if token.kind == "operator" else token.word

    def _prefix(self) -> Node:
        token = self._peek()
        if self._take("NOT"):
            return Prefix("NOT", self.expression(_COMPARE), token.at)
        if self._take("-"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise self._error(f"the statement is nested deeper than {MAX_DEPTH} levels", token)
            operand = self._prefix()
            self._depth -= 1
            if isinstance(operand, Literal) and type(operand.value) in (int, float):
                return Literal(-operand.value, token.at)
            return Prefix("-", operand, token.at)
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._primary()
        members = 0
        while (dot := self._peek()).text == "." and self._take("."):
            members += 1
            if members > MAX_DEPTH:
                raise self._error(f"a path has at most {MAX_DEPTH} members", dot)
            node = Member(node, self._word("a name follows the dot; for other keys use get(object, 'key')"), dot.at)
        return node

    def _primary(self) -> Node:
        token = self._advance()
        match token.kind:
            case "number":
                return Literal(decode_text(_json_number(token.text), self._version), token.at)
            case "string":
                return Literal(unquote(token.text), token.at)
            case "variable":
                return Variable(token.text[1:], token.at)
            case "name":
                return self._named(token)
        match token.text:
            case "*":
                return Star(token.at)
            case "(":
                return self._parenthesis(token)
            case "[":
                return ArrayLiteral(tuple(self._list("]")), token.at)
            case "{":
                return self._object(token)
        raise self._error("a value is expected here", token)

    def _named(self, token: Token) -> Node:
        word = token.word
        if word in _LITERALS:
            return Literal(_LITERALS[word], token.at)
        if word == "CASE":
            return self._case(token)
        if word == "EXISTS" and self._peek().text == "(" and self._peek(1).word == "SELECT":
            self._next += 2
            return self._subquery(token, exists=True)
        if word in _RESERVED:
            hint = f"{word} cannot stand here; a key of that name is reached by get(*, '{token.text}')"
            raise self._error(_HINTS.get(word, hint), token)
        if self._peek().text != "(":
            return Attribute(token.text, token.at)
        self._next += 1
        if word == "CAST":
            return self._cast(token)
        return Call(token.text.lower(), tuple(self._list(")")), token.at)

    def _cast(self, token: Token) -> Node:
        value = self.expression()
        self._expect("AS", "write cast(value as type)")
        kind = self._word("write cast(value as type)").lower()
        self._expect(")", "cast(value as type) ends with )")
        return Cast(value, kind, token.at)

    def _case(self, token: Token) -> Node:
        subject = self.expression()
        branches = []
        while self._take("WHEN"):
            test = self.expression()
            self._expect("THEN", "WHEN … is followed by THEN")
            branches.append((test, self.expression()))
        if not branches:
            raise self._error("CASE needs at least one WHEN … THEN …", self._peek())
        otherwise = self.expression() if self._take("ELSE") else None
        self._expect("END", "CASE ends with END")
        return Case(subject, tuple(branches), otherwise, token.at)

    def _parenthesis(self, token: Token) -> Node:
        if self._take("SELECT"):
            return self._subquery(token, exists=False)
        node = self.expression()
        self._expect(")", "a closing ) is missing")
        return node

    def _subquery(self, token: Token, *, exists: bool) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"the statement is nested deeper than {MAX_DEPTH} levels", token)
        is_value, items = self._items()
        self._expect("FROM", "a nested SELECT needs FROM and a path into the payload")
        if self._peek().kind == "string":
            raise self._error("a nested SELECT looks into the payload: FROM takes a path, not a topic", self._peek())
        source = self._postfix()
        alias = self._word("AS is followed by a name") if self._take("AS") else None
        where = self.expression() if self._take("WHERE") else None
        self._expect(")", "the nested SELECT lacks its closing )")
        self._depth -= 1
        return Subquery(Select(items, is_value, source, alias, where), exists, token.at)

    def _list(self, close: str) -> list[Node]:
        items: list[Node] = []
        if self._take(close):
            return items
        while True:
            items.append(self.expression())
            if self._take(close):
                return items
            self._expect(",", f"a comma or {close} is expected here")

    def _object(self, token: Token) -> Node:
        members: list[tuple[str, Node]] = []
        while not self._take("}"):
            key = self._advance()
            if key.kind != "string":
                raise self._error("the keys of an object are texts in quotes", key)
            self._expect(":", "a key is followed by : and its value")
            members.append((unquote(key.text), self.expression()))
            if not self._take(","):
                self._expect("}", "a comma or } is expected here")
                break
        return ObjectLiteral(tuple(members), token.at)

    # -- tokens -------------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _advance(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _is(self, sign: str) -> bool:
        token = self._peek()
        return token.word == sign or (token.kind == "operator" and token.text == sign)

    def _take(self, sign: str) -> bool:
        if not self._is(sign):
            return False
        self._next += 1
        return True

    def _expect(self, sign: str, sentence: str) -> None:
        if not self._take(sign):
            token = self._peek()
            raise self._error(_HINTS.get(token.word, f"{sentence}, but {_described(token)} stands here"), token)

    def _word(self, sentence: str) -> str:
        token = self._advance()
        if token.kind != "name":
            raise self._error(sentence, token)
        return token.text

    def _finish(self, expected: str) -> None:
        token = self._peek()
        if token.kind != "end":
            sentence = f"{expected} is expected here, but {_described(token)} stands here"
            raise self._error(_HINTS.get(token.word, sentence), token)

    def _error(self, sentence: str, token: Token) -> RuleError:
        return RuleError(sentence, self._text, token.at)


def _described(token: Token) -> str:
    return "nothing" if token.kind == "end" else f"{token.text[:40]!r}"


def _json_number(text: str) -> str:
    """A number of the statement as JSON spells it: no bare point, no leading zeros."""
    head = text.lstrip("0")
    return head if head[:1].isdigit() else "0" + head


def _own_name(node: Node) -> str | None:
    """The key of an expression without AS: the last part of its path, or the function's name."""
    match node:
        case Attribute(name) | Member(_, name) | Variable(name) | Call(name):
            return name
        case Cast():
            return "cast"
    return None
