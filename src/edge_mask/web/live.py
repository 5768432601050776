"""`GET /api/v1/events`: what the house says, as it says it (server-sent events)."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from edge_mask.web.access import Needs, Principal, guarded, principal_of, shown_by
from edge_mask.web.feed import UNASKED, WORDS, Told
from edge_mask.web.site import Site, site_of

MOST_IN_ALL: Final = 32
MOST_A_SESSION: Final = 6
HEARTBEAT: Final = 15.0
"""Seconds; proxies cut what is silent for a minute."""
_FIRST: Final = b"retry: 2000\n\n"
_BEAT: Final = b"event: here\ndata: {}\n\n"
"""An event and no comment: a page hears it, and knows by its absence that the connection is lost."""


class Live:
    """Counts who listens."""

    def __init__(self) -> None:
        self._by_session: Counter[str] = Counter()

    async def events(self, request: Request) -> Response:
        """A stream that ends with the session, with the server, or when its reader is too slow."""
        site, principal = site_of(request), principal_of(request)
        words = _words(request)
        session = principal.session or f"token {principal.name}"
        if self._by_session[session] >= MOST_A_SESSION or self._by_session.total() >= MOST_IN_ALL:
            raise HTTPException(503, "too many streams are open already", headers={"Retry-After": "30"})
        after = request.headers.get("last-event-id", "")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        body = self._body(request, site, principal, session, words, after)
        return StreamingResponse(body, media_type="text/event-stream", headers=headers)

    async def _body(
        self, request: Request, site: Site, principal: Principal, session: str, words: frozenset[str], after: str
    ) -> AsyncIterator[bytes]:
        shown = shown_by(request)
        stream = site.feed.listen(words)
        self._by_session[session] += 1
        try:
            yield _FIRST
            for told in _missed(site, after, words):
                yield told.as_event()
            while True:
                events = await stream.take(HEARTBEAT)
                now = site.accounts.who(shown)
                if now is None or not now.may(Needs.READ) or now.session != principal.session:
                    return
                if not events and stream.is_over:
                    return
                yield b"".join(told.as_event() for told in events) or _BEAT
        finally:
            site.feed.leave(stream)
            self._by_session[session] -= 1
            if not self._by_session[session]:
                del self._by_session[session]


def _words(request: Request) -> frozenset[str]:
    """`?kinds=visit,alert`; without it everything but detections."""
    asked = request.query_params.get("kinds")
    if asked is None:
        return UNASKED
    words = frozenset(filter(None, asked.split(",")))
    if unknown := words - frozenset(WORDS.values()):
        allowed = ", ".join(sorted(WORDS.values()))
        raise HTTPException(400, f"kinds: there is no {min(unknown)!a}; allowed: {allowed}")
    return words


def _missed(site: Site, after: str, words: frozenset[str]) -> Sequence[Told]:
    """What came after this event, as far as it is kept."""
    kept = site.feed.since(after) if after else None
    return [told for told in kept or () if told.word in words]


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [guarded("/api/v1/events", Live().events, needs=Needs.READ)]
