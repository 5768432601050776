"""`/healthz`: this process answers. Whoever may know more asks `/api/v1/status`."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, guarded
from edge_mask.web.site import Site


async def healthz(_request: Request) -> Response:
    """Nothing that helps whoever looks for a weakness: no name, no version."""
    return JSONResponse({"status": "alive"})


def routes(_site: Site) -> Sequence[BaseRoute]:
    """Open, for monitors and containers."""
    return [guarded("/healthz", healthz, needs=Needs.OPEN)]
