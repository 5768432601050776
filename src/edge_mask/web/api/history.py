"""Visits, alerts, faults and readings: lists newest first, and the figures of visits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.decide.record import as_data, decide_again, differences, unpack
from edge_mask.errors import Refused
from edge_mask.ledger.figures import Bar, Which
from edge_mask.ledger.pages import Page
from edge_mask.ledger.seen import Table
from edge_mask.ledger.site_time import UNITS, begin_of
from edge_mask.web.access import Endpoint, Needs, guarded
from edge_mask.web.api.answers import read
from edge_mask.web.api.asked import PERIOD, Asked, wrong
from edge_mask.web.api.shapes import Json, message
from edge_mask.web.site import Site, site_of

FILTERS: Final = (*PERIOD, "camera", "verdict", "reason")
"""Of visits."""
PAGING: Final = ("cursor", "limit")


async def summary(request: Request) -> Response:
    """How many were judged, passed and refused, and why; `by` adds hours, days or weeks."""
    site, asked = site_of(request), Asked(request, *FILTERS, "by")
    which, unit = asked.visits(), asked.one_of("by", UNITS)
    if unit is not None and (which.since is None or which.until is None):
        raise wrong("by", "needs from and to")
    found = await read(partial(site.reader.summary, which))
    if unit is not None:
        bars = await read(partial(site.reader.bars, site.zone, which, next(each for each in UNITS if each == unit)))
        found["bars"] = [_bar(each) for each in bars]
    return Json(found)


async def hours(request: Request) -> Response:
    """The hours of one day of the site, 23 to 25 of them."""
    site, asked = site_of(request), Asked(request, "day", "camera")
    now = datetime.fromtimestamp(site.clock.now().wall, site.zone)
    day = asked.day("day") or now.date()
    since, until = (
        begin_of("day", datetime.combine(each, time(12), site.zone).timestamp(), site.zone)
        for each in (day, day + timedelta(days=1))
    )
    which = Which(since=since.timestamp(), until=until.timestamp(), camera=asked.text("camera"))
    bars = await read(partial(site.reader.bars, site.zone, which, "hour"))
    return Json({"day": day.isoformat(), "items": [_bar(each) for each in bars], "next": None})


async def visits(request: Request) -> Response:
    """A page of visits."""
    site, asked = site_of(request), Asked(request, *FILTERS, *PAGING)
    which, cursor, limit = asked.visits(), asked.text("cursor"), asked.limit()
    return Json(_listed(site, "visits", await read(partial(site.reader.visit_page, which, cursor, limit))))


async def visit(request: Request) -> Response:
    """One visit, and what it was decided on."""
    Asked(request)
    site, wanted = site_of(request), request.path_params["id"]
    found = await read(partial(site.reader.visit, wanted))
    if found is None:
        raise HTTPException(404, "there is no such visit; it may have been erased")
    row, packed = found
    second = await read(partial(site.reader.amendments, wanted))
    told = {"second_looks": [message(site.thing, "amendments", each) for each in second]}
    return Json({**message(site.thing, "visits", row), **told, **await read(partial(_record, row, packed))})


def _record(row: Mapping[str, Any], packed: bytes | None) -> dict[str, Any]:
    if packed is None:
        return {"record": None}
    if "damaged" in row:
        return {"record": None, "record_missing": "the row of the visit is damaged"}
    try:
        record = unpack(packed)
        again = decide_again(record)
        return {"record": as_data(record, again, differences(row, again))}
    except Refused as error:
        return {"record": None, "record_missing": str(error)}


def events(table: Table) -> Endpoint:
    """A page of alerts or faults."""

    async def answer(request: Request) -> Response:
        site, asked = site_of(request), Asked(request, *PAGING, "unseen")
        cursor, limit, unseen = asked.text("cursor"), asked.limit(), asked.yes("unseen")
        page = await read(partial(site.reader.event_page, table, cursor, limit, unseen=unseen))
        return Json({**_listed(site, table, page), "unseen": await read(partial(site.reader.unseen, table))})

    return answer


def _listed(site: Site, table: str, page: Page) -> dict[str, Any]:
    return {"items": [message(site.thing, table, row) for row in page.rows], "next": page.next}


def _bar(bar: Bar) -> dict[str, Any]:
    return {"begins": bar.begins.isoformat(), "passed": bar.passed, "refused": bar.refused}


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [
        guarded("/api/v1/summary", summary, needs=Needs.READ),
        guarded("/api/v1/hours", hours, needs=Needs.READ),
        guarded("/api/v1/visits", visits, needs=Needs.READ),
        guarded("/api/v1/visits/{id}", visit, needs=Needs.READ),
        guarded("/api/v1/alerts", events("alerts"), needs=Needs.READ, name="alerts"),
        guarded("/api/v1/faults", events("faults"), needs=Needs.READ, name="faults"),
    ]
