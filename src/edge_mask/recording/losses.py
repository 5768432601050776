"""Telling that the outbox drops messages: one line when it begins."""

import logging

from edge_mask.ledger.bounds import Dropped
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_OVER_AFTER = 600.0
"""Seconds without a drop after which the next one is worth a line again: one outage drops with each reading."""

_CAUSES = {
    "space": "over its budget (outbox.max_bytes), dropping the oldest messages (seq shows the gaps)",
    "age": "dropping messages older than outbox.max_age (seq shows the gaps)",
    "refused": "dropping messages that the other side had refused: they are too old, or their room is needed",
}


class Drops:
    """Remembers, by cause, when messages were last dropped for it."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def tell(self, dropped: Dropped, now: Seconds) -> None:
        """One line when it begins; not for each commit, of which in one outage some drop and some just fit."""
        for cause, what in _CAUSES.items():
            if getattr(dropped, cause):
                if now - self._last.get(cause, float("-inf")) > _OVER_AFTER:
                    log.warning("outbox: %s", what)
                self._last[cause] = now
