"""What a job document asks for: one operation with its fields, or a sentence why it asks for nothing that is known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from edge_mask.errors import Refused
from edge_mask.suggest import did_you_mean
from edge_mask.wire.fleet_models import Desired, desired_of

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "reload": (),
    "configure": ("set",),
    "install-model": ("name", "version", "source", "sha256", "activate"),
}
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the file again."""


@dataclass(frozen=True, slots=True)
class Set:
    """Merge a part of the configuration into the overlay."""

    part: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Install:
    """Take over a model package whose bytes have this checksum, and look with it."""

    name: str
    version: str
    source: str
    """A path on the device, or an https address."""
    sha256: str
    activate: bool


@dataclass(frozen=True, slots=True)
class Deploy:
    """Fetch a package by its digest, try it, and look with it: what `model/desired` may say as well."""

    wanted: Desired


Operation = Reload | Set | Install | Deploy


class NotKnown(Exception):
    """The document asks for nothing that is known; the text says what is allowed."""


def operation(document: Any) -> Operation:
    """Raises NotKnown."""
    if not isinstance(document, Mapping):
        raise NotKnown('the job document is no object; expected {"operation": "…", …}')
    name = document.get("operation")
    if not isinstance(name, str) or name not in _FIELDS:
        near = did_you_mean(name, _FIELDS) if isinstance(name, str) else ""
        found = f'"{name[:64]}"' if isinstance(name, str) else "none"
        raise NotKnown(f"operation: found {found}; allowed: {', '.join(_FIELDS)}{near}")
    if name == "install-model" and "digest" in document:
        return _deploy(document)
    for key in document:
        if key not in ("operation", *_FIELDS[name]):
            raise NotKnown(f'unknown key "{key[:64]}" beside operation {name}{did_you_mean(key, _FIELDS[name])}')
    match name:
        case "configure":
            return _set(document)
        case "install-model":
            return _install(document)
    return Reload()


def _deploy(document: Mapping[str, Any]) -> Deploy:
    try:
        return Deploy(desired_of({key: value for key, value in document.items() if key != "operation"}))
    except Refused as error:
        raise NotKnown(str(error)) from None


def _set(document: Mapping[str, Any]) -> Set:
    part = document.get("set")
    if not isinstance(part, Mapping):
        raise NotKnown("set: expected an object, a part of the configuration")
    return Set(part)


def _install(document: Mapping[str, Any]) -> Install:
    sha256, activate = document.get("sha256"), document.get("activate", True)
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        raise NotKnown("name, version: expected both as text, as the card of the package has them")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise NotKnown("sha256: expected the checksum of the zip, 64 hexadecimal digits; nothing is installed without")
    if not isinstance(activate, bool):
        raise NotKnown("activate: expected true or false")
    return Install(name, version, _source(document.get("source")), sha256.lower(), activate)


def _source(source: object) -> str:
    allowed = "allowed: an absolute path, file:///… or https://… of a zip"
    if not isinstance(source, str) or "\0" in source:
        raise NotKnown(f"source: expected text; {allowed}")
    try:
        address = urlsplit(source)
    except ValueError:
        raise NotKnown(f"source: is no address; {allowed}") from None
    if address.scheme == "file" and address.netloc in ("", "localhost") and address.path.startswith("/"):
        return unquote(address.path)
    if source.startswith("/") or (address.scheme == "https" and address.hostname):
        return source
    raise NotKnown(f"source: {allowed}")
