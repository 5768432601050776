"""A broker that hangs up on a message instead of refusing it: which one is it?

After an Unknown the rows go one at a time for a while: then none passes another one that the broker sends back ("quota
exceeded"), and it shows on which row it hangs up.
"""

from edge_mask.ledger.outbox import Pending

_WITHIN = 10.0
"""Seconds: a connection that lasts longer without an answer was lost by the network, or the broker froze."""
_ENOUGH = 3


class HangUps:
    """What a courier remembers of sends that ended undecided."""

    def __init__(self, window: int, *, blames: bool) -> None:
        """`window`: so many answers after an undecided send there is nothing to be careful about any more. Without
        `blames`, no row is ever found guilty."""
        self._window = window
        self._blames = blames
        self._one_by_one = 0
        self._undecided: list[Pending] = []
        self._undecided_after = 0.0
        self._waiting_since = 0.0
        self._was_lost = False
        self._suspect = -1
        self._count = 0

    @property
    def is_careful(self) -> bool:
        """Whether rows go one at a time."""
        return self._one_by_one > 0

    def first_sent(self, now: float) -> None:
        """A row was sent with no other under way."""
        self._waiting_since = now

    def answered(self, row: int, now: float) -> None:
        """Delivered or refused."""
        self._waiting_since = now
        self._one_by_one = max(0, self._one_by_one - 1)
        if row == self._suspect:
            self._suspect = -1

    def undecided(self, pending: Pending, now: float) -> None:
        """Neither."""
        if not self._undecided:
            self._undecided_after = now - self._waiting_since
        self._undecided.append(pending)

    def lost(self, *, is_busy: bool) -> None:
        """The connection ended; `is_busy` when something is still under way."""
        self._was_lost |= is_busy or bool(self._undecided)

    def forget(self) -> None:
        """The rows are others now."""
        self._undecided.clear()
        self._suspect = -1

    def guilty(self, *, is_connected: bool) -> Pending | None:
        """Asked when all receipts are there: the row on which, alone under way, the broker has hung up often enough."""
        if not self._undecided:
            return None
        rows, self._undecided = self._undecided, []
        was_lost, self._was_lost = self._was_lost or not is_connected, False
        was_alone, is_soon = self.is_careful, self._undecided_after < _WITHIN
        if was_lost and not is_soon:
            return None
        self._one_by_one = self._window
        if not (was_lost and was_alone and self._blames):
            return None
        # Others may be delivered between two hang-ups (the report of the outage leaves first): it stays the suspect.
        self._count = self._count + 1 if rows[0].row == self._suspect else 1
        self._suspect = rows[0].row
        if self._count < _ENOUGH:
            return None
        self._suspect = -1
        return rows[0]


REASON = f"the broker hung up on it {_ENOUGH} times"
