"""`GET /metrics`, for Prometheus."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, guarded
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread


async def metrics(request: Request) -> Response:
    """Everything as text, read now."""
    text = await in_thread(site_of(request).metrics)
    from prometheus_client import CONTENT_TYPE_LATEST  # the text has brought it, in its thread

    return Response(text, media_type=CONTENT_TYPE_LATEST)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """With a token of its own, or for operators."""
    return [guarded("/metrics", metrics, needs=Needs.METRICS)]
