"""How a page is made a route: what its handler cannot show becomes a page that says why."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge_mask.errors import DatabaseError
from edge_mask.web.access import Endpoint, Guarded, Needs, guarded
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.problems import wants_page


def page(path: str, endpoint: Endpoint, *, needs: Needs, methods: Sequence[str] = ("GET",)) -> Guarded:
    """A route whose errors are pages too."""

    async def shown(request: Request) -> Response:
        try:
            return await endpoint(request)
        except DatabaseError as error:
            return await error_page(request, 503, words_for(request).t("error.no_database", why=str(error)))
        except HTTPException as error:
            if not wants_page(request):
                raise
            return await error_page(request, error.status_code, error.detail)

    return guarded(path, shown, needs=needs, methods=methods, name=endpoint.__name__)


async def error_page(request: Request, status: int, text: str) -> Response:
    """In the frame of the others."""
    words = words_for(request)
    heading = words.t(f"error.{status}") if words.knows("error", status) else words.t("error.heading")
    return await render(request, "error.html", status=status, heading=heading, text=text)
