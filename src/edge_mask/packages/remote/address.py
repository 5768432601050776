"""Addresses of packages: `oci://host/repository`, `https://host/folder/`, `file:///media/usb/folder`."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, get_args
from urllib.parse import unquote, urlsplit

from edge_mask.errors import Refused
from edge_mask.packages.remote.manifest import DIGEST
from edge_mask.redact import redact

Scheme = Literal["oci", "oci+http", "https", "file"]
_ALLOWED: Final = "oci://HOST/REPOSITORY, https://HOST/FOLDER/ or file:///FOLDER"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One place, taken apart."""

    text: str
    scheme: Scheme
    host: str = ""
    port: int | None = None
    path: str = ""
    """Of a file, as it lies on the disk; else without the slash at the beginning: a repository, or a folder."""
    tag: str = ""
    digest: str = ""

    @property
    def shown(self) -> str:
        """Without secrets."""
        return shown(self.text)

    @property
    def written(self) -> str:
        """The address as it is written; a repository without what its text had behind it."""
        if self.scheme not in ("oci", "oci+http"):
            return self.text
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}/{self.path}"


def shown(text: str) -> str:
    """Any text that should be an address, without secrets; a digest is none."""
    before, at, digest = text[:_LONGEST].partition("?")[0].partition("@sha256:")
    return f"{redact(before)}{at}{digest}" if DIGEST.fullmatch(f"sha256:{digest}") else redact(before + at + digest)


def parse(text: str) -> Address:
    """Raises Refused with what is allowed."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Refused(f"{shown(text)}: is no address; allowed: {_ALLOWED}") from None
    if scheme not in get_args(Scheme) or not text.isprintable() or len(text) > _LONGEST:
        raise Refused(f"{shown(text)}: is no address of a package; allowed: {_ALLOWED}")
    if parts.username is not None or parts.password is not None:
        raise Refused(f"{shown(text)}: user and password do not belong in it; see fleet.packages.username")
    path = unquote(parts.path)
    if ".." in path.split("/") or "\0" in path:
        raise Refused(f"{shown(text)}: leads upwards")
    if scheme == "file":
        return _of_a_file(text, host, path)
    if not host:
        raise Refused(f"{shown(text)}: has no host; allowed: {_ALLOWED}")
    if scheme == "https":
        return Address(text=text, scheme="https", host=host, port=port, path=path.strip("/"))
    return _of_a_registry(text, "oci" if scheme == "oci" else "oci+http", host, port, path.strip("/"))


def _of_a_file(text: str, host: str, path: str) -> Address:
    if host not in ("", "localhost") or not path.startswith("/"):
        raise Refused(f"{shown(text)}: has a host; allowed: file:///FOLDER, with three slashes")
    return Address(text=text, scheme="file", path=path)


def _of_a_registry(text: str, scheme: Scheme, host: str, port: int | None, path: str) -> Address:
    if scheme == "oci+http" and not _is_loopback(host):
        raise Refused(f"{shown(text)}: is not encrypted; oci+http is for a registry on this machine only")
    name, _, digest = path.partition("@")
    repository, colon, tag = name.partition(":")
    if digest and DIGEST.fullmatch(digest) is None:
        raise Refused(f"{shown(text)}: expected sha256: and 64 digits after the @")
    if _REPOSITORY.fullmatch(repository) is None or (colon and _TAG.fullmatch(tag) is None):
        raise Refused(f"{shown(text)}: is no repository; allowed: oci://HOST/name:tag, in small letters")
    return Address(text=text, scheme=scheme, host=host, port=port, path=repository, tag=tag, digest=digest)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_below(address: Address, beginning: Address) -> bool:
    """Whether `address` begins with `beginning`: the same host, and a path that is the same or lies below it."""
    if (address.scheme, address.host, address.port) != (beginning.scheme, beginning.host, beginning.port):
        return False
    above, below = ([part for part in each.path.split("/") if part] for each in (beginning, address))
    return below[: len(above)] == above


def parse_beginning(text: str) -> Address:
    """One of `fleet.packages.sources`, which may end with the host."""
    scheme = text.partition("://")[0].lower()
    rest = text.partition("://")[2]
    if scheme.startswith("oci") and "/" not in rest.rstrip("/"):
        found = parse(f"{scheme}://{rest.rstrip('/')}/any")
        return Address(text=text, scheme=found.scheme, host=found.host, port=found.port)
    return parse(text)
