"""What a stream has missed since the event that it saw last: from the feed's own memory, else from the history.

An id tells when its event was seen (UUIDv7), not when it was recorded: a visit may wait for its passage. So the history
is read from a minute earlier, and some events come twice: receivers know them by their ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from edge_mask.errors import DatabaseError
from edge_mask.ledger.figures import Which
from edge_mask.ledger.pages import Page
from edge_mask.ledger.reader import Reader
from edge_mask.web.api.shapes import message
from edge_mask.web.feed import Told
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread
from edge_mask.wire.envelope import to_bytes

MOST: Final = 300
"""Events of each kind that are read from the history: the newest."""
_EARLIER: Final = 60.0
_GAP: Final = b'event: gap\ndata: {"missed": true}\n\n'
"""More was missed than is sent: whoever shows lists reads them again."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what was missed, as events."""

    events: bytes
    ids: frozenset[str]


class Missed:
    """What one stream has missed, as it was when this was made."""

    def __init__(self, site: Site, after: str, words: frozenset[str]) -> None:
        """`after` is the id of the last event, or nothing."""
        self._site = site
        self._words = words
        kept = site.feed.since(after) if after else []
        self._kept = None if kept is None else [told for told in kept if told.word in words]
        self._after = after

    async def parts(self) -> Sequence[Part]:
        """The oldest first."""
        if self._kept is not None:
            return [_part(self._kept)] if self._kept else []
        since = _moment(self._after)
        if since is None:
            return [Part(_GAP, frozenset())]
        try:
            told, is_all = await in_thread(partial(_history, self._site, since, self._after, self._words))
        except DatabaseError:  # what comes from now on is sent all the same
            return [Part(_GAP, frozenset())]
        return [*([] if is_all else [Part(_GAP, frozenset())]), *([_part(told)] if told else [])]


def _part(told: Sequence[Told]) -> Part:
    return Part(b"".join(each.as_event() for each in told), frozenset(each.id for each in told))


def _moment(event_id: str) -> float | None:
    """Unix seconds; None for what is no id of ours."""
    try:
        found = UUID(event_id)
    except ValueError:
        return None
    return (found.int >> 80) / 1000 if found.version == 7 else None


def _pages(reader: Reader, words: frozenset[str], since: float) -> Iterator[tuple[str, str, Page]]:
    """The newest page of each kind, which may hold older rows, too."""
    which = Which(since=since)
    if "visit" in words:
        yield "visit", "visits", reader.visit_page(which, limit=MOST)
    if "amendment" in words:
        yield "amendment", "amendments", reader.amendment_page(limit=MOST)
    if "look" in words:
        yield "look", "looks", reader.look_page(which, limit=MOST)
    if "reading" in words:
        yield "reading", "readings", reader.reading_page(which, None, None, limit=MOST)
    if "alert" in words:
        yield "alert", "alerts", reader.event_page("alerts", limit=MOST)
    if "fault" in words:
        yield "fault", "faults", reader.event_page("faults", limit=MOST)


def _history(site: Site, since: float, after: str, words: frozenset[str]) -> tuple[list[Told], bool]:
    """The newest of each kind in the order of time, and whether that is everything."""
    rows: list[tuple[float, Told]] = []
    is_all = True
    for word, table, page in _pages(site.reader, words, since - _EARLIER):
        times = [float(row["visited" if table == "visits" else "at"]) for row in page.rows]
        is_all = is_all and (page.next is None or times[-1] < since - _EARLIER)
        for at, row in zip(times, page.rows, strict=True):
            if at >= since - _EARLIER:
                told = message(site.thing, table, row)
                rows.append((at, Told(word, str(told["id"]), to_bytes(told))))
    rows.sort(key=lambda each: (each[0], each[1].id))
    return [told for _, told in rows if told.id != after], is_all
