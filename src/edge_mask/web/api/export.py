"""All visits that a filter finds, newest first, as CSV or JSON lines: page after page, as fast as they are read.

Between two pages no transaction is open, so that a slow reader holds nothing up, and what is erased meanwhile is not in
what follows.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from edge_mask.ledger import as_csv
from edge_mask.ledger.figures import Which
from edge_mask.ledger.pages import Page
from edge_mask.web.access import Needs, guarded
from edge_mask.web.api.answers import read
from edge_mask.web.api.asked import Asked
from edge_mask.web.api.history import FILTERS
from edge_mask.web.api.shapes import message
from edge_mask.web.site import Site, site_of
from edge_mask.wire.envelope import to_bytes

_ROWS: Final = 500
_CRLF: Final = "\r\n"
"""RFC 4180."""
_BOM: Final = "\ufeff"
"""By this Excel knows UTF-8."""


async def csv(request: Request) -> Response:
    """As `edge-mask history --csv`; `bom=true` for a double click into Excel."""
    site, asked = site_of(request), Asked(request, *FILTERS, "bom")
    which, begin = asked.visits(), f"{_BOM if asked.yes('bom') else ''}{as_csv.header(_CRLF)}".encode()

    def lines(page: Page) -> bytes:
        return "".join(as_csv.lines(page.rows, site.zone, _CRLF)).encode()

    return await _download(site, which, lines, begin, "text/csv; charset=utf-8", "visits.csv")


async def json_lines(request: Request) -> Response:
    """One message on each line."""
    site, asked = site_of(request), Asked(request, *FILTERS)

    def lines(page: Page) -> bytes:
        return b"".join(to_bytes(message(site.thing, "visits", row)) + b"\n" for row in page.rows)

    return await _download(site, asked.visits(), lines, b"", "application/jsonl", "visits.jsonl")


async def _download(
    site: Site, which: Which, lines: Callable[[Page], bytes], begin: bytes, media_type: str, name: str
) -> Response:
    first = await read(partial(site.reader.visit_page, which, None, _ROWS))  # what is wrong is told before it begins

    async def body() -> AsyncIterator[bytes]:
        page = first
        yield begin + lines(page)
        while page.next is not None:
            page = await read(partial(site.reader.visit_page, which, page.next, _ROWS))
            yield lines(page)

    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body(), media_type=media_type, headers=headers)


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who may read."""
    return [
        guarded("/api/v1/visits.csv", csv, needs=Needs.READ),
        guarded("/api/v1/visits.jsonl", json_lines, needs=Needs.READ),
    ]
