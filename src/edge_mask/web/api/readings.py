"""Readings: one by one within a day, means beyond it and where the single ones are gone."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.ledger.curves import Curve, Point
from edge_mask.ledger.figures import Which
from edge_mask.units import Unix
from edge_mask.web.access import Needs, guarded
from edge_mask.web.api.answers import read
from edge_mask.web.api.asked import Asked, wrong
from edge_mask.web.api.shapes import Json, message
from edge_mask.web.site import Site, site_of
from edge_mask.wire.envelope import timestamp

_DAY: Final = 86400.0


async def readings(request: Request) -> Response:
    """Without a period: the last 24 hours. `step_s` is 0 where each item is one reading, else each is a mean."""
    site = site_of(request)
    asked = Asked(request, "quantity", "sensor", "from", "to", "cursor", "limit")
    since, until = asked.period()
    until = site.clock.now().wall if until is None else until
    since = until - _DAY if since is None else since
    if until <= since:
        raise wrong("from", "is not before now; give to as well")
    quantity, sensor, cursor, limit = asked.text("quantity"), asked.text("sensor"), asked.text("cursor"), asked.limit()
    is_single = until - since <= _DAY and (cursor or not await read(partial(site.reader.are_packed, since, until)))
    if is_single:
        which = Which(since=since, until=until)
        page = await read(partial(site.reader.reading_page, which, quantity, sensor, cursor, limit))
        items = [message(site.thing, "readings", row) for row in page.rows]
        return Json({"step_s": 0, "items": items, "next": page.next})
    curves = await read(partial(site.reader.curves, since, until, quantity))
    means = sorted(
        ((point, curve) for curve in curves if sensor in (None, curve.sensor) for point in curve.points),
        key=lambda each: -each[0].at,
    )
    step = curves[0].step_s if curves else 0
    return Json({"step_s": step, "items": [_mean(curve, point) for point, curve in means], "next": None})


def _mean(curve: Curve, point: Point) -> dict[str, Any]:
    return {
        "sensor": curve.sensor,
        "quantity": curve.quantity,
        "unit": curve.unit,
        "from": timestamp(Unix(point.at)),
        "to": timestamp(Unix(point.at + curve.step_s)),
        "count": point.count,
        "min": point.low,
        "mean": point.mean,
        "max": point.high,
        "outliers": point.doubtful,
    }


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [guarded("/api/v1/readings", readings, needs=Needs.READ)]
