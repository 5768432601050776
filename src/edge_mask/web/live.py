"""`GET /api/v1/events`: what the house says, as it says it (server-sent events)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from edge_mask.web.access import Needs, Principal, guarded, principal_of, shown_by
from edge_mask.web.feed import UNASKED, WORDS, Feed, Stream
from edge_mask.web.missed import Missed
from edge_mask.web.site import Site, site_of

MOST_IN_ALL: Final = 32
MOST_A_SESSION: Final = 6
MOST_A_USER: Final = 8
"""Over all sessions and tokens; somebody who could open sessions without end would otherwise have all streams."""
FOR_OPERATORS: Final = 8
"""Of all, that nobody else gets: whoever controls the gate finds a place."""
HEARTBEAT: Final = 15.0
"""Seconds; proxies cut what is silent for a minute."""
_FIRST: Final = b"retry: 2000\n\n"
_BEAT: Final = b"event: here\ndata: {}\n\n"
"""An event and no comment: a page hears it, and knows by its absence that the connection is lost."""


async def events(request: Request) -> Response:
    """A stream that ends with the session, with the server, or when its reader is too slow."""
    site, principal = site_of(request), principal_of(request)
    words = _words(request)
    listener = principal.session or f"token {principal.name}"
    if _is_full(site.feed, listener, principal):
        raise HTTPException(503, "too many streams are open already", headers={"Retry-After": "30"})
    headers = {"x-accel-buffering": "no"}
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers)
    stream = site.feed.listen(
        words, listener, principal.person
    )  # counted from now on: the answer begins a moment later
    missed = Missed(site, request.headers.get("last-event-id", ""), words)
    return _Streaming(_body(request, principal, stream, missed), stream, site.feed, headers)


def _is_full(feed: Feed, listener: str, principal: Principal) -> bool:
    most = MOST_IN_ALL if principal.may(Needs.CONTROL) else MOST_IN_ALL - FOR_OPERATORS
    is_enough = feed.streams_of(listener) >= MOST_A_SESSION or feed.streams_for(principal.person) >= MOST_A_USER
    return is_enough or len(feed) >= most


class _Streaming(StreamingResponse):
    """Leaves the feed even when its body never began: the client may have gone."""

    def __init__(self, body: AsyncIterator[bytes], stream: Stream, feed: Feed, headers: Mapping[str, str]) -> None:
        super().__init__(body, media_type="text/event-stream", headers=headers)
        self._stream = stream
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.leave(self._stream)


async def _body(request: Request, principal: Principal, stream: Stream, missed: Missed) -> AsyncIterator[bytes]:
    accounts, shown = site_of(request).accounts, shown_by(request)
    yield _FIRST
    sent: set[str] = set()
    for part in await missed.parts():
        sent |= part.ids
        yield part.events
    while not stream.is_over or stream.is_filled:
        told = await stream.take(HEARTBEAT)
        now = accounts.who(shown)
        if now is None or not now.may(Needs.READ) or now.session != principal.session:
            return
        yield b"".join(each.as_event() for each in told if each.id not in sent) or _BEAT


def _words(request: Request) -> frozenset[str]:
    """`?kinds=visit,alert`; without it what `feed.UNASKED` names."""
    asked = request.query_params.get("kinds")
    if asked is None:
        return UNASKED
    words = frozenset(filter(None, asked.split(",")))
    if unknown := words - frozenset(WORDS.values()):
        allowed = ", ".join(sorted(WORDS.values()))
        raise HTTPException(400, f"kinds: there is no {min(unknown)!a}; allowed: {allowed}")
    return words


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [guarded("/api/v1/events", events, needs=Needs.READ)]
