"""The page of the demo: on loopback, for one user, who is made for this run and gone with it."""

import secrets
import socket
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edge_mask.settings.web import EXTRA, missing_libraries

_HOST: Final = "127.0.0.1"
_USUAL: Final = 8080
_NAME: Final = "demo"
NONE: Final = f"Page: none; {EXTRA} gives one"


@dataclass(frozen=True, slots=True)
class DemoPage:
    """Where it is, and who may look at it."""

    port: int
    password: str

    @property
    def section(self) -> Mapping[str, Any]:
        """For the configuration."""
        return {"enabled": True, "host": _HOST, "port": self.port}

    @property
    def line(self) -> str:
        """For whoever watches."""
        return f"Page: {self.address}    user {_NAME}, password {self.password}"

    @property
    def address(self) -> str:
        return f"http://{_HOST}:{self.port}/"

    def is_served(self) -> bool:
        """Whether a browser would find it."""
        try:
            socket.create_connection((_HOST, self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def open(self) -> None:
        """In the browser of whoever watches, which may take as long as it likes."""
        threading.Thread(target=webbrowser.open, args=(self.address,), name="browser", daemon=True).start()


def page_beside(database: Path) -> DemoPage | None:
    """A free port, and a user beside this database; None where the packages of the page are not installed."""
    if missing_libraries():
        return None
    from edge_mask.web.accounts.accounts import register_beside
    from edge_mask.web.accounts.hashing import Hasher
    from edge_mask.web.rights import Role

    page = DemoPage(_free_port(), f"{secrets.randbelow(10**6):06}-{secrets.randbelow(10**6):06}")
    hashed, now = Hasher().hashed(page.password), datetime.now(UTC).isoformat(timespec="seconds")
    register_beside(database).change(
        lambda register: (register.with_user(_NAME, Role.OPERATOR, hashed, now.replace("+00:00", "Z")), None)
    )
    return page


def _free_port() -> int:
    """The usual one, if nobody has it."""
    for port in (_USUAL, 0):
        with suppress(OSError), closing(socket.create_server((_HOST, port))) as probe:
            return int(probe.getsockname()[1])
    return _USUAL
