"""The frame of every page, and `render`, which fills it.

A page is a template that extends `base.html`. It finds there: `t` and `many` (texts), `words` (numbers, times), `root`
(the way to the root of the site), `user`, `may_operate`, `now`, and what its handler gives.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from edge_mask import __version__
from edge_mask.errors import DatabaseError
from edge_mask.ledger.seen import MOST_COUNTED
from edge_mask.web.access import Needs, Principal, who_asks
from edge_mask.web.links import up
from edge_mask.web.pages.assets import address_of
from edge_mask.web.site import Site, site_of
from edge_mask.web.texts import LANGUAGES, preferred
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

Notice = tuple[Literal["good", "warn", "bad"], str]
"""A line above a page: how it is meant, and its text."""

ROOMS: Final = (
    ("now", ""),
    ("figures", "figures"),
    ("visits", "visits"),
    ("alerts", "alerts"),
    ("readings", "readings"),
)
"""The pages of the navigation, each with its path."""
THEMES: Final = ("auto", "light", "dark")
LANGUAGE_COOKIE: Final = "edge_mask_language"
THEME_COOKIE: Final = "edge_mask_theme"
_A_YEAR: Final = 31_536_000
_PASSING: Final = ("lang", "theme", "done")
"""What an address says once; links do not carry it on."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """How this browser wants its pages."""

    language: str
    theme: str


def preferences(request: Request) -> Preferences:
    """From the address, where it says so (and the answer keeps that), else from before, else from the browser."""
    asked, kept = request.query_params, request.cookies
    language = next(
        (each for each in (asked.get("lang"), kept.get(LANGUAGE_COOKIE)) if each in LANGUAGES),
        preferred(request.headers.get("accept-language", "")),
    )
    theme = next((each for each in (asked.get("theme"), kept.get(THEME_COOKIE)) if each in THEMES), THEMES[0])
    return Preferences(str(language), str(theme))


def words_for(request: Request) -> Words:
    """The texts in the language of whoever asks, times in the zone of the site."""
    return Words(preferences(request).language, site_of(request).zone)


async def render(
    request: Request,
    template: str,
    *,
    room: str | None = None,
    status: int = 200,
    notices: Sequence[Notice] = (),
    live: str | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page. `room`: its place in the navigation; `live`: the kinds of events that make it old, or none."""
    wish = preferences(request)
    given = {"room": room, "notices": [*notices, *_done(request)], "live": live, **values}
    text = await in_thread(lambda: _filled(request, template, wish, given))
    response = HTMLResponse(text, status_code=status, headers={"Vary": "Cookie, Accept-Language"})
    for cookie, name, value in ((LANGUAGE_COOKIE, "lang", wish.language), (THEME_COOKIE, "theme", wish.theme)):
        if request.query_params.get(name) == value:
            response.set_cookie(cookie, value, max_age=_A_YEAR, path="/", httponly=True, samesite="lax")
    return response


def _filled(request: Request, template: str, wish: Preferences, given: Mapping[str, Any]) -> str:
    site, user = site_of(request), who_asks(request)
    words = Words(wish.language, site.zone)
    root = up(request)
    values = {
        "words": words,
        "t": words.t,
        "many": words.many,
        "root": root,
        "asset": lambda name: root + address_of(name),
        "here": lambda **changes: changed_query(request.url.query, changes),
        "theme": wish.theme,
        "languages": LANGUAGES,
        "rooms": () if site.is_safe_mode else ROOMS,
        "device": site.settings.device.labels.name or site.thing,  # a stranger is told neither: see base.html
        "thing": site.thing,
        "zone": site.settings.device.timezone,
        "version": __version__,
        "now": site.clock.now().wall,
        "user": user if user is not None and user.role is not None else None,
        "may_operate": user is not None and user.may(Needs.OPERATOR),
        **_unseen(site, user, words),
        "has_panels": bool(site.settings.panels),
        "has_push": site.push is not None,
        **given,
    }
    text: str = environment().get_template(template).render(values)
    return text


@cache
def environment() -> Environment:
    """The templates; whatever they are given is text, never markup."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def changed_query(query: str, changes: Mapping[str, object]) -> str:
    """The same question with some answers changed; None takes one out. A new filter begins at the first page."""
    kept = [
        (name, value)
        for name, value in parse_qsl(query)
        if name not in changes and name not in _PASSING and (name != "cursor" or not changes.keys() - set(_PASSING))
    ]
    return urlencode([*kept, *((name, str(value)) for name, value in changes.items() if value is not None)])


def _done(request: Request) -> Sequence[Notice]:
    """What the page before has done, told on this one."""
    words, done = words_for(request), request.query_params.get("done", "")
    return [("good", words.word("done", done))] if words.knows("done", done) else []


def _unseen(site: Site, user: Principal | None, words: Words) -> Mapping[str, Any]:
    """Alerts and faults that nobody has marked as seen; 0 while the database cannot be read, which its page says."""
    counts = [0]
    if user is not None and user.role is not None and not site.is_safe_mode:
        with suppress(DatabaseError), site.reader.held() as reader:
            counts = [reader.unseen("alerts"), reader.unseen("faults")]
    more = "+" if max(counts) >= MOST_COUNTED else ""
    return {"unseen": sum(counts), "unseen_text": words.number(sum(counts)) + more}
