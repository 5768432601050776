"""Addresses of streams as they may be shown: nothing in them opens a door."""

from edge_mask.redact import redact


def redacted(address: str) -> str:
    """The address without user and password, and without any `name=value` in it: cameras take keys there."""
    return redact(address)
