"""Who we are to a registry: nobody first, then what it asks for: user and password, or a token got with them."""

import base64
import json
import re
from typing import Final
from urllib.parse import quote

from edge_mask.errors import Refused
from edge_mask.packages.remote.http import AUTHORIZATION, Http, Response, target_of
from edge_mask.packages.remote.source import Credentials

_LARGEST_TOKEN: Final = 64_000
_PART = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
UNAUTHORIZED: Final = 401


class Login:
    """The headers for one server."""

    def __init__(self, http: Http, credentials: Credentials | None) -> None:
        self._http, self._credentials = http, credentials
        self._header: dict[str, str] = {}
        self._is_fresh = False
        """It has not been let in yet with what it got last."""

    @property
    def headers(self) -> dict[str, str]:
        return dict(self._header)

    def let_in(self) -> None:
        """The server took the headers."""
        self._is_fresh = False

    def take(self, url: str, response: Response) -> None:
        """After a 401: find out what is asked for; a token that was good before is over. Raises Refused when we have no
        such thing, or what is asked for did not help."""
        if self._is_fresh:
            raise Refused(f"{self._who()} is not let in (401); is the password right, and the user allowed to?")
        self._is_fresh = True
        asked = ", ".join(response.headers.get_all("WWW-Authenticate") or [])
        kind = asked.partition(" ")[0].lower()
        if kind == "bearer":
            self._header = {AUTHORIZATION: f"Bearer {self._token(url, dict(_PART.findall(asked)))}"}
        elif kind == "basic":
            self._header = self._basic()
        else:
            raise Refused("it asks for a login of a kind that is not known here; known are Basic and Bearer")

    def _who(self) -> str:
        return f"the user {self._credentials.username}" if self._credentials else "nobody without a user"

    def _basic(self) -> dict[str, str]:
        if self._credentials is None:
            raise Refused(
                "it wants a user and a password (401), and none are given for it (fleet.packages.username is for the"
                " hosts in fleet.packages.sources)"
            )
        both = f"{self._credentials.username}:{self._credentials.password}".encode()
        return {AUTHORIZATION: f"Basic {base64.b64encode(both).decode()}"}

    def _token(self, url: str, asked: dict[str, str]) -> str:
        realm = asked.get("realm", "")
        if target_of(realm).scheme != "https" and target_of(url).scheme == "https":
            raise Refused("its tokens are given out without https")
        query = "&".join(f"{key}={quote(asked[key], safe='')}" for key in ("service", "scope") if key in asked)
        headers = self._basic() if self._credentials is not None else {}
        with self._http.ask("GET", f"{realm}{'&' if '?' in realm else '?'}{query}", headers) as response:
            if response.status != 200:
                raise Refused(f"{self._who()} gets no token from {target_of(realm).host} ({response.status})")
            try:
                content = json.loads(response.whole(_LARGEST_TOKEN))
                token = content.get("token") or content.get("access_token")
            except (ValueError, AttributeError, RecursionError):
                token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Refused(f"{target_of(realm).host} answers without a token")
        return token
