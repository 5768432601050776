"""Where the nucleus listens and what lets us in: a component learns both from its environment."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_mask.errors import Refused, TryLater

SOCKET = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
TOKEN = "SVCUID"  # noqa: S105 (the name of a variable)
_LONGEST = 107
"""Bytes of the path of a socket (unix(7): sun_path has 108, with the NUL at its end)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A socket, and the token that the nucleus gave this component for it."""

    socket: Path
    token: str = field(repr=False)


def is_component(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a nucleus started this process."""
    env = os.environ if environ is None else environ
    return bool(env.get(SOCKET) and env.get(TOKEN))


def place_of_component(environ: Mapping[str, str] | None = None) -> Place:
    """The place from the environment. Raises Refused when the nucleus did not start us."""
    env = os.environ if environ is None else environ
    missing = [name for name in (TOKEN, SOCKET) if not env.get(name)]
    if missing:
        raise Refused(
            f"greengrass: this only works in a Greengrass component: the nucleus sets {TOKEN} and {SOCKET} for it, and"
            f" {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there; deploy edge-mask as a"
            " component, or choose another mqtt.transport"
        )
    path = Path(env[SOCKET])
    if len(os.fsencode(path)) > _LONGEST:
        raise Refused(f"greengrass: the path in {SOCKET} is too long: a socket's path has at most {_LONGEST} bytes")
    return Place(path, env[TOKEN])


def require_socket(path: Path) -> None:
    """Raises TryLater with the reason why nobody can connect there."""
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise TryLater(f"the nucleus's socket {path} may not be opened by this user") from error
    except OSError as error:
        raise TryLater(
            f"the nucleus's socket {path} is not there ({error.strerror}): Greengrass is stopped or starting"
        ) from error
    if not stat.S_ISSOCK(mode):
        raise TryLater(f"{path} is no socket: the nucleus is not there")
