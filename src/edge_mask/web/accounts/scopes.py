"""Who may do what: the two roles of people, and the scopes that a role or a token has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from edge_mask.errors import Refused
from edge_mask.suggest import did_you_mean

Role = Literal["viewer", "operator"]
Scope = Literal["infer", "read", "control", "metrics"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
SCOPES_OF: Final[Mapping[Role, frozenset[Scope]]] = {"viewer": frozenset({"read"}), "operator": frozenset(SCOPES)}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person with a session, or a program with a token."""

    name: str
    scopes: frozenset[Scope]
    role: Role | None = None
    """None for a program: pages are for people."""
    session: str | None = None
    """Tells the sessions of one user apart; not what the cookie holds."""
    token: str | None = None
    """Likewise for tokens."""


def in_order(scopes: Iterable[Scope]) -> list[Scope]:
    """As they are always written."""
    held = set(scopes)
    return [scope for scope in SCOPES if scope in held]


def scopes_from(text: str) -> frozenset[Scope]:
    """`read,metrics`. Raises Refused."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in SCOPES:
            hint = did_you_mean(word, SCOPES)
            raise Refused(f'"{word}" is no scope; allowed: one or several of {",".join(SCOPES)}{hint}')
    return frozenset(scope for scope in SCOPES if scope in words)
