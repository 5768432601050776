"""The web of a house without server and network: one request, one answer. For tests of routes."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

from edge_mask.ledger.reader import Reader
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.model import Settings
from edge_mask.web.access import OF_ROLE, SCOPES, Principal, Role, Shown
from edge_mask.web.application import front
from edge_mask.web.site import Site

HOST = "127.0.0.1:8080"


@dataclass
class Known:
    """Accounts whose tokens are their names: `viewer`, `operator`, and each scope. As a bearer or as the cookie `who`
    (which is a session)."""

    has_users: bool = True

    def who(self, shown: Shown) -> Principal | None:
        if shown.bearer in SCOPES:
            return Principal(shown.bearer, frozenset({shown.bearer}))
        name = shown.bearer or next(iter(shown.all_of("who")), None)
        if name in set(Role):
            role = Role(name)
            return Principal(name, OF_ROLE[role], role, session=f"session of {name}")
        return None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Asking:
    """Asks an application; `who` is the user whose session is shown, `bearer` a token."""

    app: ASGIApp
    who: str | None = None
    bearer: str | None = None
    peer: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: bytes = b"", *, origin: str | None = f"http://{HOST}", **headers: str) -> Answer:
        return self.ask("POST", path, body, headers={**({"origin": origin} if origin else {}), **headers})

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        hangs_up: bool = False,
    ) -> Answer:
        """`content_type="…"` becomes the header `content-type`; with `hangs_up` the body has no end."""
        shown = {
            "host": HOST,
            **self.headers,
            **{name.replace("_", "-"): each for name, each in (headers or {}).items()},
        }
        if self.who is not None:
            shown["cookie"] = f"who={self.who}"
        if self.bearer is not None:
            shown["authorization"] = f"Bearer {self.bearer}"
        if body:
            shown.setdefault("content-length", str(len(body)))
        coming: list[Message] = [{"type": "http.request", "body": body, "more_body": hangs_up}]
        if hangs_up:
            coming.append({"type": "http.disconnect"})
        return asyncio.run(self._ask(method, path, coming, shown))

    async def _ask(self, method: str, path: str, coming: list[Message], headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(path)
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": method, "scheme": "http", "path": parts.path, "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(), "root_path": "", "client": (self.peer, 40_000),
            "server": ("127.0.0.1", 8080), "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip
        sent: list[Message] = []
        never = asyncio.Event()

        async def receive() -> Message:
            if not coming:
                await never.wait()
            return coming.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start = next(each for each in sent if each["type"] == "http.response.start")
        told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], told, b"".join(each.get("body", b"") for each in sent))


def site(folder: Path, *, web: Mapping[str, Any] | None = None, settings: Settings | None = None, **parts: Any) -> Site:
    """A house that has nothing but a database in `folder`; `parts` replace what a `Site` holds."""
    made = settings or Settings.model_validate(
        {"device": {"thing_name": "gate-01"}, "outbox": {"path": str(folder / "edge-mask.db")}, "web": web or {}}
    )
    given = {"clock": ManualClock(), "reader": Reader(made.outbox.path), "accounts": Known(), **parts}
    return Site(settings=made, **given)


def asking(site: Site, **who: Any) -> Asking:
    """Somebody who asks this house."""
    return Asking(front(site), **who)
