"""Scopes as somebody types them."""

from edge_mask.errors import Refused
from edge_mask.suggest import did_you_mean
from edge_mask.web.rights import SCOPES, Scope


def scopes_from(text: str) -> frozenset[Scope]:
    """`read,metrics`. Raises Refused."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in SCOPES:
            hint = did_you_mean(word, SCOPES)
            raise Refused(f'"{word}" is no scope; allowed: one or several of {",".join(SCOPES)}{hint}')
    return frozenset(scope for scope in SCOPES if scope in words)
