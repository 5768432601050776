"""How a function is described: its name, how many arguments it takes, and since which version it exists."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from edge_mask.sql.values import Value

Body = Callable[..., Value]


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
) -> Callable[[Body], Body]:
    """Enter the decorated body as the function `name` that takes `least` to `most` arguments (None: any number)."""

    def enter(body: Body) -> Body:
        upper = least if most == -1 else most
        FUNCTIONS[name.lower()] = Function(name, body, least, upper, since, sees_message, runs_in_aws)
        return body

    return enter
