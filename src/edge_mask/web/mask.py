"""`POST /mask/`: what the model sees in one picture, which is gone afterwards.

request ──▶ at most 4 bodies at once ──▶ form, format, size ──▶ at most 8 wait ──▶ decoded, looked at ──▶ verdict
                  └─ 503 ┘                  400 413 415 422         └─ 503 ┘
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from edge_mask.errors import ModelError, Refused, TryLater
from edge_mask.messages import MASK
from edge_mask.web.access import Needs, guarded
from edge_mask.web.site import Site, site_of
from edge_mask.web.upload import MOST_BODY, picture_in

MEMORY: Final = 4 * MOST_BODY
"""Bytes of all pictures that are inside, until they were looked at."""
UPLOADS: Final = 4
"""Bodies that are read at once."""
WAITING: Final = 8
"""Pictures that are decoded, looked at, or wait for that."""
TO_UPLOAD: Final = 20.0
"""Seconds; a place must not be held by somebody who sends a byte now and then."""
TO_LOOK: Final = 10.0
"""Seconds until somebody whose picture waits is told to come again."""
_FIELDS: Final = ("verdict", "faces", "inference_ms", "model")


class _Room:
    """So much may be inside; in the event loop alone."""

    def __init__(self, most: int, busy: str) -> None:
        self._free = most
        self._busy = busy

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Raises HTTPException 503."""
        if size > self._free:
            raise busy(self._busy)
        self._free -= size
        try:
            yield
        finally:
            self._free += size


class Mask:
    """The route of one house."""

    def __init__(self) -> None:
        self._memory = _Room(MEMORY, "the pictures that wait already take all the memory there is for them")
        self._uploads = _Room(UPLOADS, f"{UPLOADS} pictures are being sent already")
        self._looks = _Room(WAITING, f"{WAITING} pictures wait already, and the cameras go first")

    async def post(self, request: Request) -> Response:
        """The verdict, or a problem that says what to send."""
        with self._memory.of(_size(request)):
            with self._uploads.of(1):
                picture = picture_in(request.headers.get("content-type", ""), await _body(request))
            with self._looks.of(1):
                said = await _looked_at(site_of(request), picture)
        answer = {name: said[name] for name in _FIELDS}
        return JSONResponse({**answer, "ispass": int(said["verdict"] == MASK)})


def _size(request: Request) -> int:
    """As it is announced, which the server holds its sender to; the most that is taken when it is not."""
    told = request.headers.get("content-length", "")
    return min(int(told), MOST_BODY) if told.isdecimal() else MOST_BODY


async def _body(request: Request) -> bytes:
    """As it came; its length is bounded by the route. Raises HTTPException."""
    try:
        async with asyncio.timeout(TO_UPLOAD):
            # Not request.body(): that would be kept as long as the request.
            return b"".join([piece async for piece in request.stream()])
    except TimeoutError:
        text = f"the picture did not arrive within {TO_UPLOAD:g} s"
        raise HTTPException(408, text, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the sender has gone") from None


async def _looked_at(site: Site, picture: bytes) -> Mapping[str, Any]:
    """Raises HTTPException."""
    try:
        async with asyncio.timeout(TO_LOOK):
            return await asyncio.wrap_future(site.look(picture))
    except TimeoutError:  # what still waited is taken out of the line
        raise busy(f"the pictures before this one take longer than {TO_LOOK:g} s") from None
    except TryLater as error:
        raise busy(str(error)) from None
    except ModelError as error:
        raise HTTPException(500, str(error)) from None
    except Refused as error:
        raise HTTPException(400, str(error)) from None


def busy(why: str) -> HTTPException:
    """Soon it may be possible."""
    return HTTPException(503, why, headers={"Retry-After": "1"})


def routes(_site: Site) -> Sequence[BaseRoute]:
    """With and without the slash: a form that is sent to the other one must not be sent twice."""
    post = Mask().post
    return [
        guarded(path, post, needs=Needs.INFER, methods=("POST",), most_body=MOST_BODY, name="mask")
        for path in ("/mask/", "/mask")
    ]
