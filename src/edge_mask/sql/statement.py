"""A rule's statement, ready to run: `compile_rule` and what it returns."""

from collections.abc import Callable, Mapping
from typing import Final

from edge_mask.sql.ast import Select, Star
from edge_mask.sql.compile import Compiler, is_quick
from edge_mask.sql.errors import EvaluationError, RuleError
from edge_mask.sql.json import to_payload
from edge_mask.sql.parser import Parser
from edge_mask.sql.rule_input import NOWHERE, Context, RuleInput
from edge_mask.sql.text import check_size, size_of
from edge_mask.sql.topics import BASIC_INGEST, topic_matches, without_basic_ingest
from edge_mask.sql.values import NO_MATCH, Value

DEFAULT_VERSION: Final = "2015-10-08"
"""AWS's default for a rule without a version."""

_MANY: Final = 32
"""Pieces of the message: a result with more is measured before it is written."""

VERSIONS: Final = {"2015-10-08": 1, "2016-03-23": 2, "beta": 2}


class CompiledRule:
    """One statement, compiled. It holds no state between messages and may be used for any number of them."""

    def __init__(self, sql: str, version: str) -> None:
        if version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise RuleError(f"awsIotSqlVersion {version!r} does not exist; there are {known}")
        self.sql = sql
        self.version = version
        self.number = VERSIONS[version]
        statement = Parser(sql, self.number).statement()
        self.topic_filter = statement.topic_filter
        compiler = Compiler(sql, self.number, version)
        self._variables = [(name, compiler.declare(name, node)) for name, node in statement.variables]
        self.variables: Mapping[str, int] = compiler.variables
        """What SET assigns, for the templates of the rule's actions."""
        select = statement.select
        compiler.check_weight([] if select.where is None else [select.where])
        self.has_quick_where = select.where is None or is_quick(select.where)
        """Whether WHERE is short and calls nothing: then it needs no time limit."""
        self._where = None if select.where is None else compiler.condition(select.where)
        self.where = None if self._variables or compiler.has_subqueries else self._where
        """WHERE as a function of (scope, message), to test many rules cheaply; None when it needs more."""
        weight = compiler.check_weight([item.value for item in select.items])
        self._project = compiler.project(select)
        self._can_grow = bool(self._variables) or compiler.has_subqueries or weight > _MANY
        self._is_star = _is_star(select)
        self.cloud_functions = frozenset(compiler.cloud)
        """Functions in this statement that only AWS can compute; with any of them it does not run here."""
        self.warnings = tuple(compiler.warnings)
        self._matches = _matcher(self.topic_filter)

    def evaluate(self, topic: str, payload: bytes, context: Context = NOWHERE) -> Value:
        """The outgoing value, or NO_MATCH; EvaluationError when this message cannot be worked on."""
        return self.run(RuleInput(topic, payload, context)) if self._matches(topic) else NO_MATCH

    def run(self, message: RuleInput) -> Value:
        """`evaluate` for a message whose topic is known to match."""
        try:
            return self._run(message, self._project)
        except RecursionError:
            raise EvaluationError("the payload is nested too deep for this statement") from None

    def output(self, message: RuleInput, *, is_asked: bool = False) -> Value:
        """`run` in the bytes that are published, or NO_MATCH. `SELECT *` hands the payload's own bytes on.

        `is_asked`: the caller has tested `where` already, and it was true.
        """
        try:
            if self._is_star:
                return message.payload if is_asked else self._run(message, _own_bytes)
            if is_asked:
                message.begin()
                return self._written(self._project(message.json(self.number), message))
            value = self._run(message, self._project)
        except RecursionError:
            raise EvaluationError("the payload is nested too deep for this statement") from None
        return value if value is NO_MATCH else self._written(value)

    def assign(self, message: RuleInput) -> Value:
        """Compute the variables into the message; returns the scope of the statement."""
        message.begin()
        scope = message.json(self.number)
        for name, value in self._variables:
            message.variables[name] = value(scope, message)
        return scope

    def _written(self, value: Value) -> bytes:
        if self._can_grow:
            check_size(size_of(value))
        return to_payload(value)

    def _run(self, message: RuleInput, project: Callable[[Value, RuleInput], Value]) -> Value:
        if self._where is None and not self._variables and project is _own_bytes:
            return message.payload
        scope = self.assign(message)
        if self._where is not None and not self._where(scope, message):
            return NO_MATCH
        return project(scope, message)


def _own_bytes(_scope: Value, message: RuleInput) -> Value:
    return message.payload


def _is_star(select: Select) -> bool:
    return len(select.items) == 1 and isinstance(select.items[0].value, Star) and not select.items[0].path


def _matcher(topic_filter: str | None) -> Callable[[str], bool]:
    if topic_filter is None:
        return lambda topic: topic.startswith(BASIC_INGEST)
    if "+" in topic_filter or "#" in topic_filter:
        return lambda topic: topic_matches(topic_filter, without_basic_ingest(topic))
    return lambda topic: topic == topic_filter or without_basic_ingest(topic) == topic_filter


def compile_rule(sql: str, version: str = DEFAULT_VERSION) -> CompiledRule:
    """The statement, compiled once; RuleError with line, column and a sentence when it cannot be run."""
    return CompiledRule(sql, version)
