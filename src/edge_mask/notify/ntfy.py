"""ntfy: JSON to the server's root (docs.ntfy.sh, "Publish as JSON"); with a picture the words stand in headers."""

import base64
from collections.abc import Mapping
from typing import Final

from edge_mask.kinds import Urgency
from edge_mask.notify.addressed import Post, as_json
from edge_mask.notify.notice import Notice, within_bytes
from edge_mask.settings.notify import NtfyTarget

_PRIORITIES: Final[Mapping[Urgency, int]] = {"low": 2, "normal": 3, "high": 4, "urgent": 5}
_LONGEST: Final = 4096
"""Bytes of a message; the server makes a file of a longer one."""
_LONGEST_IN_HEADER: Final = 2048
_TAGS: Final[Mapping[str, str]] = {"no_mask": "mask", "fever": "thermometer", "tailgating": "busts_in_silhouette"}


def post_for(target: NtfyTarget, notice: Notice, picture: bytes | None) -> Post:
    """Raises OSError when the file of the token cannot be read."""
    token = target.read_token()
    headers = [("Authorization", f"Bearer {token}")] if token else []
    secrets = (token or "", *target.secrets())
    server = target.server.rstrip("/")
    priority, tag = _PRIORITIES[notice.priority], _TAGS.get(notice.kind, "")
    if picture is None:
        body = as_json(
            {
                "topic": target.topic,
                "title": notice.title,
                "message": within_bytes(notice.text, _LONGEST),
                "priority": priority,
                "tags": [tag] if tag else None,
            }
        )
        return Post(server + "/", body, (*headers, ("Content-Type", "application/json")), secrets)
    headers += [
        ("Title", _encoded(notice.title)),
        ("Message", _encoded(within_bytes(notice.text, _LONGEST_IN_HEADER).replace("\n", "\\n"))),
        ("Priority", str(priority)),
        ("Filename", notice.snapshot),
        ("Content-Type", "image/jpeg"),
        *([("Tags", tag)] if tag else []),
    ]
    return Post(f"{server}/{target.topic}", picture, tuple(headers), secrets)


def _encoded(text: str) -> str:
    """For a header: ASCII as it is, the rest as an encoded word (RFC 2047); nothing can end the header."""
    if text.isascii() and text.isprintable() and not text.startswith("=?"):
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
