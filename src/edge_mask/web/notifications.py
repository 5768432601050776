"""`/notifications`: whether this browser is told of alerts, and which browsers of whoever looks are."""

from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, principal_of
from edge_mask.web.links import up
from edge_mask.web.login import field, form_of
from edge_mask.web.pages.frame import render
from edge_mask.web.pages.page import page
from edge_mask.web.push import push_of
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread


async def notifications(request: Request) -> Response:
    """The button, and the browsers that have pressed it, told apart by their push service."""
    found = await in_thread(partial(push_of(request).subscriptions.of, principal_of(request).name))
    browsers = [{"id": each.id, "service": urlsplit(each.endpoint).hostname or ""} for each in found]
    return await render(request, "notifications.html", browsers=browsers)


async def forget(request: Request) -> Response:
    """One of one's own browsers."""
    push, fields = push_of(request), await form_of(request)
    await in_thread(partial(push.subscriptions.remove, field(fields, "id"), principal_of(request).name))
    return RedirectResponse(f"{up(request)}notifications?done=unsubscribed", 303)


def routes(site: Site) -> list[BaseRoute]:
    """Only where there is a target of web push."""
    if site.push is None:
        return []
    return [
        page("/notifications", notifications, needs=Needs.VIEWER),
        page("/notifications", forget, needs=Needs.VIEWER, methods=("POST",)),
    ]
