"""The rows of the outbox in the order in which they leave, a few of them read at a time."""

import logging
from collections import deque
from typing import Protocol

from edge_mask.errors import DatabaseError
from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Priority

log = logging.getLogger(__name__)

_ROWS = 50


class Backlog(Protocol):
    """What is read (ledger.outbox.Outbox)."""

    @property
    def epoch(self) -> int: ...
    def after(self, cursors: dict[Priority, int], limit: int) -> list[Pending]: ...
    def close(self) -> None: ...


class ReadAhead:
    """`poke` may be called from any thread, the rest belongs to the courier `name`."""

    def __init__(self, backlog: Backlog, name: str) -> None:
        self._backlog = backlog
        self._name = name
        self._ahead: deque[Pending] = deque()
        self._cursors: dict[Priority, int] = {}
        self._may_have_news = True
        self._has_more = False
        self._is_reading = False
        self.epoch = backlog.epoch
        """Counts the files: in each, rows have numbers of their own."""
        self.is_readable = True
        """False after a look into the file failed: whoever writes it is making a new one."""

    def poke(self) -> None:
        """There may be new rows."""
        self._may_have_news = True

    @property
    def is_empty(self) -> bool:
        """Nothing is read ahead, and there is no reason to look for more."""
        return not (self._is_reading or self._ahead or self._may_have_news or self._has_more)

    def begin_again(self) -> None:
        """Read once more from the oldest row."""
        self._cursors.clear()
        self._ahead.clear()
        self._may_have_news = True

    def notice_another_file(self) -> bool:
        """The database was set aside for a new one, whose rows have ids of their own: read it from its beginning."""
        epoch = self._backlog.epoch
        if epoch == self.epoch:
            return False
        self.epoch = epoch
        log.info("%s: the database is another file now; reading it from the beginning", self._name)
        self.begin_again()
        return True

    def next(self) -> Pending | None:
        """The next row in order; an urgent one that came meanwhile goes before what was read ahead."""
        if self._may_have_news and self._ahead and self._ahead[0].message.priority is not Priority.URGENT:
            self._ahead.clear()
        if not self._ahead and (self._may_have_news or self._has_more):
            self._is_reading = True  # before the news is taken down: nobody may see an idle moment between
            self._may_have_news = False
            self._ahead.extend(self._read())
            self._has_more = len(self._ahead) == _ROWS
            self._is_reading = False
        if not self._ahead:
            return None
        pending = self._ahead.popleft()
        self._cursors[pending.message.priority] = pending.row
        return pending

    def close(self) -> None:
        """Let go of the file."""
        self._backlog.close()

    def _read(self) -> list[Pending]:
        try:
            found = self._backlog.after(self._cursors, _ROWS)
        except DatabaseError as error:
            if self.is_readable:
                log.warning("%s: the outbox cannot be read now, tried again each second: %s", self._name, error)
            self.is_readable = False
            self._may_have_news = True
            return []
        self.is_readable = True
        return found
