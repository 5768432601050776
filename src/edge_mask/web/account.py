"""`/account`: one's own password, and where one is logged in."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from typing import Any, Final

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask.errors import TryLater
from edge_mask.web.access import Needs, Principal, principal_of, shown_by
from edge_mask.web.accounts.accounts import LoggedIn, TooSoon
from edge_mask.web.accounts.spelling import Unfit, password_of
from edge_mask.web.browser_name import browser_name
from edge_mask.web.door import door_of
from edge_mask.web.links import up
from edge_mask.web.login import field, form_of, let_out
from edge_mask.web.pages.frame import Notice, render, words_for
from edge_mask.web.pages.page import form, page
from edge_mask.web.site import Site
from edge_mask.web.threads import in_thread

_LETTERS: Final = 16
"""Of a session's key: enough to tell one's own apart."""
_NOTHING_WRONG: Final[Mapping[str, None]] = {"old": None, "new": None, "again": None}


class Account:
    """The page of whoever is logged in."""

    def __init__(self) -> None:
        self._one = CapacityLimiter(1)

    async def show(self, request: Request) -> Response:
        return await _page(request)

    async def change(self, request: Request) -> Response:
        """Another password; this browser gets a new session, all others end."""
        fields, who, door = await form_of(request), principal_of(request), door_of(request)
        old, new, again = (field(fields, name) for name in ("old", "new", "again"))
        words = words_for(request)
        if password_of(new) != password_of(again):
            return await _page(request, 422, again=words.t("account.differ"))
        agent = request.headers.get("user-agent", "")
        change = partial(door.accounts.change_password, who, old, new, address=shown_by(request).address, agent=agent)
        try:
            tried = await in_thread(change, self._one)
        except Unfit as unfit:
            return await _page(request, 422, new=words.t(f"account.unfit_{unfit.why}", count=len(password_of(new))))
        except TryLater as error:
            return await _page(request, 503, notices=[("bad", words.t("account.busy", why=str(error)))])
        if isinstance(tried, LoggedIn):
            response = RedirectResponse(f"{up(request)}account?done=password", status_code=303)
            door.let_in(request, response, tried.secret)
            return response
        if isinstance(tried, TooSoon):
            seconds = ceil(tried.seconds)
            answer = await _page(request, 429, old=words.t("account.too_soon", seconds=seconds))
            answer.headers["Retry-After"] = str(seconds)
            return answer
        return await _page(request, 403, old=words.t("account.wrong"))

    async def end(self, request: Request) -> Response:
        """One of one's sessions, or all, this one too."""
        fields, who, door = await form_of(request), principal_of(request), door_of(request)
        wanted = field(fields, "session")
        if wanted == "all":
            return await let_out(request, partial(door.accounts.end_sessions, who.name))
        for key in door.accounts.sessions(who):
            if key[:_LETTERS] == wanted:
                try:
                    await in_thread(partial(door.accounts.end_session, who.name, key))
                except TryLater as error:
                    text = words_for(request).t("account.not_kept", why=str(error))
                    return await _page(request, 503, notices=[("bad", text)])
        return RedirectResponse(f"{up(request)}account?done=logged_out", status_code=303)


async def _page(request: Request, status: int = 200, notices: Sequence[Notice] = (), **wrong: str) -> Response:
    """`wrong`: what is wrong with a field, by its name."""
    who = principal_of(request)
    sessions = await in_thread(partial(_sessions, request, who))
    return await render(
        request, "account.html", status=status, notices=notices, wrong={**_NOTHING_WRONG, **wrong}, sessions=sessions
    )


def _sessions(request: Request, who: Principal) -> list[dict[str, Any]]:
    found = door_of(request).accounts.sessions(who)
    return [
        {
            "id": key[:_LETTERS],
            "since": session.since,
            "used": used,
            "place": session.place,
            "browser": browser_name(session.agent),
            "is_this": key == who.session,
        }
        for key, (session, used) in found.items()
    ]


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For everybody who is logged in."""
    account = Account()
    return [
        page("/account", account.show, needs=Needs.VIEWER),
        *form("/account/password", account.change, needs=Needs.VIEWER, of="account"),
        *form("/account/sessions", account.end, needs=Needs.VIEWER, of="account"),
    ]
