"""The web as a table of routes: each module below makes its own, all of them by `guarded`.

browser ──▶ server ──▶ threshold ──▶ routes of health, live, pages, api, accounts, metrics …
                                        └── each behind its `Needs`
"""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from edge_mask.web import (
    account,
    alive,
    api,
    commands,
    live,
    login,
    mask,
    notifications,
    pages,
    panels_page,
    push,
    settings_page,
)
from edge_mask.web.metrics import scrape
from edge_mask.web.packing import Packing
from edge_mask.web.pages.page import refused
from edge_mask.web.problems import failed, gone
from edge_mask.web.site import Site
from edge_mask.web.threshold import Threshold

ROUTES: Final[Sequence[Callable[[Site], Sequence[BaseRoute]]]] = (
    alive.routes,
    login.routes,
    account.routes,
    live.routes,
    scrape.routes,
    mask.routes,
    settings_page.routes,
    panels_page.routes,
    commands.routes,
    push.routes,
    notifications.routes,
    *api.ROUTES,
    *pages.ROUTES,
)
"""Where routes come from; the first that fits a path answers."""


def application(site: Site) -> Starlette:
    """The web of one house."""
    routes = [route for make in ROUTES for route in make(site)]
    handlers = {HTTPException: refused, ClientDisconnect: gone, Exception: failed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.site = site
    return app


def front(site: Site) -> ASGIApp:
    """The same behind the threshold: what the server serves."""
    return Threshold(Packing(application(site)), site.settings.web, site.thing, site.count)
