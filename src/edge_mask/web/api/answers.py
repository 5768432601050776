"""How the routes of the API ask what blocks, and what they answer when it fails."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from time import monotonic
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException

from edge_mask.errors import DatabaseError, EdgeMaskError, Refused
from edge_mask.web.commands import PATIENCE, STATUS
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread

log = logging.getLogger(__name__)

T = TypeVar("T")
_AGAIN: Final = {"Retry-After": "5"}
_TOLD_FOR: Final = 3600.0
"""Seconds: a browser asks every few of them, and each page asks several times."""


class _Outage:
    """One line in the log for each reason, and not for each request."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def tell(self, reason: str) -> None:
        now = monotonic()
        is_new = now - self._told.get(reason, -_TOLD_FOR) >= _TOLD_FOR
        log.log(logging.WARNING if is_new else logging.DEBUG, "web: the history cannot be read: %s", reason)
        if is_new:
            self._told = {**{text: at for text, at in self._told.items() if now - at < _TOLD_FOR}, reason: now}


_outage = _Outage()


async def read(work: Callable[[], T]) -> T:
    """What a query answers, in a thread. Raises HTTPException: 400 for what it refuses, 503 without a database."""
    try:
        return await in_thread(work)
    except DatabaseError as error:
        _outage.tell(str(error))
        raise HTTPException(503, "the history cannot be read now; the log says why", headers=_AGAIN) from None
    except Refused as error:
        raise HTTPException(400, str(error)) from None


async def recorded(asked: "Future[T]") -> T:
    """What the recorder answers. Raises HTTPException 503."""
    done, _ = await asyncio.wait({waited := asyncio.wrap_future(asked)}, timeout=PATIENCE)
    if not done or waited.cancelled():
        raise HTTPException(503, f"the database has not answered for {PATIENCE:g} s", headers=_AGAIN)
    try:
        return waited.result()
    except EdgeMaskError as error:
        raise HTTPException(503, str(error), headers=_AGAIN) from None


async def carried_out(site: Site, name: str, fields: bytes = b"{}") -> dict[str, Any]:
    """The answer of a command without `ok`. Raises HTTPException with the status of its code."""
    said: Mapping[str, Any] = await recorded(site.ask(name, fields, "application/json"))
    if not said["ok"]:
        error = said["error"]
        raise HTTPException(STATUS[error["code"]], error["text"])
    return {key: value for key, value in said.items() if key not in ("ok", "request_id")}
