"""What goes wrong, as RFC 9457 has it for programs (`application/problem+json`) and as a page for people."""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from edge_mask.web.links import up

_FOR_PROGRAMS: Final = ("/api/", "/mask", "/metrics")


class ProblemResponse(JSONResponse):
    """A problem as JSON."""

    media_type = "application/problem+json"


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> ProblemResponse:
    """`detail` is a sentence: what, where, what is allowed. `more` adds members."""
    told = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, **more}
    return ProblemResponse(told, status_code=status, headers=headers)


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asks."""
    path: str = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_FOR_PROGRAMS)


async def refused(request: Request, error: Exception) -> Response:
    """For every HTTPException."""
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail != _title(error.status_code) else _plain(error.status_code)
    return answer(request, error.status_code, detail, error.headers)


async def gone(_request: Request, _error: Exception) -> Response:
    """For a ClientDisconnect: whoever hung up in the middle of a form reads no answer, and it is no fault of ours."""
    return problem(400, "the sender has gone")


async def failed(request: Request, error: Exception) -> Response:  # noqa: ARG001 (it is logged, not shown)
    """For every exception that nobody expected."""
    return answer(request, 500, "something here is wrong; the log says what")


def answer(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem, in the form that whoever asks can read."""
    if not wants_page(request):
        return problem(status, detail, headers=headers)
    title = escape(_title(status))
    back = escape(up(request))
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<h1>{title}</h1><p>{escape(detail)}</p><p><a href="{back}">edge-mask</a></p></html>'
    )
    return HTMLResponse(text, status_code=status, headers=headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _plain(status: int) -> str:
    """Where only the number is known."""
    return {404: "there is nothing here", 405: "not with this method"}.get(status, _title(status))
