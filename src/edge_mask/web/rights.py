"""Who may do what: what a route needs, and what a role of people or a scope of tokens opens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Literal, get_args

Scope = Literal["infer", "read", "control", "metrics"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""In the order in which they are written."""


class Role(StrEnum):
    """What a user is."""

    VIEWER = "viewer"
    OPERATOR = "operator"


OF_ROLE: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: frozenset({"read"}),
    Role.OPERATOR: frozenset(SCOPES),
}


class Needs(Enum):
    """What a route asks of whoever calls it; the value is the scope or the role."""

    OPEN = ""
    READ = "read"
    INFER = "infer"
    CONTROL = "control"
    METRICS = "metrics"
    VIEWER = "viewer"
    OPERATOR = "operator"

    @property
    def is_page(self) -> bool:
        """For people with a browser: who is not logged in is sent to the login."""
        return self in (Needs.VIEWER, Needs.OPERATOR)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user with a session, or a token."""

    name: str
    scopes: frozenset[Scope]
    role: Role | None = None
    """None for a token, which sees no page."""
    session: str | None = None
    """Tells the sessions of one user apart; not what the cookie holds."""
    token: str | None = None
    """Likewise for tokens."""
    owner: str | None = None
    """The user to whom a token belongs."""

    @property
    def person(self) -> str:
        """Whose share of what is scarce this takes: sessions and tokens of one user count together."""
        return self.owner or self.name

    def may(self, needs: Needs) -> bool:
        """Whether this is enough for it."""
        match needs:
            case Needs.OPEN:
                return True
            case Needs.VIEWER:
                return self.role is not None
            case Needs.OPERATOR:
                return self.role is Role.OPERATOR
            case _:
                return needs.value in self.scopes


def in_order(scopes: Iterable[Scope]) -> list[Scope]:
    """As they are always written."""
    held = set(scopes)
    return [scope for scope in SCOPES if scope in held]
