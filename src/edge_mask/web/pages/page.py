"""How a page is made a route, and how what cannot be shown becomes a page that says why."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge_mask.errors import DatabaseError
from edge_mask.web import problems
from edge_mask.web.access import Endpoint, Guarded, Needs, NotTheirs, guarded
from edge_mask.web.links import up
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.words import Words


def page(path: str, endpoint: Endpoint, *, needs: Needs, methods: Sequence[str] = ("GET",)) -> Guarded:
    """A route that says what it needs and lacks."""

    async def shown(request: Request) -> Response:
        try:
            return await endpoint(request)
        except DatabaseError as error:
            return await error_page(request, 503, words_for(request).t("error.no_database", why=str(error)))

    return guarded(path, shown, needs=needs, methods=methods, name=endpoint.__name__)


def form(path: str, endpoint: Endpoint, *, needs: Needs, of: str) -> Sequence[Guarded]:
    """A route that takes a form of the page `of`. Whoever asks for its own address (by a link of a page that came as
    its answer, or after a login) comes to that page."""

    async def back(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{up(request)}{of}{query}", status_code=303)

    return [page(path, endpoint, needs=needs, methods=("POST",)), page(path, back, needs=needs)]


async def refused(request: Request, error: Exception) -> Response:
    """For every HTTPException: a page for whoever reads pages."""
    assert isinstance(error, HTTPException)
    if not problems.wants_page(request):
        return await problems.refused(request, error)
    response = await error_page(request, error.status_code, _text(words_for(request), error))
    response.headers.update(error.headers or {})
    return response


def _text(words: Words, error: HTTPException) -> str:
    if isinstance(error, NotTheirs) and error.needs.is_page:
        return words.t("error.needs", role=words.word("role", error.needs.value))
    is_plain = error.status_code == 404 and error.detail == "Not Found"
    return words.t("error.not_found") if is_plain else error.detail


async def error_page(request: Request, status: int, text: str) -> Response:
    """In the frame of the others."""
    words = words_for(request)
    heading = words.t(f"error.{status}") if words.knows("error", status) else words.t("error.heading")
    return await render(request, "error.html", status=status, heading=heading, text=text)
