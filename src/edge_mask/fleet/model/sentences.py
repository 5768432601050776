"""What went wrong with a package, for people; and whether the same may go well later."""

import errno
from typing import Final

from edge_mask.errors import TryLater
from edge_mask.redact import redact

_LONGEST: Final = 1000
_NOT_OURS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM)
"""Troubles of this device, and none of the package."""


def is_outage(error: BaseException) -> bool:
    """Whether the same may succeed later: somebody is away, or the disk is full."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TryLater) or (isinstance(cause, OSError) and cause.errno in _NOT_OURS):
            return True
        cause = cause.__cause__
    return False


def sentence(error: BaseException | str) -> str:
    """On one line, without secrets, not too long."""
    text = error if isinstance(error, str) else str(error) or type(error).__name__
    return redact(text.replace("\n", "; "))[:_LONGEST]
