"""Texts with `${expression}` inside: the fields of actions."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from edge_mask.sql.ast import Node
from edge_mask.sql.compile import Compiler
from edge_mask.sql.errors import EvaluationError, RuleError
from edge_mask.sql.parser import Parser
from edge_mask.sql.rule_input import NOWHERE, Context, RuleInput
from edge_mask.sql.statement import DEFAULT_VERSION, VERSIONS
from edge_mask.sql.text import check_size, to_text
from edge_mask.sql.values import UNDEFINED, Value

_OPEN: Final = "${"


class Template:
    """A text whose `${…}` are compiled; each is evaluated against the payload as it came in.

    `variables`: what SET assigns in the statement of the same rule (`CompiledRule.variables`); the message holds them.
    """

    def __init__(
        self, text: str, version: str = DEFAULT_VERSION, variables: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        if version not in VERSIONS:
            raise RuleError(f"awsIotSqlVersion {version!r} does not exist; there are {', '.join(VERSIONS)}")
        self.text = text
        self._number = VERSIONS[version]
        compiler = Compiler(text, self._number, version, variables)
        self._parts: list[str | Callable[[Value, RuleInput], Value]] = []
        self._nodes: list[Node] = []
        """The expressions, in the order of their closures."""
        at = 0
        while (start := text.find(_OPEN, at)) >= 0:
            end = _closing(text, start + len(_OPEN))
            node = Parser(text, self._number, start + len(_OPEN), end).only_expression()
            compiler.check_weight([node])
            self._nodes.append(node)
            self._parts += [text[at:start], compiler.tidy(node)]
            at = end + 1
        self._parts.append(text[at:])
        self.cloud_functions = frozenset(compiler.cloud)
        self.uses_shadow = "get_thing_shadow" in text.lower()

    @property
    def nodes(self) -> Sequence[Node]:
        """Its expressions, from left to right."""
        return self._nodes

    def render(self, message: RuleInput, beside: Mapping[str, Value] = MappingProxyType({})) -> str:
        """The text for one message; Undefined and null become nothing. `beside`: fields for where it has none."""
        if len(self._parts) == 1:
            return self.text
        try:
            scope = message.json(self._number)
            if beside and (scope is UNDEFINED or isinstance(scope, dict)):
                scope = {**beside, **(scope if isinstance(scope, dict) else {})}
            texts = [part if isinstance(part, str) else _shown(part(scope, message)) for part in self._parts]
        except RecursionError:
            raise EvaluationError("the payload is nested too deep for this template") from None
        size = sum(map(len, texts))
        check_size(size)
        message.grow(size)
        return "".join(texts)

    def outline(self, message: RuleInput, is_known: Callable[[Node], bool]) -> list[str | None]:
        """Its parts for one message, from left to right; None for each expression that `is_known` denies.

        Raises EvaluationError when the text cannot be made of such a message at all.
        """
        nodes = iter(self._nodes)
        scope = message.json(self._number)
        return [
            part if isinstance(part, str) else _shown(part(scope, message)) if is_known(next(nodes)) else None
            for part in self._parts
        ]


def _shown(value: Value) -> str:
    text = to_text(value)
    return "" if text is UNDEFINED else str(text)


def _closing(text: str, at: int) -> int:
    """Where the `}` stands that ends an expression beginning at `at`; texts and braces inside it are skipped."""
    start, depth, quote = at, 0, ""
    while at < len(text):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    raise RuleError("${ is not closed by }", text, start - len(_OPEN))


@lru_cache(maxsize=256)
def _compiled(text: str, version: str) -> Template:
    return Template(text, version)


def render_template(
    text: str, topic: str, payload: bytes, context: Context = NOWHERE, version: str = DEFAULT_VERSION
) -> str:
    """`text` with each `${expression}` replaced; RuleError for a faulty expression."""
    return _compiled(text, version).render(RuleInput(topic, payload, context))
