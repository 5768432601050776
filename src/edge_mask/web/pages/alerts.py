"""Alerts and faults, newest first, with marks of what was seen."""

from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as Overdue
from math import isfinite
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask.errors import EdgeMaskError, Refused
from edge_mask.ledger.seen import MOST_COUNTED, Sighting, Table
from edge_mask.web.access import Needs, principal_of
from edge_mask.web.links import up
from edge_mask.web.pages.frame import Notice, render, words_for
from edge_mask.web.pages.page import page
from edge_mask.web.pages.pictures import with_picture
from edge_mask.web.pages.repeats import Repeats, Row, page_of
from edge_mask.web.pages.told import told
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

_PAGE: Final = 25
_PATIENCE: Final = 10.0
_TABLES: Final[Sequence[Table]] = ("alerts", "faults")


async def alerts(request: Request) -> Response:
    """`?show=alerts|faults`; without, the one that has something nobody has seen."""
    site, show = site_of(request), _shown(request.query_params)
    if "show" not in request.query_params and await in_thread(lambda: _only_faults(site)):
        return RedirectResponse(f"{up(request)}alerts?{urlencode([*request.query_params.items(), ('show', 'faults')])}")
    cursor, notices = request.query_params.get("cursor"), list[Notice]()
    try:
        found = await in_thread(lambda: page_of(site.reader, show, cursor, _PAGE))
    except Refused:
        notices.append(("bad", words_for(request).t("filter.wrong_place")))
        cursor = None
        found = await in_thread(lambda: page_of(site.reader, show, None, _PAGE))
    return await _list(request, show, *found, is_first=cursor is None, notices=notices)


async def _list(
    request: Request,
    show: Table,
    groups: Sequence[Repeats],
    after: str | None,
    *,
    is_first: bool,
    notices: list[Notice],
) -> Response:
    site, words = site_of(request), words_for(request)

    def shown(row: Row) -> dict[str, Any]:
        return told(with_picture(site, row), show, words)

    return await render(
        request,
        "alerts.html",
        room="alerts",
        live="alert fault",
        notices=notices,
        show=show,
        tabs=await in_thread(lambda: _tabs(site, words)),
        groups=[(group, shown(group.newest), [shown(row) for row in group.listed]) for group in groups],
        next=after,
        is_first=is_first,
        has_unseen=bool(await in_thread(lambda: site.reader.unseen(show))),
        may_mark=principal_of(request).may(Needs.OPERATOR),
    )


def _tabs(site: Site, words: Words) -> list[tuple[str, str]]:
    """Each kind with how many of it nobody has seen."""
    counts = [(table, site.reader.unseen(table)) for table in _TABLES]
    return [
        (table, words.t(f"alerts.{table}") + (f" ({_counted(count, words)})" if count else ""))
        for table, count in counts
    ]


def _counted(count: int, words: Words) -> str:
    return words.number(count) + ("+" if count >= MOST_COUNTED else "")


def _only_faults(site: Site) -> bool:
    with site.reader.held() as reader:
        return not reader.unseen("alerts") and bool(reader.unseen("faults"))


def _shown(given: Mapping[str, Any]) -> Table:
    return next((table for table in _TABLES if table == given.get("show")), _TABLES[0])


async def mark(request: Request) -> Response:
    """One of them by `id`, with its repeats back to `first`, or all that came `until` then. Raises HTTPException."""
    site, form = site_of(request), await request.form()
    show, one, first = _shown(form), str(form.get("id", "")), str(form.get("first", ""))
    by = principal_of(request).name
    try:
        until = None if one else _finite(str(form.get("until")))
        sighting = Sighting(show, by, ids=[one] if one else [], until=until, back_to=first)
    except ValueError as error:
        raise HTTPException(400, "id, until: one of them is needed") from error
    try:
        await in_thread(lambda: site.mark_seen(sighting).result(_PATIENCE))
    except (EdgeMaskError, Overdue) as error:
        raise HTTPException(503, str(error) or words_for(request).t("error.503")) from error
    return RedirectResponse(f"{up(request)}alerts?show={show}&done=seen", status_code=303)


def _finite(text: str) -> float:
    """Raises ValueError."""
    if not isfinite(number := float(text)):
        raise ValueError(text)
    return number


def routes(_site: Site) -> Sequence[BaseRoute]:
    """Whoever is logged in reads; an operator marks."""
    return [
        page("/alerts", alerts, needs=Needs.VIEWER),
        page("/alerts", mark, needs=Needs.OPERATOR, methods=("POST",)),
    ]
