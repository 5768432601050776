"""The statement as a tree. `at` is the place in the text, for error sentences."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from edge_mask.sql.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, Boolean or null written in the statement."""

    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A key of the payload, or of the element that a nested SELECT looks at."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`."""

    base: "Node"
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Star:
    """`*`: everything."""

    at: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`@name`, assigned by SET."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function, its name in lower case."""

    name: str
    arguments: "tuple[Node, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Cast:
    """`cast(value as kind)`, the kind in lower case."""

    value: "Node"
    kind: str
    at: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """`NOT x` or `- x`."""

    operator: str
    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class OperatorChain:
    """`first op x op y …`, from left to right; the operators bind equally."""

    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """`CASE subject WHEN a THEN b … ELSE c END`."""

    subject: "Node"
    branches: "tuple[tuple[Node, Node], ...]"
    otherwise: "Node | None"
    at: int


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """`[a, b]`."""

    items: "tuple[Node, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    """`{'a': b}`."""

    members: "tuple[tuple[str, Node], ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(SELECT … FROM path WHERE …)`; `exists` asks only whether it finds anything."""

    select: "Select"
    exists: bool
    at: int


Node = (
    Literal
    | Attribute
    | Member
    | Star
    | Variable
    | Call
    | Cast
    | Prefix
    | OperatorChain
    | Case
    | ArrayLiteral
    | ObjectLiteral
    | Subquery
)


@dataclass(frozen=True, slots=True)
class Item:
    """One selected expression and the path of keys it goes to (empty for a bare `*`)."""

    value: Node
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, with the path a nested one looks into and the name it gives to each element."""

    items: tuple[Item, ...]
    is_value: bool
    source: Node | None
    alias: str | None
    where: Node | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole rule: its variables, its SELECT, and the topic filter (None: Basic Ingest only)."""

    variables: tuple[tuple[str, Node], ...]
    select: Select
    topic_filter: str | None


def children(node: Node) -> Iterator[Node]:
    """The expressions directly inside an expression."""
    yield from _nodes(tuple(getattr(node, field.name) for field in fields(node)))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _nodes(part)
    elif isinstance(value, Select):
        yield from _nodes((tuple(item.value for item in value.items), value.source, value.where))
