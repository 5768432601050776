"""The files of `static/`: read once, and named with their content, so that a browser asks once for each version."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, guarded
from edge_mask.web.packing import takes_gzip
from edge_mask.web.site import Site

_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, and the name of its version."""

    content: bytes
    kind: str
    version: str
    packed: bytes = b""
    """The same, compressed once and for all; empty where that saves nothing."""


@cache
def assets() -> Mapping[str, Asset]:
    """All of them, by name: what is not in this table is not served."""
    found = {}
    for path in files("edge_mask.web").joinpath("static").iterdir():
        kind = _TYPES.get("." + path.name.rpartition(".")[2])
        if kind is not None:
            content = path.read_bytes()
            packed = gzip.compress(content, 9, mtime=0)
            saves = len(packed) < 0.9 * len(content)
            found[path.name] = Asset(content, kind, sha256(content).hexdigest()[:10], packed if saves else b"")
    return found


def address_of(name: str) -> str:
    """From the root of the site, with the version."""
    return f"static/{name}?v={assets()[name].version}"


async def serve(request: Request) -> Response:
    """One file. Raises HTTPException."""
    found = assets().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404, "there is no such file")
    is_packed = bool(found.packed) and takes_gzip(request)
    headers = {
        "Cache-Control": _FOR_EVER if request.query_params.get("v") == found.version else _ASK_AGAIN,
        "ETag": f'"{found.version}-gz"' if is_packed else f'"{found.version}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if is_packed:
        return Response(found.packed, media_type=found.kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=found.kind, headers=headers)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """Open: the login looks like the rest."""
    return [guarded("/static/{name}", serve, needs=Needs.OPEN)]
