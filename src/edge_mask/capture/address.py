"""Addresses of streams as they may be shown: nothing in them opens a door."""

import re

_USERINFO = re.compile(r"(?<=://)[^\s]*@")
_SECRET = re.compile(r"(?i)\b((?:user|usr|login|pass|passwd|password|pwd|token|key|auth)[a-z]*=)[^&/?\s]*")


def redacted(address: str) -> str:
    """The address without user, password and whatever else looks like a secret.

    Up to the last `@`: passwords contain `@` and `/` more often than paths contain `@`.
    """
    return _SECRET.sub(r"\1***", _USERINFO.sub("***@", address))
