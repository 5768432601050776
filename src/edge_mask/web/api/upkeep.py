"""How the device is, what an operator has seen, and what is erased."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.ledger.seen import MOST, Sighting, Table
from edge_mask.web.access import Endpoint, Needs, guarded, principal_of
from edge_mask.web.api.answers import carried_out, read, recorded
from edge_mask.web.api.asked import Asked, moment, wrong
from edge_mask.web.api.shapes import Json
from edge_mask.web.site import Site, site_of


async def status(request: Request) -> Response:
    """What the command `status` answers."""
    Asked(request)
    return Json(await carried_out(site_of(request), "status"))


async def erase(request: Request) -> Response:
    """One visit with its pictures and what still waits of it, as `edge-mask erase --visit`."""
    Asked(request)
    site, wanted = site_of(request), request.path_params["id"]
    try:
        return Json(await carried_out(site, "erase", json.dumps({"visit": wanted}).encode()))
    except HTTPException as error:
        if error.status_code == 500 and await read(partial(site.reader.visit, wanted)) is None:
            raise HTTPException(404, "there is no such visit; it may have been erased") from None
        raise


def seen(table: Table) -> Endpoint:
    """Marks alerts or faults: `{"ids": […]}`, or `{"until": TIME}` for all that came until then."""

    async def answer(request: Request) -> Response:
        Asked(request)
        site = site_of(request)
        fields = await _fields(request)
        if len(fields) != 1 or not fields.keys() <= {"ids", "until"}:
            raise wrong("body", 'allowed: {"ids": […]} or {"until": TIME}')
        ids, until = fields.get("ids", []), fields.get("until")
        if not isinstance(ids, list) or len(ids) > MOST or not all(map(_is_id, ids)):
            raise wrong("ids", f"allowed: up to {MOST} ids of {table}")
        if "until" in fields and not isinstance(until, str):
            raise wrong("until", "allowed: a time such as 2026-11-20T09:30:00+09:00")
        last = None if until is None else moment("until", until, site.zone)
        marked = await recorded(site.mark_seen(Sighting(table, principal_of(request).name, ids, last)))
        return Json({"marked": marked})

    return answer


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= 100


async def _fields(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, f"Content-Type: found {kind[:60]!a}; allowed: application/json")
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise wrong("body", "is not JSON that can be read") from None
    except ClientDisconnect:
        raise HTTPException(400, "the sender has gone") from None
    if not isinstance(found, dict):
        raise wrong("body", 'allowed: {"ids": […]} or {"until": TIME}')
    return found


def routes(_site: Site) -> Sequence[BaseRoute]:
    """Reading for everybody who may read; marks and erasing for those who may control."""
    return [
        guarded("/api/v1/status", status, needs=Needs.READ),
        guarded("/api/v1/visits/{id}", erase, needs=Needs.CONTROL, methods=("DELETE",)),
        guarded("/api/v1/alerts/seen", seen("alerts"), needs=Needs.CONTROL, methods=("POST",), name="alerts_seen"),
        guarded("/api/v1/faults/seen", seen("faults"), needs=Needs.CONTROL, methods=("POST",), name="faults_seen"),
    ]
