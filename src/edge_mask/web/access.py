"""Who may do what: every route is made by `guarded`, and nothing is served without passing it.

request ──▶ threshold: host, origin ──▶ guarded: who is this? may they? is it short? ──▶ endpoint
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge_mask.units import Bytes
from edge_mask.web.body import MOST_BODY, Limited
from edge_mask.web.links import login_of
from edge_mask.web.rights import OF_ROLE, SCOPES, Needs, Principal, Role

__all__ = [
    "OF_ROLE", "SCOPES", "Accounts", "Endpoint", "Guarded", "Needs", "Nobody", "Principal", "Role", "Shown",
    "bearer_of", "guarded", "principal_of", "shown_by", "who_asks",
]  # fmt: skip

Endpoint = Callable[[Request], Awaitable[Response]]


ROUTE: Final = "edge_mask.route"
"""Where a request keeps the route that it came to, as that was declared."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of who sends it."""

    cookies: Sequence[tuple[str, str]]
    """In their order; a name may come several times."""
    bearer: str | None
    """The token of `Authorization: Bearer`."""
    address: str
    """Whose it is; behind a trusted proxy, that of the browser."""
    is_secure: bool
    """Over TLS, here or at a trusted proxy."""

    def all_of(self, cookie: str) -> list[str]:
        """What the cookies of that name hold. Another program on this host can plant one more (RFC 6265, 8.6), so that
        no place in the order is to be believed; their number is bounded by the length of headers."""
        return [value for name, value in self.cookies if name == cookie]


class Accounts(Protocol):
    """The users of this device. Called in the event loop: answers at once, and hashes no password."""

    def who(self, shown: Shown) -> Principal | None:
        """The holder of a living session or token."""
        ...

    @property
    def has_users(self) -> bool:
        """Whether anybody can log in."""
        ...


class Nobody:
    """No accounts: everything that is not open is refused."""

    has_users = False

    def who(self, shown: Shown) -> Principal | None:  # noqa: ARG002 (as the protocol has it)
        """Nobody is known."""
        return None


class Guarded(Route):
    """A route that says what it needs."""

    def __init__(
        self, path: str, endpoint: Endpoint, *, needs: Needs, methods: Sequence[str], most_body: Bytes, name: str | None
    ) -> None:
        async def behind(request: Request) -> Response:
            request.scope[ROUTE] = path
            refusal = _refusal(request, needs)
            return await endpoint(request) if refusal is None else refusal

        super().__init__(path, behind, methods=list(methods), name=name or getattr(endpoint, "__name__", path))
        self.app = Limited(self.app, most_body)
        self.needs = needs


def guarded(
    path: str,
    endpoint: Endpoint,
    *,
    needs: Needs,
    methods: Sequence[str] = ("GET",),
    most_body: Bytes = MOST_BODY,
    name: str | None = None,
) -> Guarded:
    """The only way to make a route."""
    return Guarded(path, endpoint, needs=needs, methods=methods, most_body=most_body, name=name)


def shown_by(request: Request) -> Shown:
    """What the request shows of its sender."""
    address = request.client.host if request.client is not None else ""
    parts = (part for field in request.headers.getlist("cookie") for part in field.split(";"))
    cookies = [each for part in parts for each in cookie_parser(part).items()]
    return Shown(cookies, bearer_of(request.headers), address, request.url.scheme == "https")


def bearer_of(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer`. With one no cookie counts, and without one every form needs an Origin:
    nothing else decides that."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip(" \t") or None if kind.lower() == "bearer" else None


def who_asks(request: Request) -> Principal | None:
    """Asks the accounts once for each request."""
    if not hasattr(request.state, "principal"):
        accounts: Accounts = request.app.state.site.accounts
        request.state.principal = accounts.who(shown_by(request))
    found: Principal | None = request.state.principal
    return found


def principal_of(request: Request) -> Principal:
    """Who asks, behind a route that is not open."""
    found = who_asks(request)
    assert found is not None, "an open route has no principal"
    return found


def _refusal(request: Request, needs: Needs) -> Response | None:
    """None when whoever asks may. Raises HTTPException."""
    if needs is Needs.OPEN:
        return None
    principal = who_asks(request)
    if principal is None:
        if needs.is_page and request.method in ("GET", "HEAD"):
            return RedirectResponse(login_of(request), status_code=303)
        raise HTTPException(401, "log in, or send a token", headers={"WWW-Authenticate": 'Bearer realm="edge-mask"'})
    if not principal.may(needs):
        what = f"the role {needs.value}" if needs.is_page else f"the scope {needs.value}"
        raise HTTPException(403, f"this needs {what}, which {principal.name} has not")
    return None
