"""The accounts as the web asks them: who has this cookie, or this token; cookies are given and taken back."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge_mask.web.access import Principal, Shown, shown_by
from edge_mask.web.accounts.accounts import Accounts
from edge_mask.web.accounts.sessions import LONGEST
from edge_mask.web.site import site_of

_SAFE: Final = "__Host-"
"""Browsers keep a cookie of that prefix only when it came over TLS and for this host alone."""


class Door:
    """What a site has as its `accounts`."""

    def __init__(self, accounts: Accounts, port: int) -> None:
        """Cookies do not know ports: that of another daemon on this host must have another name."""
        self.accounts = accounts
        self._name = f"edge-mask-{port}"

    @property
    def has_users(self) -> bool:
        return self.accounts.has_users

    def keep(self) -> None:
        """Write what is only in memory so far, where it is time."""
        self.accounts.keep()

    def who(self, shown: Shown) -> Principal | None:
        if shown.bearer is not None:
            return self.accounts.of_token(shown.bearer)
        return next((who for who in map(self.accounts.of_session, reversed(self.secrets(shown))) if who), None)

    def secrets(self, shown: Shown) -> list[str]:
        """What the session's cookies hold, ours mostly last: browsers send that of the shortest path last. Over TLS, no
        cookie counts that a page without TLS could have set."""
        return shown.all_of(self._cookie(shown))

    def let_in(self, request: Request, response: Response, secret: str) -> None:
        """Give the session to the browser; no script and no other site can use it."""
        self._set(request, response, secret, int(LONGEST))

    def let_out(self, request: Request, response: Response) -> None:
        """Take the cookie back."""
        self._set(request, response, "", 0)

    def _set(self, request: Request, response: Response, value: str, max_age: int) -> None:
        shown = shown_by(request)
        response.set_cookie(
            self._cookie(shown),
            value,
            max_age=max_age,
            path="/",
            secure=shown.is_secure,
            httponly=True,
            samesite="strict",
        )

    def _cookie(self, shown: Shown) -> str:
        return f"{_SAFE}{self._name}" if shown.is_secure else self._name


def door_of(request: Request) -> Door:
    """The door that the request came to. Raises HTTPException."""
    door = site_of(request).accounts
    if not isinstance(door, Door):
        raise HTTPException(503, "nobody can log in here: no accounts are kept")
    return door
