"""`POST /api/v1/commands/NAME` and `PATCH /api/v1/config`: what is asked over MQTT, with the same answers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from edge_mask.units import Bytes
from edge_mask.web.access import Needs, guarded
from edge_mask.web.problems import problem
from edge_mask.web.site import Said, Site, site_of

STATUS: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "unknown_command": 404,
    "not_allowed": 403,
    "too_large": 413,
    "failed": 500,
    "busy": 503,
}
"""By the code of an answer that is not `ok`."""
PATIENCE: Final = 60.0
"""Seconds for which an answer is waited for: a house may have to be built, a model to be verified."""
MOST_BODY: Final = Bytes(160 * 1024)
"""More than a request may have, so that one that is a little too large is told so by its code."""
_JSON: Final = ("application/json", "application/merge-patch+json")


async def command(request: Request) -> Response:
    """A request in the form of a message on `commands/NAME`; the body may be empty."""
    name = request.path_params["name"]
    kind = _kind(request)
    is_picture = name == "infer" and kind.startswith("image/")
    body = await _body(request)
    if body and not is_picture and kind not in _JSON:
        raise _not_json(kind)
    return await _said(site_of(request), name, body, kind, under=None)


async def configure(request: Request) -> Response:
    """A part of the configuration, merged into the overlay (RFC 7396: a null takes a key out again)."""
    if (kind := _kind(request)) not in _JSON:
        raise _not_json(kind)
    return await _said(site_of(request), "configure", await _body(request), kind, under="set")


async def _said(site: Site, name: str, body: bytes, kind: str, *, under: str | None) -> Response:
    asked = asyncio.wrap_future(site.ask(name, body, kind, under=under))
    done, _ = await asyncio.wait({asked}, timeout=PATIENCE)
    if not done:
        text = f"{name} takes longer than {PATIENCE:g} s and goes on; ask again with the same request_id for its answer"
        return problem(504, text)
    return _answer(asked.result())


def _answer(said: Said) -> Response:
    if said["ok"]:
        return JSONResponse(said)
    error: Mapping[str, Any] = said["error"]
    more = {key: value for key, value in said.items() if key not in ("ok", "error")}
    headers = {"Retry-After": "1"} if error["code"] == "busy" else None
    return problem(STATUS[error["code"]], error["text"], headers=headers, code=error["code"], **more)


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400, "the sender has gone") from None


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_json(kind: str) -> HTTPException:
    return HTTPException(415, f"Content-Type: found {kind[:60]!a}; allowed: application/json")


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For those who may control."""
    return [
        guarded("/api/v1/commands/{name}", command, needs=Needs.CONTROL, methods=("POST",), most_body=MOST_BODY),
        guarded("/api/v1/config", configure, needs=Needs.CONTROL, methods=("PATCH",), most_body=MOST_BODY),
    ]
