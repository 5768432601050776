"""`GET /openapi.yaml`: the description of everything below `/api` and of `/mask/`."""

import hashlib
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, guarded
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread


async def description(request: Request) -> Response:
    """Put together when it is first asked for."""
    from edge_mask.web.openapi import text

    body = (await in_thread(text)).encode()
    headers = {"etag": f'"{hashlib.sha256(body).hexdigest()[:16]}"', "cache-control": "private, no-cache"}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/yaml", headers=headers)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [guarded("/openapi.yaml", description, needs=Needs.READ)]
