"""`/api/v1/push/…`: browsers that want to be told, for whoever is logged in; and the worker that shows what is told."""

import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from edge_mask.errors import Refused
from edge_mask.notify.push import Push
from edge_mask.units import Bytes
from edge_mask.web.access import Needs, guarded, principal_of
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread

_MOST_BODY = Bytes(8 * 1024)


async def key(request: Request) -> Response:
    """What a browser subscribes with; made when it is first asked for."""
    push = push_of(request)
    try:
        public = await in_thread(lambda: push.vapid.public)
    except Refused as error:
        raise HTTPException(503, str(error), headers={"Retry-After": "60"}) from error
    return JSONResponse({"key": public})


async def mine(request: Request) -> Response:
    """The browsers of whoever asks, without their addresses, which are secrets."""
    user = principal_of(request).name
    found = await in_thread(partial(push_of(request).subscriptions.of, user))
    return JSONResponse({"items": [{"id": each.id} for each in found], "next": None})


async def subscribe(request: Request) -> Response:
    """Tell this browser from now on; the body is `PushSubscription.toJSON()`. The same one again changes nothing."""
    push, wish = push_of(request), await _json(request)
    try:
        made = await in_thread(partial(push.subscriptions.add, principal_of(request).name, wish))
    except Refused as error:
        raise HTTPException(422, str(error)) from error
    return JSONResponse({"id": made.id}, 201)


async def unsubscribe(request: Request) -> Response:
    """Tell one of one's own browsers no more: `{"id": …}` or `{"endpoint": …}`."""
    push, wish = push_of(request), await _json(request)
    wanted = wish.get("id") or wish.get("endpoint") if isinstance(wish, Mapping) else None
    if not isinstance(wanted, str):
        raise HTTPException(422, "which one is missing: id, or endpoint")
    if not await in_thread(partial(push.subscriptions.remove, wanted, principal_of(request).name)):
        raise HTTPException(404, "there is no such subscription of yours")
    return Response(status_code=204)


def push_of(request: Request) -> Push:
    """Raises HTTPException where no target of web push is configured."""
    push = site_of(request).push
    if push is None:
        raise HTTPException(404, "there is no target of kind web-push under notify.targets")
    return push


async def _json(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, f"Content-Type: found {kind[:60]!a}; allowed: application/json")
    try:
        return json.loads(await request.body())
    except ClientDisconnect:
        raise HTTPException(400, "the sender has gone") from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None


async def worker(_request: Request) -> Response:
    """At the root, since a worker serves what lies below it. Browsers look for a new one by themselves."""
    return Response(_worker(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _worker() -> bytes:
    return files("edge_mask.web").joinpath("static", "sw.js").read_bytes()


def routes(site: Site) -> Sequence[BaseRoute]:
    """The worker is there always: a browser that has an old one asks for it."""
    del site
    place = "/api/v1/push/subscriptions"
    return [
        guarded("/sw.js", worker, needs=Needs.OPEN),
        guarded("/api/v1/push/key", key, needs=Needs.READ),
        guarded(place, mine, needs=Needs.READ),
        guarded(place, subscribe, needs=Needs.VIEWER, methods=("POST",), most_body=_MOST_BODY),
        guarded(place, unsubscribe, needs=Needs.VIEWER, methods=("DELETE",), most_body=_MOST_BODY),
    ]
