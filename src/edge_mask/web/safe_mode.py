"""The page of a program whose configuration is broken: what is wrong, and what ran last. Nothing else is served.

The login is that of every page; nothing can be changed here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from edge_mask.settings.last_good import Change
from edge_mask.web import login
from edge_mask.web.access import Needs, guarded
from edge_mask.web.pages import assets
from edge_mask.web.pages.frame import render
from edge_mask.web.pages.page import page, refused
from edge_mask.web.problems import failed
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread
from edge_mask.web.threshold import Threshold


@dataclass(frozen=True, slots=True)
class Broken:
    """What is wrong, in sentences without secrets, and what ran before."""

    file: str
    problems: Sequence[str]
    since: float
    """Unix seconds."""
    last_good: str = ""
    """As YAML; nothing when none was kept."""
    changes: Sequence[Change] = ()
    """Keys that differ from it."""


def safe_front(site: Site, broken: Callable[[], Broken]) -> ASGIApp:
    """What the server serves in safe mode; `broken` says what is wrong now, and may read files."""

    async def show(request: Request) -> Response:
        return await render(request, "safe_mode.html", waits=True, broken=await in_thread(broken))

    routes = [
        guarded("/healthz", healthz, needs=Needs.OPEN),
        *login.routes(site),
        *assets.routes(site),
        page("/", show, needs=Needs.VIEWER),
        page("/settings", show, needs=Needs.VIEWER),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refused, Exception: failed})
    app.router.redirect_slashes = False
    app.state.site = site
    return Threshold(app, site.settings.web, site.thing, site.count)


async def healthz(_request: Request) -> Response:
    """This process answers, and does not do what it is here for: a monitor must see that."""
    return JSONResponse({"status": "safe mode"}, status_code=503)
