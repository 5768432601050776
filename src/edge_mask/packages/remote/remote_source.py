"""What registries and HTTPS folders have in common: answers that are no, and those that are not yet."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Final

from edge_mask.errors import Refused, TryLater
from edge_mask.packages.remote.http import Http, Response, target_of
from edge_mask.packages.remote.login import UNAUTHORIZED, Login
from edge_mask.packages.remote.source import Access, Effort

NOT_FOUND: Final = 404
PARTIAL: Final = 206
_LATER: Final = (408, 425, 429)
_WORDS: Final = {403: "does not allow it", 404: "does not have it", 405: "does not allow it", 413: "finds it too large"}


class Asking:
    """Requests to one server, logged in where it asks for it; nobody else hears who we are."""

    def __init__(self, base: str, access: Access, effort: Effort) -> None:
        """`base` is the beginning of the server's addresses."""
        self._origin = target_of(base).origin
        self._http = Http(access, effort)
        self._login = Login(self._http, access.credentials)

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
        *,
        follows: bool = True,
    ) -> Iterator[Response]:
        """The answer, whatever its status; after a 401 once more, as whom it wants."""
        is_home = target_of(url).origin == self._origin
        mine = {**(headers or {}), **(self._login.headers if is_home else {})}
        with self._http.ask(method, url, mine, body, follows=follows) as response:
            if response.status != UNAUTHORIZED or not is_home:
                if is_home:
                    self._login.let_in()
                yield response
                return
            self._login.take(url, response)
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        with self._http.ask(method, url, {**mine, **self._login.headers}, body, follows=follows) as response:
            if response.status == UNAUTHORIZED:
                self._login.take(url, response)
            self._login.let_in()
            yield response

    @contextmanager
    def get(self, url: str, what: str, accept: str = "*/*") -> Iterator[Response]:
        """The answer of a 200. Raises Refused or TryLater, which call it `what`."""
        with self.ask("GET", url, {"Accept": accept}) as response:
            require(response, what, 200)
            yield response

    def get_from(self, url: str, what: str, start: int) -> Iterator[bytes]:
        """The body from the byte `start` on; a server that knows no ranges sends what comes before it, too."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self.ask("GET", url, headers) as response:
            require(response, what, 200, *([PARTIAL] if start else []))
            if response.status != PARTIAL:
                yield from _after(start, response.chunks())
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise Refused(f"{what}: the server sends another part of it than was asked for")
            else:
                yield from response.chunks()

    def get_if_there(self, url: str, what: str, most: int, accept: str = "*/*") -> bytes | None:
        """The whole body; None for a 404."""
        with self.ask("GET", url, {"Accept": accept}) as response:
            if response.status == NOT_FOUND:
                return None
            require(response, what, 200)
            return response.whole(most)


def _after(start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if start < len(chunk):
            yield chunk[start:]
        start = max(0, start - len(chunk))


def require(response: Response, what: str, *wanted: int) -> None:
    """Raises TryLater for a server in trouble, Refused for one that says no."""
    status = response.status
    if status in wanted:
        return
    if status >= 500 or status in _LATER:
        raise TryLater(f"{what}: the server is in trouble ({status})")
    raise Refused(f"{what}: the server {_WORDS.get(status, 'does not give it')} ({status})")
