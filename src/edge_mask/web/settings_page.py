"""`/settings`: what is in force and from where, and the overlay, which is changed here as `configure` changes it.

For operators alone: who reads addresses of cameras and brokers here could as well change them.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_mask import yaml_file
from edge_mask.redact import redact
from edge_mask.settings.load import LoadedSettings
from edge_mask.settings.origins import Value, overlaid, values
from edge_mask.settings.overlay import NOT_FROM_OUTSIDE
from edge_mask.web.access import Needs, principal_of
from edge_mask.web.commands import PATIENCE, STATUS
from edge_mask.web.links import up
from edge_mask.web.login import field, form_of
from edge_mask.web.pages.frame import Notice, render, words_for
from edge_mask.web.pages.page import form, page
from edge_mask.web.site import Said, Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.usual_settings import BEFORE, Typed, changes, typed_in, usual, wrong

log = logging.getLogger(__name__)

_JSON: Final = "application/json"
_LONGEST_NUMBER: Final = 9


Given = str | Typed
"""What was typed: YAML, or the usual fields."""


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the configuration."""

    name: str
    written: Sequence[Value]
    defaults: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    file: str
    overlay_file: str
    version: int
    parts: Sequence[Part]
    overlaid: Sequence[tuple[Value, str]]
    """With its key as the form sends it back."""
    remarks: Sequence[str]
    is_changed: bool
    """The file says something else by now."""


async def show(request: Request) -> Response:
    return await _page(request)


async def wish(request: Request) -> Response:
    """Merge what was written into the overlay."""
    fields = await form_of(request)
    text = field(fields, "wish")
    document = yaml_file.read(text, words_for(request).t("settings.yours"), is_short=True)
    data = document.data
    problems = [redact(each) for each in document.problems]
    if not problems and (not isinstance(data, dict) or not data):
        problems = [words_for(request).t("settings.no_part")]
    if problems:
        return await _page(request, 422, given=text, problems=problems)
    return await _wished(request, data, field(fields, "version"), text)


async def wish_usual(request: Request) -> Response:
    """Merge the fields that were changed into the overlay."""
    loaded = site_of(request).in_force()
    if loaded is None:
        raise HTTPException(503, words_for(request).t("settings.not_told"))
    sent = await form_of(request)
    shown = await in_thread(partial(usual, loaded))
    typed = typed_in(shown, {name: field(sent, name) for name in sent})
    data = changes(shown, typed)
    if any(typed.is_stale(each) for each in shown if typed.is_touched(each)):  # a file that was read again, too
        return await _outdated(request, typed)
    if not data:
        return RedirectResponse(f"{up(request)}settings", status_code=303)
    return await _wished(request, data, field(sent, "version"), typed)


async def take_back(request: Request) -> Response:
    """Take one key out of the overlay again."""
    fields = await form_of(request)
    try:
        key = json.loads(field(fields, "key"))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or not key or not all(isinstance(part, str) for part in key):
        raise HTTPException(400, "key: allowed is a list of names, as the page sends it")
    data: Any = None
    for part in reversed(key):
        data = {part: data}
    return await _wished(request, data, field(fields, "version"), "")


async def read_again(request: Request) -> Response:
    """As SIGHUP does."""
    return await _answered(request, "reload", {}, "")


async def _wished(request: Request, data: Mapping[str, Any], version: str, given: Given) -> Response:
    if not version.isascii() or not version.isdigit() or len(version) > _LONGEST_NUMBER:
        raise HTTPException(400, "version: allowed is the number that the page sends")
    return await _answered(request, "configure", {"set": data, "config_version": int(version)}, given)


