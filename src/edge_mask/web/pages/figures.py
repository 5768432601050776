"""Figures: how many were judged, passed and refused, by hours, days or weeks of the site."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.errors import Refused
from edge_mask.ledger.figures import Bar, Which
from edge_mask.ledger.site_time import MOST, UNITS, Unit
from edge_mask.web.access import Needs
from edge_mask.web.pages.bars import Count, bars_of
from edge_mask.web.pages.choices import cameras_of, days_before, days_choice, today
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.page import page
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

_HOURS_IN_DAYS: Final = MOST // 25
"""So many days can be shown by the hour."""


async def figures(request: Request) -> Response:
    """`?by=hour|day|week`, and the first and last day."""
    site, words = site_of(request), words_for(request)
    by = next((unit for unit in UNITS if unit == request.query_params.get("by")), UNITS[0])
    choice, first, last = days_choice(request.query_params, words, _default(by, today(site.clock.now().wall, words)))
    most = {"hour": _HOURS_IN_DAYS, "day": MOST - 2, "week": (MOST - 2) * 7}[by]
    if (last - first).days >= most:
        choice.problems.append(words.t("filter.too_long", days=words.number(most)))
        first, last = _default(by, last)
        choice, first, last = _again(choice.problems, first, last, choice.given["camera"], words)
    if choice.problems:
        choice.problems.append(words.t("filter.instead", first=words.day(first), last=words.day(last)))
    values = await in_thread(lambda: _values(site, words, by, choice.which, first == last))
    return await render(
        request,
        "figures.html",
        room="figures",
        live="visit",
        by=by,
        first=first,
        last=last,
        chosen=choice.given,
        problems=choice.problems,
        cameras=cameras_of(site.settings),
        **values,
    )


def _default(by: Unit, last: date) -> tuple[date, date]:
    """Today by the hour, a month by the day, half a year by the week."""
    match by:
        case "hour":
            return last, last
        case "day":
            return days_before(last, 29), last
        case "week":
            return days_before(last, last.weekday() + 25 * 7), last


def _again(problems: list[str], first: date, last: date, camera: str, words: Words) -> Any:
    query = {"from": first.isoformat(), "to": last.isoformat(), "camera": camera}
    choice, first, last = days_choice(query, words, (first, last))
    choice.problems[:] = problems
    return choice, first, last


def _values(site: Site, words: Words, by: Unit, which: Which, is_one_day: bool) -> dict[str, Any]:
    totals = site.reader.summary(which)
    try:
        found = site.reader.bars(site.zone, which, by)
    except Refused:  # the period was checked before; a day more or less is no reason for no page
        found = []
    counts = _counts(found, words, by, is_one_day)
    most = max(totals["by_reason"].values(), default=1)
    return {
        "totals": totals,
        "bars": bars_of(counts, _says(totals, counts, words)),
        "reasons": [
            {"reason": reason, "count": count, "share": round(100 * count / most, 1)}
            for reason, count in totals["by_reason"].items()
        ],
    }


def _counts(found: Sequence[Bar], words: Words, by: Unit, is_one_day: bool) -> list[Count]:
    if by == "hour" and not is_one_day:
        return _hours_of_the_day(found)
    if by == "hour":  # the hours that this day has: 23, 24 or 25 of them
        return [
            Count(f"{bar.begins:%H:%M}{_offset(bar, found)}", f"{bar.begins:%H}", bar.passed, bar.refused)
            for bar in found
        ]
    return [
        Count(words.day(bar.begins.date()), words.short_day(bar.begins.date()), bar.passed, bar.refused)
        for bar in found
    ]


def _offset(bar: Bar, found: Sequence[Bar]) -> str:
    """Tells two hours of the same name apart: the clock was set back."""
    is_twice = sum(each.begins.hour == bar.begins.hour for each in found) > 1
    return f" ({bar.begins:%z})" if is_twice else ""


def _hours_of_the_day(found: Sequence[Bar]) -> list[Count]:
    passed, refused = [0] * 24, [0] * 24
    for bar in found:
        passed[bar.begins.hour] += bar.passed
        refused[bar.begins.hour] += bar.refused
    return [Count(f"{hour:02}:00", f"{hour:02}", passed[hour], refused[hour]) for hour in range(24)]


def _says(totals: dict[str, Any], counts: Sequence[Count], words: Words) -> str:
    if not totals["judged"] or not counts:
        return words.t("figures.says_none")
    most = max(counts, key=lambda each: each.passed + each.refused)
    numbers = {name: words.number(totals[name]) for name in ("judged", "passed", "refused")}
    return words.t("figures.says", label=most.label, most=words.number(most.passed + most.refused), **numbers)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """One page."""
    return [page("/figures", figures, needs=Needs.VIEWER)]
