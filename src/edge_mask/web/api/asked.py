"""What a request asks for, read strictly: a wrong parameter is answered with a sentence that names it."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, tzinfo
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge_mask.ledger.figures import Which
from edge_mask.ledger.site_time import earliest, latest
from edge_mask.suggest import did_you_mean
from edge_mask.web.site import site_of

MOST_ROWS: Final = 500
USUAL_ROWS: Final = 50
PERIOD: Final = ("from", "to")
_LONGEST: Final = 400
_WORD: Final = re.compile(r"[a-z0-9_]{1,64}")
_LOST_PLUS: Final = re.compile(r" (\d\d:?\d\d)$")
"""A `+` that was not written as `%2B` arrives as a blank."""
_EARLIEST, _LATEST = 1971, 9000
Meaning = Callable[[datetime, tzinfo], float]
"""Years that calendars can be asked for with a margin."""


class Asked:
    """The parameters of one request. Methods raise HTTPException 400."""

    def __init__(self, request: Request, *known: str) -> None:
        self._zone = site_of(request).zone
        self._given: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                raise wrong(
                    name, f"is no parameter here{did_you_mean(name, known)}; allowed: {', '.join(known) or 'none'}"
                )
            if name in self._given:
                raise wrong(name, "is given twice; allowed: once")
            if len(value) > _LONGEST or not value.isprintable():
                raise wrong(name, f"is too long or no text; allowed: up to {_LONGEST} characters that can be printed")
            self._given[name] = value

    def text(self, name: str) -> str | None:
        """Any text; an empty one is none."""
        return self._given.get(name) or None

    def word(self, name: str) -> str | None:
        """A word of the messages, such as `no_mask`."""
        found = self.text(name)
        if found is not None and not _WORD.fullmatch(found):
            raise wrong(name, f"found {found[:60]!a}; allowed: a word such as no_mask")
        return found

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of these."""
        found = self.text(name)
        if found is not None and found not in allowed:
            raise wrong(name, f"found {found[:60]!a}; allowed: {', '.join(allowed)}")
        return found

    def yes(self, name: str) -> bool:
        """`true` or `false`; without it false."""
        return self.one_of(name, ("true", "false")) == "true"

    def limit(self, usual: int = USUAL_ROWS, most: int = MOST_ROWS) -> int:
        """How many rows."""
        found = self.text("limit")
        if found is None:
            return usual
        if not (found.isascii() and found.isdigit() and len(found) < 10 and 1 <= int(found) <= most):
            raise wrong("limit", f"found {found[:60]!a}; allowed: 1 to {most}")
        return int(found)

    def moment(self, name: str, meant: Meaning = earliest) -> float | None:
        """RFC 3339; a date or a time without an offset is the site's. Unix seconds."""
        found = self.text(name)
        return None if found is None else moment(name, found, self._zone, meant)

    def day(self, name: str) -> date | None:
        """A date of the site."""
        found = self.text(name)
        if found is None:
            return None
        try:
            read = date.fromisoformat(found)
        except ValueError:
            read = date.min
        if not _EARLIEST <= read.year <= _LATEST:
            raise wrong(name, f"found {found[:60]!a}; allowed: a date such as 2026-11-20")
        return read

    def period(self) -> tuple[float | None, float | None]:
        """`from` and `to`."""
        since, until = self.moment("from"), self.moment("to", latest)
        if since is not None and until is not None and until <= since:
            raise wrong("to", "is not after from")
        return since, until

    def visits(self) -> Which:
        """The filters of visits."""
        since, until = self.period()
        verdict = self.one_of("verdict", ("pass", "no_pass")) if "verdict" in self._given else None
        return Which(
            since=since,
            until=until,
            camera=self.text("camera"),
            is_pass=None if verdict is None else verdict == "pass",
            reason=self.word("reason"),
        )


def moment(name: str, text: str, zone: tzinfo, meant: Meaning = earliest) -> float:
    """Unix seconds. Raises HTTPException 400."""
    read = _time(text)
    if read is None or not _EARLIEST <= read.year <= _LATEST:
        allowed = f"a date, or a time such as 2026-11-20T09:30:00+09:00, of the years {_EARLIEST} to {_LATEST}"
        raise wrong(name, f"found {text[:60]!a}; allowed: {allowed}")
    return meant(read, zone)


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text) if text.count(":") > 1 else text)
    except ValueError:
        return None


def wrong(name: str, why: str) -> HTTPException:
    """400, with the parameter's name."""
    return HTTPException(400, f"{name if name.isprintable() else ascii(name)}"[:100] + f": {why}")
