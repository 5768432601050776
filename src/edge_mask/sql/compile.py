"""Compiles the tree to closures: each node becomes one function of (scope, message)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, cast

from edge_mask.sql.arithmetic import OPERATORS, ORDERS, logical_not, negate
from edge_mask.sql.ast import (
    ArrayLiteral,
    Attribute,
    Call,
    Case,
    Cast,
    Literal,
    Member,
    Node,
    ObjectLiteral,
    OperatorChain,
    Prefix,
    Select,
    Star,
    Subquery,
    Variable,
    children,
)
from edge_mask.sql.closures import (
    Closure,
    against,
    array,
    attempt,
    attribute,
    attribute_against,
    called,
    cased,
    chained,
    exists,
    logical,
    mapping,
    member,
    query,
    small_number,
)
from edge_mask.sql.errors import RuleError
from edge_mask.sql.functions import FUNCTIONS, Function
from edge_mask.sql.functions.encoding import CAST_KINDS
from edge_mask.sql.functions.encoding import cast as cast_value
from edge_mask.sql.functions.facts import AT_MOST_ONCE
from edge_mask.sql.project import no_array, projection
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.values import UNDEFINED, Value, simple, to_boolean, whole
from edge_mask.suggest import did_you_mean

MAX_REFERENCES: Final = 2000
"""Pieces of the message that one result may be made of, each use of a variable counted for what it holds."""


class Compiler:
    """The state of compiling one statement or template: version, variables, findings."""

    def __init__(
        self, text: str, version: int, version_name: str, variables: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._text = text
        self.version = version
        self._version_name = version_name
        self.cloud: set[str] = set()
        """Functions used that run in AWS."""
        self.warnings: list[str] = []
        self.has_subqueries = False
        self.variables: dict[str, int] = dict(variables)
        """By name, and how many pieces of the message each holds."""
        self._nested = 0
        self._aliases: list[str] = []
        self._once = 0

    def declare(self, name: str, node: Node) -> Closure:
        """The closure of a variable's value; later expressions may name it."""
        self.check_weight([node])
        closure, weight = self.compile(node), self._weight(node)
        self.variables[name] = weight
        return closure

    def compile(self, node: Node) -> Closure:  # noqa: C901  one line for each kind of node
        """The closure of one expression."""
        match node:
            case Literal(value):
                return lambda _scope, _message: value
            case Attribute(name):
                return self._attribute(name)
            case Member(base, name):
                return member(self.compile(base), name)
            case Star():
                return self._star()
            case Variable(name):
                return self._variable(node, name)
            case Call():
                return self._call(node)
            case Cast():
                return self._cast(node)
            case Prefix(operator, operand):
                inner, change = self.compile(operand), logical_not if operator == "NOT" else negate
                return lambda scope, message: change(inner(scope, message))
            case OperatorChain():
                return self._chain(node)
            case Case():
                branches = [(self.compile(test), self.compile(result)) for test, result in node.branches]
                otherwise = None if node.otherwise is None else self.compile(node.otherwise)
                return cased(self.compile(node.subject), branches, otherwise)
            case ArrayLiteral(items):
                self._since_2("a literal array", node)
                return array([self.tidy(item) for item in items])
            case ObjectLiteral(members):
                self._since_2("a literal object", node)
                return mapping([(name, self.tidy(member)) for name, member in members])
            case Subquery():
                self._since_2("a nested SELECT", node)
                return self._subquery(node)

    def condition(self, node: Node) -> Callable[[Value, RuleInput], bool]:
        """WHERE: whether the expression is true; evaluation stops as soon as the answer is fixed."""
        if isinstance(node, OperatorChain) and node.rest[0][0] == "AND":
            parts = [self.compile(part) for part in (node.first, *(part for _sign, part in node.rest))]
            return lambda scope, message: all(to_boolean(part(scope, message)) is True for part in parts)
        if isinstance(node, OperatorChain) and isinstance(node.first, Attribute) and self._is_against_constant(node):
            name, (sign, right) = node.first.name, node.rest[0]
            if name not in self._aliases[-1:]:
                limit = small_number(right) or 0
                return attribute_against(name, ORDERS[sign], OPERATORS[self.version][sign], limit)
        closure = self.compile(node)
        return lambda scope, message: closure(scope, message) is True

    def tidy(self, node: Node) -> Closure:
        """The expression as part of a result: whole numbers are Ints in version 2016-03-23."""
        closure = self.compile(node)
        if isinstance(node, Attribute | Member | Star):
            return closure
        neat = whole if self.version > 1 else simple
        return lambda scope, message: neat(closure(scope, message))

    def check_weight(self, nodes: list[Node]) -> int:
        """How many pieces of the message these hold together; RuleError when that is thousands."""
        weight = sum(map(self._weight, nodes))
        if weight > MAX_REFERENCES:
            raise RuleError(f"the result would be made of more than {MAX_REFERENCES} pieces of the message")
        return weight

    def error(self, sentence: str, at: int) -> RuleError:
        """A RuleError at a place in this text."""
        return RuleError(sentence, self._text, at)

    # -- names --------------------------------------------------------------------------------------

    def _attribute(self, name: str) -> Closure:
        if self._aliases and self._aliases[-1] == name:
            return lambda scope, _message: scope
        return attribute(name)

    def _star(self) -> Closure:
        """`*` inside an expression: everything that is JSON."""
        if self._nested:
            return lambda scope, _message: scope
        version = self.version
        return lambda _scope, message: message.json(version)

    def _item(self, node: Node) -> Closure:
        """A selected item: there `*` is also a binary payload."""
        if not isinstance(node, Star) or self._nested:
            return self.tidy(node)
        version = self.version
        return lambda _scope, message: message.everything(version)

    def _variable(self, node: Variable, name: str) -> Closure:
        if name not in self.variables:
            raise self.error(f"@{name} is not assigned by SET before it is used", node.at)
        return lambda _scope, message: message.variables.get(name, UNDEFINED)

    def _since_2(self, what: str, node: Node) -> None:
        if self.version < 2:
            raise self.error(f"{what} needs awsIotSqlVersion 2016-03-23", node.at)

    # -- operators ----------------------------------------------------------------------------------

    def _chain(self, node: OperatorChain) -> Closure:
        first, sign = node.first, node.rest[0][0]
        if sign in {"AND", "OR"}:
            return logical([self.compile(part) for part in (first, *(part for _sign, part in node.rest))], sign == "OR")
        if self._is_against_constant(node):
            limit = small_number(node.rest[0][1]) or 0
            return against(self.compile(first), ORDERS[sign], OPERATORS[self.version][sign], limit)
        table = OPERATORS[self.version]
        return chained(self.compile(first), [(table[sign], self.compile(part)) for sign, part in node.rest])

    def _is_against_constant(self, node: OperatorChain) -> bool:
        sign, right = node.rest[0]
        return len(node.rest) == 1 and sign in ORDERS and small_number(right) is not None

    # -- functions ----------------------------------------------------------------------------------

    def _call(self, node: Call) -> Closure:
        found = FUNCTIONS.get(node.name)
        if found is None:
            hint = did_you_mean(node.name, [*FUNCTIONS, "cast"])
            raise self.error(f"there is no function {node.name[:80]}(){hint}", node.at)
        if found.since > self.version:
            raise self.error(f"{node.name}() needs awsIotSqlVersion 2016-03-23", node.at)
        self._note_cloud(found, node)
        arguments = [self._argument(argument, node.name) for argument in node.arguments]
        if not found.takes(len(arguments)):
            self.warnings.append(f"{node.name}() with {len(arguments)} arguments is always Undefined")
            return lambda _scope, _message: UNDEFINED
        texts = [a.value if isinstance(a, Literal) and isinstance(a.value, str) else None for a in node.arguments]
        if found.objection is not None and (problem := found.objection(texts)):
            raise self.error(f"{node.name}(): {problem}", node.at)
        if found.name == "get_or_default":
            arguments[0] = attempt(arguments[0])
        if found.name == "sql_version":
            name = self._version_name
            return lambda _scope, _message: name
        return called(found, arguments)

    def _note_cloud(self, found: Function, node: Call) -> None:
        scheme = node.arguments[1] if node.name == "decode" and len(node.arguments) > 2 else None
        if found.runs_in_aws or (isinstance(scheme, Literal) and scheme.value == "proto"):
            self.cloud.add(node.name)
        if found.name == AT_MOST_ONCE:
            self._once += 1
            if self._once > 1:
                raise self.error(f"{AT_MOST_ONCE}() may be called once in a statement", node.at)

    def _argument(self, node: Node, function: str) -> Closure:
        if isinstance(node, Star) and function == "encode" and not self._nested:
            return lambda _scope, message: message.payload
        closure = self.compile(node)
        if self.version < 2 or isinstance(node, Attribute | Member | Star | Literal):
            return closure
        return lambda scope, message: whole(closure(scope, message))

    def _cast(self, node: Cast) -> Closure:
        found = CAST_KINDS.get(node.kind)
        if found is None:
            raise self.error(f"cast() knows no type {node.kind!r}{did_you_mean(node.kind, list(CAST_KINDS))}", node.at)
        kind, since = found
        if since > self.version:
            raise self.error(f"cast(… as {node.kind}) needs awsIotSqlVersion 2016-03-23", node.at)
        inner, version = self.compile(node.value), self.version
        return lambda scope, message: cast_value(inner(scope, message), kind, version)

    # -- arrays, objects, nested SELECT -------------------------------------------------------------

    def _subquery(self, node: Subquery) -> Closure:
        self.has_subqueries = True
        select = node.select
        source = self.compile(cast("Node", select.source))
        self._nested += 1
        self._aliases.append(select.alias or "")
        make, keep = self.project(select), None if select.where is None else self.condition(select.where)
        self._aliases.pop()
        self._nested -= 1

        return exists(query(source, make, keep)) if node.exists else query(source, make, keep)

    def project(self, select: Select) -> Closure:
        """The closure that makes a SELECT's result from one scope."""
        items = [(self._item(item.value), item.path, isinstance(item.value, Star)) for item in select.items]
        if not select.is_value:
            return projection(items)
        return items[0][0] if self.version > 1 else no_array(items[0][0])

    def _weight(self, node: Node) -> int:
        """How many pieces of the message the value of `node` can hold."""
        if isinstance(node, Variable):
            return max(1, self.variables.get(node.name, 1))
        return isinstance(node, Attribute | Star) + sum(map(self._weight, children(node)))


def is_quick(node: Node, most: int = 32) -> bool:
    """Whether an expression calls nothing and has few parts."""
    waiting = [node]
    while waiting and most > 0:
        most -= 1
        part = waiting.pop()
        if isinstance(part, Call | Subquery | Cast):
            return False
        waiting.extend(children(part))
    return not waiting
