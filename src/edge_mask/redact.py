"""Takes secrets out of any text before somebody can read it: logs, error messages, configuration shown back."""

import re
from collections.abc import Iterable

HIDDEN = "***"

# Greedy on purpose: a password may hold '@' or '/', and hiding a harmless path costs nothing.
_USERINFO = re.compile(r"(?P<scheme>\b(?:[a-zA-Z][a-zA-Z0-9+.-]*://|(?:rtsp|http|mqtt)s?:/?))[^\s\"'<>]*@")
_ADDRESS = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]+")
_VALUE = re.compile(r"(?P<name>[?&/][^=&/?\s]+=)[^&\s]*")
# Only at the beginning of a word, and nothing tried twice: a word of 20,000 letters took half a minute.
_NAMED = re.compile(
    r"(?<![\w-])(?P<name>[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization)[\w-]*+"
    r"(?:\s*+=|[\"']\s*[=:])\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|(?:basic\s+|bearer\s+)?[^\s,;&\"')}\]]+)",
    re.IGNORECASE,
)
_ENDLESS = re.compile(r"\S{2049,}")
"""No address and no secret of ours; to search it through would take seconds."""
_NOT_SECRET = re.compile(r"(?:none|null|true|false|\*\*\*)$", re.IGNORECASE)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without what opens a door: `secrets`, what follows `password=` and its like, and in URLs the user part
    and each `name=value` (cameras take keys there)."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _ENDLESS.sub(lambda word: f"[{len(word[0])} characters]", text)
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _ADDRESS.sub(lambda address: _VALUE.sub(rf"\g<name>{HIDDEN}", address[0]), text)
    return _NAMED.sub(_hide_value, text)


def legible(text: str) -> str:
    """`text` as every encoding can write it: what is no character (half a surrogate pair, as in the name of a file that
    is not UTF-8) becomes an escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _hide_value(match: re.Match[str]) -> str:
    is_path = match["name"].rstrip("\"' =:").lower().endswith(("_file", "-file", "_path"))
    return match[0] if is_path or _NOT_SECRET.match(match["value"]) else match["name"] + HIDDEN
