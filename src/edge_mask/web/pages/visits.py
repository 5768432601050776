"""Visits: the list by pages, one visit with what it was decided on, and its erasure."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask.decide.record import Record, unpack
from edge_mask.errors import Refused
from edge_mask.ledger.pages import Page
from edge_mask.web.access import Needs
from edge_mask.web.links import up
from edge_mask.web.pages.choices import REASONS, Choice, cameras_of, iso, visits_choice
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.page import page
from edge_mask.web.pages.pictures import with_picture
from edge_mask.web.pages.policy import settings_then
from edge_mask.web.pages.thermometer import unit_of
from edge_mask.web.site import Said, Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

_PAGE: Final = 25
_PATIENCE: Final = 10.0
"""Seconds that an erasure may take."""


async def visits(request: Request) -> Response:
    """The list, newest first."""
    site, words = site_of(request), words_for(request)
    choice = visits_choice(request.query_params, words)
    cursor = request.query_params.get("cursor")
    found, cursor = await in_thread(lambda: _page(site, choice, cursor, words))
    return await render(
        request,
        "visits.html",
        room="visits",
        live="visit",
        visits=[with_picture(site, row) for row in found.rows],
        next=found.next,
        is_first=cursor is None,
        chosen=choice.given,
        problems=choice.problems,
        is_filtered=choice.is_any,
        cameras=cameras_of(site.settings),
        reasons=[(reason, words.word("reason", reason)) for reason in REASONS],
        unit=unit_of(site.settings, site.settings.gate.temperature_camera or ""),
        # Excel reads UTF-8 only with a byte order mark.
        exports={
            "csv": f"api/v1/visits.csv{_query(choice, bom='true')}",
            "jsonl": f"api/v1/visits.jsonl{_query(choice)}",
        },
    )


def _page(site: Site, choice: Choice, cursor: str | None, words: Words) -> tuple[Page, str | None]:
    try:
        return site.reader.visit_page(choice.which, cursor, _PAGE), cursor
    except Refused:
        choice.problems.append(words.t("filter.wrong_place"))
        return site.reader.visit_page(choice.which, None, _PAGE), None


def _query(choice: Choice, **more: str) -> str:
    """The same filters, as the API takes them."""
    given = {
        "from": iso(choice.which.since),
        "to": iso(choice.which.until),
        **{name: choice.given[name] for name in ("camera", "verdict", "reason")},
        **more,
    }
    query = urlencode({name: value for name, value in given.items() if value})
    return f"?{query}" if query else ""


# -- one visit -------------------------------------------------------------------------------------------


async def visit(request: Request) -> Response:
    """One visit. Raises HTTPException."""
    site, words = site_of(request), words_for(request)
    row, packed = await _found(request)
    record, why = _record(packed, words)
    newer, older = await in_thread(lambda: _beside(site, visits_choice(request.query_params, words), str(row["id"])))
    return await render(
        request,
        "visit.html",
        room="visits",
        live="visit",
        visit=with_picture(site, row),
        newer=newer,
        older=older,
        unit=unit_of(site.settings, str(row["camera"])),
        record=None if record is None else _legible(record),
        second_looks=[] if "damaged" in row else await in_thread(lambda: _second_looks(site, str(row["id"]))),
        policy=[] if record is None else settings_then(record.policy, words),
        record_missing=why,
    )


async def _found(request: Request) -> tuple[dict[str, Any], bytes | None]:
    site, wanted = site_of(request), request.path_params["visit"]
    found = await in_thread(lambda: site.reader.visit(wanted))
    if found is None:
        raise HTTPException(404, words_for(request).t("visit.missing"))
    return found


def _second_looks(site: Site, visit: str) -> list[dict[str, Any]]:
    return [each for each in site.reader.amendments(visit) if "damaged" not in each]


def _record(packed: bytes | None, words: Words) -> tuple[Record | None, str]:
    if packed is None:
        return None, words.t("visit.no_record")
    try:
        return unpack(packed), ""
    except Refused as error:
        return None, words.t("visit.bad_record", why=str(error))


def _legible(record: Record) -> dict[str, Any]:
    weights = record.weights or [None] * len(record.looks)
    return {
        "before": record.before,
        "has_left": record.has_left,
        "model": record.made_by.model,
        "sha256": record.made_by.sha256,
        "program": record.made_by.program,
        "looks": [
            {
                "at": look.at,
                "label": look.label,
                "score": look.score,
                "weight": weight,
                "size": None if look.evidence is None else 100 * look.evidence.size,
                "sharpness": None if look.evidence is None else look.evidence.sharpness,
                "readings": look.readings,
            }
            for look, weight in zip(record.looks, weights, strict=True)
        ],
    }


def _beside(site: Site, choice: Choice, visit: str) -> tuple[str | None, str | None]:
    """Its neighbours in the list that was chosen from."""
    try:
        return site.reader.beside(choice.which, visit)
    except Refused:  # erased meanwhile
        return None, None


# -- erasure ---------------------------------------------------------------------------------------------


async def ask_erase(request: Request) -> Response:
    """What it means, and a button."""
    row, _ = await _found(request)
    return await render(request, "erase.html", room="visits", live="erased", visit=row)


async def erase(request: Request) -> Response:
    """Deletes one visit, as the command does."""
    site, words = site_of(request), words_for(request)
    row, _ = await _found(request)
    asked = site.ask("erase", json.dumps({"visit": row["id"]}).encode(), "application/json")
    done, _ = await asyncio.wait({waited := asyncio.wrap_future(asked)}, timeout=_PATIENCE)
    said: Said = waited.result() if done else {"ok": False, "error": {"text": words.t("error.503")}}
    if not said["ok"]:
        why = words.t("erase.busy", why=said["error"]["text"])
        return await render(request, "erase.html", room="visits", status=503, visit=row, notices=[("bad", why)])
    return RedirectResponse(f"{up(request)}visits?done=erased", status_code=303)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """Whoever is logged in reads; an operator erases."""
    return [
        page("/visits", visits, needs=Needs.VIEWER),
        page("/visits/{visit}", visit, needs=Needs.VIEWER),
        page("/visits/{visit}/erase", ask_erase, needs=Needs.OPERATOR),
        page("/visits/{visit}/erase", erase, needs=Needs.OPERATOR, methods=("POST",)),
    ]