async def _answered(request: Request, name: str, asked: Mapping[str, Any], given: Given) -> Response:
    """Carried out: the page again, by another address; else this one with the sentences."""
    site, words = site_of(request), words_for(request)
    try:
        payload = json.dumps(asked, ensure_ascii=False).encode()
    except (ValueError, UnicodeEncodeError) as error:
        raise HTTPException(422, f"this cannot be written as JSON: {type(error).__name__}") from None
    log.info("settings: %s asks for %s", principal_of(request).name, name)
    future = asyncio.wrap_future(site.ask(name, payload, _JSON))
    done, _ = await asyncio.wait({future}, timeout=PATIENCE)
    if not done:
        return await _page(request, 504, given=given, notices=[("warn", words.t("settings.takes_long"))])
    said: Said = future.result()
    if said["ok"]:
        return RedirectResponse(f"{up(request)}settings?done={name}", status_code=303)
    status = STATUS.get(said["error"]["code"], 500)
    loaded = site.in_force()
    version = asked.get("config_version")
    if loaded is not None and version is not None and loaded.overlay.version != version:
        return await _outdated(request, given)
    return await _page(request, status, given=given, problems=_sentences(name, str(said["error"]["text"])))


async def _outdated(request: Request, given: Given) -> Response:
    """Others were faster: what they did stands beside what was wished."""
    notices: Sequence[Notice] = [("warn", words_for(request).t("settings.outdated"))]
    return await _page(request, 409, given=given, notices=notices)


def _sentences(name: str, text: str) -> list[str]:
    """Without the command's name, which nobody typed."""
    return [line.removeprefix(f"command {name}: ") for line in redact(text).splitlines()]


async def _page(
    request: Request,
    status: int = 200,
    *,
    given: Given = "",
    problems: Sequence[str] = (),
    notices: Sequence[Notice] = (),
) -> Response:
    loaded = site_of(request).in_force()
    if loaded is None:
        raise HTTPException(503, words_for(request).t("settings.not_told"))
    shown = await in_thread(partial(_shown, loaded))
    fields = await in_thread(partial(usual, loaded))
    is_usual = isinstance(given, Typed)
    typed = given if isinstance(given, Typed) else Typed()
    return await render(
        request, "settings.html", status=status, notices=notices, shown=shown,
        text=given if isinstance(given, str) else "",
        usual=fields, typed=typed, before=BEFORE, wrong=wrong(fields, problems) if is_usual else {}, problems=problems,
        is_usual=is_usual, is_open=status == 409 or (status != 200 and not is_usual),
        has_targets=bool(loaded.settings.notify.targets),
        only_file=[yaml_file.shown(key) for key in NOT_FROM_OUTSIDE],
    )  # fmt: skip


def _shown(loaded: LoadedSettings) -> Shown:
    parts = []
    for name, rows in groupby(values(loaded), key=lambda value: str(value.key[0])):
        found = list(rows)
        written = [each for each in found if each.origin != "default"]
        parts.append(Part(name, written, [each for each in found if each.origin == "default"]))
    taken = [(each, json.dumps(each.key, ensure_ascii=False)) for each in overlaid(loaded.overlay)]
    return Shown(
        file="" if loaded.document is None else loaded.document.name,
        overlay_file=str(loaded.kept_at),
        version=loaded.overlay.version,
        parts=parts,
        overlaid=taken,
        remarks=[redact(each) for each in (*loaded.refused, *loaded.remarks)],
        is_changed=_is_changed(loaded),
    )


def _is_changed(loaded: LoadedSettings) -> bool:
    if loaded.document is None:
        return False
    try:
        return Path(loaded.document.name).read_text(encoding="utf-8-sig") != loaded.document.text
    except (OSError, ValueError):
        return True


def routes(_site: Site) -> Sequence[BaseRoute]:
    """For operators."""
    return [
        page("/settings", show, needs=Needs.OPERATOR),
        page("/settings", wish, needs=Needs.OPERATOR, methods=("POST",)),
        *form("/settings/usual", wish_usual, needs=Needs.OPERATOR, of="settings"),
        *form("/settings/overlay", take_back, needs=Needs.OPERATOR, of="settings"),
        *form("/settings/file", read_again, needs=Needs.OPERATOR, of="settings"),
    ]
