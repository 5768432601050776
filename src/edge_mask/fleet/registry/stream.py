"""The address at which a camera's picture can be watched, as others may read it: without what opens it."""

import re
from typing import Final
from urllib.parse import urlsplit

_SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
_HARMLESS: Final = frozenset(
    ("channel", "ch", "subtype", "stream", "streamtype", "profile", "resolution", "camera", "transport", "codec")
)
"""Parameters that say which picture; whatever else stands behind a `?` may be a key."""
_PLAIN: Final = re.compile(r"[\w.-]{1,32}")


def public(url: str) -> str | None:
    """The address without user, password, and parameters that may be secret; None when nothing can be told.

    A password may hold any character: everything up to the last `@` is cut, also where that leaves too little.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        return None
    rest = rest.rpartition("@")[2]
    try:
        parts = urlsplit(f"{scheme.lower()}://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or not rest.isprintable() or " " in rest:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{_path(parts.path)}{_query(parts.query)}"


def _path(path: str) -> str:
    """Up to the first part that looks like `user=admin`: some cameras take the password there."""
    kept = []
    for part in path.split("/"):
        if re.search(r"=|%3d", part, re.IGNORECASE):
            break
        kept.append(part.partition(";")[0])
    return "/".join(kept)


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&"))
    kept = [f"{name}={value}" for name, _, value in pairs if name.lower() in _HARMLESS and _PLAIN.fullmatch(value)]
    return f"?{'&'.join(kept)}" if kept else ""
