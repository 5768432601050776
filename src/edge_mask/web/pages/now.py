"""Now: the last verdict of each gate, large; cameras, parts, what waits."""

import stat
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.act.latest_file import name_of
from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader
from edge_mask.settings.cameras import Camera
from edge_mask.web.access import Needs
from edge_mask.web.pages.choices import day_begins, today
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.page import page
from edge_mask.web.pages.pictures import with_picture
from edge_mask.web.pages.thermometer import unit_of
from edge_mask.web.pages.told import part_name, part_state
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

FRESH: Final = 15.0
"""Seconds for which a verdict is shown large: then it is of somebody who has gone."""
_RECENT: Final = 8
_LIVE: Final = "visit alert fault look health"
_HEALTH: Final = (
    "clock_synced", "cpu", "fps", "inference_ms", "memory", "outbox", "rss", "soc_temperature", "uptime_s",
    "cameras",
)  # fmt: skip


async def now(request: Request) -> Response:
    """The first page."""
    site, words = site_of(request), words_for(request)
    values = await in_thread(lambda: _values(site, words))
    return await render(request, "now.html", room="now", live=_LIVE, **values)


def _values(site: Site, words: Words) -> dict[str, Any]:
    at = site.clock.now().wall
    date = today(at, words)
    health: dict[str, Any] = dict.fromkeys(_HEALTH) | dict(site.figures())
    outbox = health["outbox"] or {}
    with site.reader.held() as reader:
        judged = reader.summary(Which(since=day_begins(date, words).timestamp()))
        gates = [
            _gate(site, reader, words, camera) | {"state": _state(health, camera)}
            for camera in site.settings.cameras
            if camera.role == "gate"
        ]
        recent = reader.visit_page(Which(), limit=_RECENT).rows
    return {
        "fresh": FRESH,
        "gates": gates,
        "cameras": [_camera(site, camera, health["cameras"] or {}) for camera in site.settings.cameras],
        "today": judged,
        "date": date.isoformat(),
        "recent": recent,
        "states": [_part(each, words) for each in site.parts()],
        "health": health,
        "running": site.running_for(),
        "outbox": {name: outbox.get(name) for name in ("pending", "bytes", "oldest_s")},
        "dropped": sum(count for count in (outbox.get("dropped") or {}).values() if isinstance(count, int)),
    }


def _gate(site: Site, reader: Reader, words: Words, camera: Camera) -> dict[str, Any]:
    rows = reader.visit_page(Which(camera=camera.name), limit=1).rows
    visit = with_picture(site, rows[0]) if rows else None
    told = {"camera": camera.name, "visit": visit, "unit": unit_of(site.settings, camera.name)}
    if visit is None:
        return told
    why = ", ".join(words.word("reason", reason) for reason in visit["reasons"])
    said = f"{camera.name}: {words.word('verdict', visit['verdict'])}" + (f", {why}" if why else "")
    return {**told, "at": visit["visited"], "say": f"{said}, {words.time(visit['visited'])}"}


def _state(health: Mapping[str, Any], camera: Camera) -> str:
    """Empty while it sees, or begins to."""
    state = str((health["cameras"] or {}).get(camera.name, {}).get("state", "opening"))
    return "" if state in ("ok", "opening") else state


def _camera(site: Site, camera: Camera, states: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    state = states.get(camera.name, {})
    taken = _taken(site, camera.name)
    # The time in the address: a browser asks for each picture once.
    picture = None if taken is None else f"api/v1/cameras/{camera.name}/latest.jpg?at={taken:.0f}"
    return {
        "name": camera.name,
        "state": state.get("state", "opening"),
        "fps": state.get("fps"),
        "picture": picture,
        "taken": taken,
    }


def _taken(site: Site, camera: str) -> float | None:
    """When the picture that lies there was taken."""
    if not site.settings.snapshots.keeps_latest:
        return None
    try:
        found = (site.pictures / name_of(camera)).stat(follow_symlinks=False)
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None


def _part(found: Mapping[str, str], words: Words) -> dict[str, str]:
    state, text = part_state(found["state"], found["text"], words)
    return {"name": part_name(found["part"], words), "state": state, "text": text}


def routes(_site: Site) -> Sequence[BaseRoute]:
    """The first page of whoever is logged in."""
    return [page("/", now, needs=Needs.VIEWER)]
