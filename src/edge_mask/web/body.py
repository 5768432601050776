"""How long the body of a request may be: known from its length, or counted as it comes."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_mask.units import Bytes

MOST_BODY: Final = Bytes(64 * 1024)
"""Of a request, unless its route takes more."""


class Limited:
    """Around one route. Raises HTTPException 413."""

    def __init__(self, app: ASGIApp, most: Bytes) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not told.isdigit() or int(told[:20]) > self._most:
            raise self._too_large()
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._most // 1024} KiB, the most that is taken here")
