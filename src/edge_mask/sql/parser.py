"""From text to tree: a statement, or the expression inside `${…}`."""

from typing import Final

from edge_mask.sql.ast import (
    ArrayLiteral,
    Attribute,
    Call,
    Case,
    Cast,
    Item,
    Literal,
    Member,
    Node,
    ObjectLiteral,
    OperatorChain,
    Prefix,
    Select,
    Star,
    Statement,
    Subquery,
    Variable,
)
from edge_mask.sql.json import decode_text
from edge_mask.sql.lexer import HINTS, MAX_DEPTH, Cursor, Token, unquote
from edge_mask.sql.topics import check_filter

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
_LITERALS: Final[dict[str, bool | None]] = {"TRUE": True, "FALSE": False, "NULL": None}


class Parser(Cursor):
    """One pass over the tokens of one text."""

    def __init__(self, text: str, version: int, start: int = 0, end: int | None = None) -> None:
        super().__init__(text, start, end)
        self._version = version

    # -- statements ---------------------------------------------------------------------------------

    def statement(self) -> Statement:
        """[SET …] SELECT … [FROM 'filter'] [WHERE …]."""
        variables = self._variables() if self.stands("SET") else ()
        self.expect("SELECT", "a statement begins with SELECT")
        is_value, items = self._items()
        topic_filter = self._topic_filter() if self.take("FROM") else None
        where = self.expression() if self.take("WHERE") else None
        self.finish("WHERE, a comma, an operator or the end")
        return Statement(variables, Select(items, is_value, None, None, where), topic_filter)

    def only_expression(self) -> Node:
        """One expression and nothing after it."""
        node = self.expression()
        self.finish("an operator or the closing }")
        return node

    def _variables(self) -> tuple[tuple[str, Node], ...]:
        self._next += 1
        found: dict[str, Node] = {}
        while True:
            token = self.advance()
            name = token.text[1:]
            if token.kind != "variable":
                raise self.error("SET is followed by @name = value", token)
            if len(name) > MAX_VARIABLE:
                raise self.error(f"the name of a variable has at most {MAX_VARIABLE} letters", token)
            if name in found:
                raise self.error(f"@{name} is assigned twice; each variable is assigned once", token)
            self.expect("=", f"@{name} is followed by = and its value")
            found[name] = self.expression()
            if not self.take(","):
                return tuple(found.items())

    def _items(self) -> tuple[bool, tuple[Item, ...]]:
        is_value = self.stands("VALUE") and self._begins_value()
        self._next += is_value
        items = [self._item(named=not is_value)]
        while (comma := self.peek()).text == "," and self.take(","):
            if self.stands("FROM"):
                break
            if is_value:
                raise self.error("SELECT VALUE takes one item", comma)
            items.append(self._item(named=True))
        return is_value, tuple(items)

    def _begins_value(self) -> bool:
        word, after, beyond = self.peek(), self.peek(1), self.peek(2)
        if after.text == "-":  # VALUE -1, but value-1 and value - 1
            return after.at > word.at + len(word.text) and beyond.at == after.at + 1
        if after.text == "*":
            return beyond.kind == "end" or beyond.word in {"FROM", "AS", "WHERE"} or beyond.text in {",", ")"}
        if after.kind == "name":
            return after.word not in {"FROM", "AS", "AND", "OR", "IN", "WHERE"}
        return after.kind in {"string", "number", "variable"} or after.text in {"(", "[", "{"}

    def _item(self, *, named: bool) -> Item:
        start = self.peek()
        value = self.expression()
        if self.take("AS"):
            path = [self.word("AS is followed by a name")]
            while self.take("."):
                path.append(self.word("a name follows the dot"))
            return Item(value, tuple(path))
        if isinstance(value, Star) or not named:
            return Item(value, ())
        name = _own_name(value)
        if name is None:
            raise self.error("this needs a name in the result: write AS and a name after it", start)
        return Item(value, (name,))

    def _topic_filter(self) -> str:
        token = self.advance()
        if token.kind != "string" or not token.text.startswith("'"):
            raise self.error("the topic filter stands in single quotes, as in FROM 'kf99/topic'", token)
        topic_filter = unquote(token.text)
        problem = check_filter(topic_filter)
        if problem:
            raise self.error(problem, token)
        return topic_filter

    # -- expressions --------------------------------------------------------------------------------

    def expression(self, level: int = 1) -> Node:
        """An expression whose operators bind at least as tightly as `level`."""
        with self.deeper():
            left = self._prefix()
            while (found := _LEVELS.get(self._operator(), 0)) >= level:
                left = self._chain(left, found)
        return left

    def _chain(self, first: Node, level: int) -> Node:
        at, rest = self.peek().at, []
        while _LEVELS.get(operator := self._operator(), 0) == level:
            self._next += 1
            if operator == "=" and self.peek().text == "=":
                raise self.error("'==' is not an operator here: write =", self.peek())
            rest.append((operator, self.expression(level + 1)))
        return OperatorChain(first, tuple(rest), at)

    def _operator(self) -> str:
        token = self.peek()
        return token.text if token.kind == "operator" else token.word

    def _prefix(self) -> Node:
        token = self.peek()
        if self.take("NOT"):
            return Prefix("NOT", self.expression(_COMPARE), token.at)
        if self.take("-"):
            with self.deeper():
                operand = self._prefix()
            if isinstance(operand, Literal) and type(operand.value) in (int, float):
                return Literal(-operand.value, token.at)
            return Prefix("-", operand, token.at)
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._primary()
        members = 0
        while (dot := self.peek()).text == "." and self.take("."):
            members += 1
            if members > MAX_DEPTH:
                raise self.error(f"a path has at most {MAX_DEPTH} members", dot)
            node = Member(node, self.word("a name follows the dot; for other keys use get(object, 'key')"), dot.at)
        return node

    def _primary(self) -> Node:
        token = self.advance()
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
        raise self.error("a value is expected here", token)

    def _named(self, token: Token) -> Node:
        word = token.word
        if word in _LITERALS:
            return Literal(_LITERALS[word], token.at)
        if word == "CASE":
            return self._case(token)
        if word == "EXISTS" and self.peek().text == "(" and self.peek(1).word == "SELECT":
            self._next += 2
            return self._subquery(token, exists=True)
        if word in _RESERVED:
            hint = f"{word} cannot stand here; a key of that name is reached by get(*, '{token.text}')"
            raise self.error(HINTS.get(word, hint), token)
        if self.peek().text != "(":
            return Attribute(token.text, token.at)
        self._next += 1
        if word == "CAST":
            return self._cast(token)
        return Call(token.text.lower(), tuple(self._list(")")), token.at)

    def _cast(self, token: Token) -> Node:
        value = self.expression()
        self.expect("AS", "write cast(value as type)")
        kind = self.word("write cast(value as type)").lower()
        self.expect(")", "cast(value as type) ends with )")
        return Cast(value, kind, token.at)

    def _case(self, token: Token) -> Node:
        if self.stands("WHEN"):
            raise self.error("CASE needs a value to compare: CASE a > 30 WHEN true THEN …", self.peek())
        subject = self.expression()
        branches = []
        while self.take("WHEN"):
            test = self.expression()
            self.expect("THEN", "WHEN … is followed by THEN")
            branches.append((test, self.expression()))
        if not branches:
            raise self.error("CASE needs at least one WHEN … THEN …", self.peek())
        otherwise = self.expression() if self.take("ELSE") else None
        self.expect("END", "CASE ends with END")
        return Case(subject, tuple(branches), otherwise, token.at)

    def _parenthesis(self, token: Token) -> Node:
        if self.take("SELECT"):
            return self._subquery(token, exists=False)
        node = self.expression()
        self.expect(")", "a closing ) is missing")
        return node

    def _subquery(self, token: Token, *, exists: bool) -> Node:
        with self.deeper():
            is_value, items = self._items()
            self.expect("FROM", "a nested SELECT needs FROM and a path into the payload")
            if self.peek().kind == "string":
                sentence = "a nested SELECT looks into the payload: FROM takes a path, not a topic"
                raise self.error(sentence, self.peek())
            source = self._postfix()
            alias = self.word("AS is followed by a name") if self.take("AS") else None
            where = self.expression() if self.take("WHERE") else None
            self.expect(")", "the nested SELECT lacks its closing )")
        return Subquery(Select(items, is_value, source, alias, where), exists, token.at)

    def _list(self, close: str) -> list[Node]:
        items: list[Node] = []
        if self.take(close):
            return items
        while True:
            items.append(self.expression())
            if self.take(close):
                return items
            self.expect(",", f"a comma or {close} is expected here")

    def _object(self, token: Token) -> Node:
        members: list[tuple[str, Node]] = []
        while not self.take("}"):
            key = self.advance()
            if key.kind != "string":
                raise self.error("the keys of an object are texts in quotes", key)
            self.expect(":", "a key is followed by : and its value")
            members.append((unquote(key.text), self.expression()))
            if not self.take(","):
                self.expect("}", "a comma or } is expected here")
                break
        return ObjectLiteral(tuple(members), token.at)


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
