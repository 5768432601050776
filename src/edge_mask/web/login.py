"""`/login` and `/logout`.

A wrong name and a wrong password have one answer, and take the same time. Too many of them have to wait, which is told.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import Final
from urllib.parse import urlencode

from anyio import CapacityLimiter
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask.errors import TryLater
from edge_mask.web.access import Needs, shown_by, who_asks
from edge_mask.web.accounts.accounts import FIRST_USER, LoggedIn, TooSoon
from edge_mask.web.accounts.spelling import LONGEST_NAME
from edge_mask.web.door import Door, door_of
from edge_mask.web.links import safe_next, up
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.page import form, page
from edge_mask.web.problems import answer, wants_page
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread
from edge_mask.web.words import Words

_FORM: Final = "application/x-www-form-urlencoded"


class Login:
    """Hashes one password at a time, in a thread besides those of the pages."""

    def __init__(self) -> None:
        self._one = CapacityLimiter(1)

    async def show(self, request: Request) -> Response:
        """The form; whoever is logged in already goes on."""
        wanted = safe_next(request.query_params.get("next"))
        who = who_asks(request)
        if who is not None and who.role is not None:
            return RedirectResponse(f"{up(request)}{wanted}", status_code=303)
        answer = await _form_page(request, door_of(request), wanted)
        if request.headers.get("sec-fetch-site") == "cross-site":
            # By a link on another site: the browser keeps the cookie back (SameSite=Strict) until we ask ourselves.
            answer.headers["Refresh"] = f"0; url=?{urlencode({'next': wanted})}"
        return answer

    async def enter(self, request: Request) -> Response:
        """The form, filled in. A session that the browser shows ends: one that was planted opens nothing."""
        fields = await form_of(request)
        door, shown = door_of(request), shown_by(request)
        tried = await in_thread(
            partial(
                door.accounts.login,
                field(fields, "name"),
                field(fields, "password"),
                address=shown.address,
                agent=request.headers.get("user-agent", ""),
                instead_of=door.secrets(shown),
            ),
            self._one,
        )
        wanted = safe_next(field(fields, "next"))
        if not isinstance(tried, LoggedIn):
            wait = tried.seconds if isinstance(tried, TooSoon) else 0.0
            return await _form_page(request, door, wanted, wait, field(fields, "name"))
        response = RedirectResponse(f"{up(request)}{wanted}", status_code=303)
        door.let_in(request, response, tried.secret)
        return response

    async def leave(self, request: Request) -> Response:
        """Ends this session, and every other one that the browser shows."""
        door = door_of(request)
        return await let_out(request, partial(door.accounts.end_shown, door.secrets(shown_by(request))))


async def let_out(request: Request, end: Callable[[], None]) -> Response:
    """This browser is out when `end` has ended its session; what could not be written is told, never "done"."""
    response: Response = RedirectResponse(f"{up(request)}login", status_code=303)
    try:
        await in_thread(end)
    except TryLater as error:
        response = answer(request, 503, words_for(request).t("account.not_kept", why=str(error)))
    door_of(request).let_out(request, response)
    return response


async def form_of(request: Request) -> FormData:
    """The fields of a form without files. Raises HTTPException."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, f"a form is expected here: {_FORM}")
    return await request.form(max_fields=40)


def field(fields: FormData, name: str) -> str:
    """Its text; nothing for one that was not sent."""
    found = fields.get(name)
    return found if isinstance(found, str) else ""


async def _form_page(request: Request, door: Door, wanted: str, wait: float | None = None, name: str = "") -> Response:
    """The form; `wait`: after a try that failed as `name`, the seconds until the next."""
    words = words_for(request)
    status, headers, text = _told(words, wait)
    if text and not wants_page(request):
        raise HTTPException(status, text, headers=headers)
    trouble = await in_thread(door.accounts.trouble)
    answer = await render(
        request, "login.html", status=status, wrong=text, typed=name[:LONGEST_NAME], wanted=wanted,
        is_new=trouble == FIRST_USER, is_closed=trouble not in ("", FIRST_USER),
    )  # fmt: skip
    answer.headers.update(headers)
    return answer


def _told(words: Words, wait: float | None) -> tuple[int, dict[str, str], str]:
    if wait is None:
        return 200, {}, ""
    if wait > 0:
        seconds = ceil(wait)
        return 429, {"Retry-After": str(seconds)}, words.t("login.too_soon", seconds=seconds)
    return 403, {}, words.t("login.wrong")


def routes(_site: Site) -> Sequence[BaseRoute]:
    """The form is open to everybody."""
    login = Login()
    return [
        page("/login", login.show, needs=Needs.OPEN),
        page("/login", login.enter, needs=Needs.OPEN, methods=("POST",)),
        *form("/logout", login.leave, needs=Needs.VIEWER, of=""),
    ]
