"""What can still be read of a broken configuration: where its page is, and where its users and overlay lie."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from edge_mask import yaml_file
from edge_mask.errors import ConfigurationError
from edge_mask.settings.base import Section
from edge_mask.settings.device import Device
from edge_mask.settings.load import document_of
from edge_mask.settings.model import Settings
from edge_mask.settings.sending import Outbox
from edge_mask.settings.web import Web, missing_libraries, web_complaints
from edge_mask.suggest import did_you_mean

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Remains:
    """Enough for a page in safe mode."""

    settings: Settings
    """Device, web and the place of the database; all else is default."""
    is_wanted: bool
    """Whether a page is to come up: it is enabled, or nobody can read whether it is."""
    raw: Any
    """What the file says, with its variables as they are written; None when it is no YAML."""


def remains(file: Path, environ: Mapping[str, str]) -> Remains:
    """Never raises. A page whose own section is wrong is on loopback, with the defaults."""
    found = _remains(file, environ)
    return replace(found, is_wanted=False) if missing_libraries() else found


def database_of(file: Path, environ: Mapping[str, str]) -> Path | None:
    """Where the database of a broken configuration lies; None where the file does not say so for certain: a misspelt
    key may have been its place."""
    try:
        document = document_of(file, environ)
    except ConfigurationError:
        return None
    told = [each.removeprefix(document.name) for each in document.problems]
    if not isinstance(document.data, Mapping) or any("outbox" in each for each in told):
        return None
    if "outbox" not in document.data and any(did_you_mean(str(key), ["outbox"]) for key in document.data):
        return None
    outbox = document.data.get("outbox") or {}
    if not isinstance(outbox, Mapping) or not outbox.keys() <= Outbox.model_fields.keys():
        return None
    found = _section(Outbox, {"path": outbox["path"]} if "path" in outbox else {})
    return None if found is None else found.path


def _remains(file: Path, environ: Mapping[str, str]) -> Remains:
    try:
        document = document_of(file, environ)
    except ConfigurationError:  # no such file, or no text
        return Remains(Settings(web=Web(enabled=True)), is_wanted=True, raw=None)
    data = document.data
    if not isinstance(data, Mapping):
        return Remains(Settings(web=Web(enabled=True)), is_wanted=True, raw=None)
    web, is_wanted = _web(data.get("web"))
    settings = Settings(
        device=_section(Device, data.get("device")) or Device(),
        outbox=_outbox(data.get("outbox")),
        web=web,
    )
    return Remains(settings, is_wanted, yaml_file.read(document.text, document.name).data)


def _web(given: Any) -> tuple[Web, bool]:
    web = _section(Web, given)
    if web is None:
        enabled, wanted = (given.get(key) if isinstance(given, Mapping) else None for key in ("enabled", "safe_mode"))
        return Web(enabled=True), enabled is not False and wanted is not False
    if any(web_complaints(web)):  # without its certificate it is for this machine only
        return Web(enabled=True), web.safe_mode
    return web, web.enabled and web.safe_mode


def _outbox(given: Any) -> Outbox:
    path = given.get("path") if isinstance(given, Mapping) else None
    return _section(Outbox, {"path": path} if path else {}) or Outbox()


def _section(kind: type[S], given: Any) -> S | None:
    try:
        return kind.model_validate({} if given is None else given)
    except ValidationError:
        return None
