"""The registry of functions: name, number of arguments, and first version of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from edge_mask.sql.values import Value

Body = Callable[..., Value]
Objection = Callable[[Sequence[str | None]], str]
"""Checks the constant texts among the arguments (None for all others); returns a sentence, or an empty text."""


class Cost(Enum):
    """What a call is charged for."""

    LITTLE = 0
    TIME = 1
    """A call may take long: the clock is checked before each."""
    SPACE = 2
    """It makes arrays or objects: they are measured after each call."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language. With another number of arguments its result is Undefined."""

    name: str
    body: Body
    least: int
    most: int | None
    since: Literal[1, 2] = 1
    """2: only from version 2016-03-23 on."""
    sees_message: bool = False
    """The body takes the message before its arguments."""
    runs_in_aws: bool = False
    cost: Cost = Cost.LITTLE
    objection: Objection | None = None
    """Says why a call with these arguments is refused when the rule is loaded; None when none ever is."""

    def takes(self, count: int) -> bool:
        """Whether a call with `count` arguments means anything."""
        return self.least <= count and (self.most is None or count <= self.most)


FUNCTIONS: Final[dict[str, Function]] = {}
"""By name in lower case; filled by the modules of this folder."""


def function(
    name: str,
    least: int,
    most: int | None = -1,
    *,
    since: Literal[1, 2] = 1,
    sees_message: bool = False,
    runs_in_aws: bool = False,
    cost: Cost = Cost.LITTLE,
    objection: Objection | None = None,
) -> Callable[[Body], Body]:
    """Enter the decorated body as the function `name` that takes `least` to `most` arguments (None: any number)."""

    def enter(body: Body) -> Body:
        upper = least if most == -1 else most
        FUNCTIONS[name.lower()] = Function(name, body, least, upper, since, sees_message, runs_in_aws, cost, objection)
        return body

    return enter
