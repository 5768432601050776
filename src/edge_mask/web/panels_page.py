"""`/panels`: public figures, each with its age; what they say is text from somebody else, and stays text."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.redact import redact
from edge_mask.web.access import Needs
from edge_mask.web.pages.columns import Columns, columns_of
from edge_mask.web.pages.frame import render
from edge_mask.web.pages.page import page
from edge_mask.web.site import PanelNow, Site, site_of

_DIGITS = 6
"""That count, of a number of somebody else."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One panel as it is drawn."""

    name: str
    title: str
    unit: str
    at: float | None
    """None before the first."""
    why: str
    """Why it is not newer."""
    number: float | None
    digits: int
    drawing: Columns | None


async def show(request: Request) -> Response:
    return await render(request, "panels.html", panels=[_shown(each) for each in site_of(request).panels()])


def _shown(now: PanelNow) -> Shown:
    values = now.points
    digits = max((_digits(value) for _, value in values), default=0)
    return Shown(
        name=now.name,
        title=now.title,
        unit=now.unit,
        at=now.at,
        why=redact(now.why),
        number=values[-1][1] if len(values) == 1 else None,
        digits=digits,
        drawing=columns_of(values) if len(values) > 1 else None,
    )


def _digits(value: float) -> int:
    """So many behind the point as it has, but no more than can be meant."""
    text = f"{value:.{_DIGITS}g}"
    return len(text.partition(".")[2]) if "e" not in text else 0


def routes(site: Site) -> Sequence[BaseRoute]:
    """Where there is a panel."""
    return [page("/panels", show, needs=Needs.VIEWER)] if site.settings.panels else []
