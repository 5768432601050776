"""Addresses of streams as they may be shown: nothing in them opens a door."""

import re

from edge_mask.redact import HIDDEN, redact

_QUERY = re.compile(r"([?&/][^=&/?\s]+=)[^&\s]*")


def redacted(address: str) -> str:
    """The address without user and password, and without any `name=value` in it: cameras take keys there."""
    return _QUERY.sub(rf"\1{HIDDEN}", redact(address))
