"""Cameras and pictures. A picture is asked for by the id of its event; its file is named by the database alone."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.act.latest_file import name_of
from edge_mask.act.snapshot_name import TEMP, parse
from edge_mask.units import Unix
from edge_mask.web.access import Needs, guarded
from edge_mask.web.api.answers import read
from edge_mask.web.api.asked import Asked
from edge_mask.web.api.shapes import Json
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.wire.envelope import timestamp

_LARGEST: Final = 16 * 2**20
_GONE: Final = "the picture is not kept any more"


@dataclass(frozen=True, slots=True)
class _Picture:
    data: bytes
    tag: str


async def cameras(request: Request) -> Response:
    """Each camera, how it is, and when its last picture was taken."""
    Asked(request)
    site = site_of(request)
    figures = await in_thread(site.figures)
    health = figures.get("cameras") or {}
    items = []
    for camera in site.settings.cameras:
        taken = await in_thread(partial(_taken, site.pictures / name_of(camera.name)))
        items.append({"name": camera.name, "role": camera.role, **health.get(camera.name, {}), "latest": taken})
    return Json({"items": items, "next": None})


async def latest(request: Request) -> Response:
    """The last picture of a camera; `at` only tells caches apart."""
    Asked(request, "at")
    site, wanted = site_of(request), request.path_params["name"]
    if wanted not in [camera.name for camera in site.settings.cameras]:
        raise HTTPException(404, "there is no such camera")
    found = await in_thread(partial(_file, site.pictures, [name_of(wanted)]))
    if found is None:
        raise HTTPException(404, "no last picture of it is kept (snapshots.latest), or none was taken yet")
    return _answer(request, found)


async def picture(request: Request) -> Response:
    """The picture of a visit, an alert or a look."""
    Asked(request)
    site, event = site_of(request), request.path_params["id"]
    name = await read(partial(site.reader.picture, event))
    if name is None or parse(name) is None:
        raise HTTPException(404, "no picture was kept of it")
    final = name.removeprefix(TEMP)
    found = await in_thread(partial(_file, site.pictures, [name, final, TEMP + final]))
    if found is None:
        raise HTTPException(404, _GONE)
    return _answer(request, found)


def _answer(request: Request, found: _Picture) -> Response:
    """No cache may keep a face that is erased here."""
    headers = {"etag": found.tag, "cache-control": "private, no-store"}
    if found.tag in [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(found.data, media_type="image/jpeg", headers=headers)


def _file(folder: Path, names: Sequence[str]) -> _Picture | None:
    """The first of them that is there; a link leads nowhere."""
    for name in names:
        with suppress(OSError):
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
                    return _Picture(file.read(_LARGEST), f'"{status.st_mtime_ns:x}-{status.st_size:x}"')
    return None


def _taken(path: Path) -> Any:
    with suppress(OSError):
        return timestamp(Unix(path.stat().st_mtime))
    return None


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [
        guarded("/api/v1/cameras", cameras, needs=Needs.READ),
        guarded("/api/v1/cameras/{name}/latest.jpg", latest, needs=Needs.READ),
        guarded("/api/v1/pictures/{id}", picture, needs=Needs.READ),
    ]
