"""Telegram's Bot API: sendMessage, and sendPhoto with a picture. The token stands in the address."""

import json
import math
from secrets import token_hex
from typing import Any, Final

from edge_mask.errors import Refused
from edge_mask.notify.addressed import Post, as_form, as_json
from edge_mask.notify.notice import Notice, within_bytes
from edge_mask.settings.notify import TelegramTarget

_MESSAGE, _CAPTION = 4096, 1024
"""Characters, which Telegram counts in UTF-16."""
_LONGEST_PAUSE: Final = 3600.0


def post_for(target: TelegramTarget, notice: Notice, picture: bytes | None) -> Post:
    """Raises OSError when the file of the token cannot be read, Refused when it holds none."""
    token = target.read_token() or ""
    if not token or not token.isprintable() or set(token) & set("/?# "):
        raise Refused("the token is not one of Telegram's, such as 123456:ABC-DEF")
    place = f"{target.server.rstrip('/')}/bot{token}"
    words = f"{notice.title}\n{notice.text}" if notice.text else notice.title
    silent = notice.priority == "low"
    if picture is None:
        fields: dict[str, Any] = {"chat_id": target.chat, "text": _cut(words, _MESSAGE), "disable_notification": silent}
        return Post(f"{place}/sendMessage", as_json(fields), (("Content-Type", "application/json"),), (token,))
    boundary = token_hex(16)
    texts = {
        "chat_id": str(target.chat),
        "caption": _cut(words, _CAPTION),
        "disable_notification": str(silent).lower(),
    }
    body = as_form(texts, ("photo", notice.snapshot, "image/jpeg", picture), boundary)
    return Post(f"{place}/sendPhoto", body, (("Content-Type", f"multipart/form-data; boundary={boundary}"),), (token,))


def pause_in(body: bytes) -> float:
    """Seconds of `parameters.retry_after` in an answer 429; 0 without them."""
    try:
        wanted = float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0.0
    return min(wanted, _LONGEST_PAUSE) if math.isfinite(wanted) and wanted > 0 else 0.0


def _cut(text: str, most: int) -> str:
    return within_bytes(text, 2 * most, "utf-16-le")
