"""What the recorder does at its own times, whether anything comes or not: it tidies up, and looks for its file."""

import logging
from contextlib import suppress

from edge_mask.errors import DatabaseError
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.writer import Ledger
from edge_mask.recording.trouble import Trouble
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_HOUSEKEEPING_EVERY = 60.0
_FIRST_HOUSEKEEPING = 5.0
"""Seconds after the start: a daemon that is restarted again and again must tidy up, too."""
_GOES_ON_AFTER = 1.0
_LOOKS_FOR_THE_FILE_EVERY = 10.0
"""Seconds, while nothing is written; a commit looks by itself whether the file is still there."""


class Rounds:
    """Not while the database is in trouble. The recorder's thread uses it."""

    def __init__(self, ledger: Ledger, trouble: Trouble, now: Seconds) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self._next_housekeeping = now + _FIRST_HOUSEKEEPING
        self._next_look = now + _LOOKS_FOR_THE_FILE_EVERY

    @property
    def due(self) -> float:
        """When the next is due, on the monotonic clock."""
        return float("inf") if self._trouble.is_open else min(self._next_look, self._next_housekeeping)

    def make(self, now: Moment, batch: Batch) -> None:
        """One of them, when it is due. `batch` is not written yet."""
        if self._trouble.is_open:
            return
        if now.mono >= self._next_look:
            self._next_look = now.mono + _LOOKS_FOR_THE_FILE_EVERY
            self._trouble.look_for_the_file(batch)
            with suppress(DatabaseError):  # the next commit looks as well, and tells
                self._ledger.look_for_others()
        elif now.mono >= self._next_housekeeping:
            self._tidy_up(now)

    def _tidy_up(self, now: Moment) -> None:
        self._next_housekeeping = now.mono + _HOUSEKEEPING_EVERY
        try:
            if self._ledger.housekeeping(now):
                self._next_housekeeping = now.mono + _GOES_ON_AFTER
        except DatabaseError as error:
            log.debug("database: housekeeping put off: %s", error)
