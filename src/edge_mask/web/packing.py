"""Answers are compressed where that is worth it and tells nothing.

Only those of GET: the size of a compressed answer tells what stands in it twice (BREACH), so no secret may stand in one
beside words of the asker. A new token stands in the answer to a POST alone, and cookies in no answer's body.
"""

from typing import Final

from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

LEAST: Final = 1024
"""Bytes; less goes in one packet anyway."""
_LEVEL: Final = 5
_IN_A_THREAD: Final = 1024 * 1024
"""Bytes of one piece that would hold up the loop for longer than a thread costs."""
_NOT: Final = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream")


class Packing:
    """Around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._packed = GZipMiddleware(app, LEAST, _LEVEL, _IN_A_THREAD, exclude_content_types=_NOT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_be = scope["method"] == "GET" and takes_gzip(Request(scope))
        await (self._packed if may_be else self._plain)(scope, receive, send)


def takes_gzip(request: Request) -> bool:
    """Whether the asker can unpack it."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
