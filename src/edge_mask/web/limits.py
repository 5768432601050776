"""Limits that more than one part of the server keeps to."""

from typing import Final

MOST_HEADERS: Final = 16 * 1024
"""Bytes of the head of a request."""
