"""Finds the message that a destination never accepts and that blocks the others (a poison message).

    hung up at once, alone under way, three times ─────────────────────────────────▶ guilty
    no answer for long · "not now" · a server's 500:  tried for a minute
        └▶ passed over: the next ones go ──one is taken──▶ offered again ──fails──┐
           ▲                                                                      │
           └──────────────────── three times, and it is guilty ◀──────────────────┘

A destination that accepts nothing proves nothing against a message: others must be accepted first. After an Unknown
the rows go one at a time for a while. That keeps the order when the broker refuses for now ("quota exceeded"), and
shows on which row it hangs up.
"""

from dataclasses import dataclass

from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Receipt

_WITHIN = 10.0
"""Seconds: a connection that ends later was lost by the network, or the broker froze."""
_ENOUGH = 3
_TRIED_FOR = 60.0
"""Seconds of attempts before later messages may pass: a server restart takes less."""
_MOST = 500
"""Most suspects that are remembered."""

HUNG_UP = f"the broker hung up on it {_ENOUGH} times"


@dataclass(slots=True)
class _Suspect:
    """A row that failed and has no answer since."""

    pending: Pending
    since: float
    reason: str = ""
    failures: int = 0
    proofs: int = 0
    """How often another row was accepted while this one was passed over or in flight."""


class Suspects:
    """A courier's memory of sends that ended undecided."""

    def __init__(self, window: int, *, blames_hang_ups: bool) -> None:
        """Rows go one at a time until `window` answers have followed an undecided send. Without `blames_hang_ups`
        a lost connection alone proves nothing."""
        self._window = window
        self._blames = blames_hang_ups
        self._one_by_one = 0
        self._under_way: dict[int, None] = {}
        self._overtaken: set[int] = set()
        """Rows without an answer although a later one was accepted."""
        self._undecided: list[tuple[Pending, Receipt]] = []
        self._undecided_after = 0.0
        self._waiting_since = 0.0
        self._was_lost = False
        self._is_unproven = False
        self._hung_up_on = -1
        self._hang_ups = 0
        self._suspects: dict[int, _Suspect] = {}
        self._passed: set[int] = set()

    @property
    def is_careful(self) -> bool:
        """Whether rows go one at a time."""
        return self._one_by_one > 0

    @property
    def is_passing(self) -> bool:
        """Whether any row is passed over."""
        return bool(self._passed)

    def passes_over(self, pending: Pending) -> bool:
        """Whether this row keeps its place while the next one is sent."""
        return pending.row in self._passed

    def offer_again(self) -> None:
        """No row is passed over any more: none is left behind them."""
        self._passed.clear()

    def sent(self, pending: Pending, now: float) -> None:
        """A row is in flight."""
        if not self._under_way:
            self._waiting_since = now
        self._under_way[pending.row] = None

    def answered(self, pending: Pending, now: float, *, is_delivered: bool) -> bool:
        """Delivered or refused. True when this proves that the destination works: then the rows passed over are sent
        again."""
        self._waiting_since = now
        self._one_by_one = max(0, self._one_by_one - 1)
        if is_delivered and (oldest := next(iter(self._under_way), pending.row)) != pending.row:
            self._overtaken.add(oldest)
        self._under_way.pop(pending.row, None)
        if self._blames and pending.message.qos == 0:  # no answer at QoS 0: it may be why the broker hangs up
            self._is_unproven = True
            return False
        self._suspects.pop(pending.row, None)
        if pending.row == self._hung_up_on:
            self._hung_up_on = -1
        if not (is_delivered and self._passed):
            return False
        for row in self._passed:
            if (suspect := self._suspects.get(row)) is not None:
                suspect.proofs += 1
        self._passed.clear()
        return True

    def undecided(self, pending: Pending, receipt: Receipt, now: float) -> None:
        """Neither delivered nor refused."""
        self._under_way.pop(pending.row, None)
        if not self._undecided:
            self._undecided_after = now - self._waiting_since
        self._undecided.append((pending, receipt))

    def lost(self, *, is_busy: bool) -> None:
        """The connection ended; `is_busy` when a message is still in flight."""
        self._was_lost |= is_busy or bool(self._undecided)

    def forget(self) -> None:
        """The database was replaced, so the rows are new."""
        self._under_way.clear()
        self._undecided.clear()
        self._suspects.clear()
        self._passed.clear()
        self._hung_up_on = -1

    def guilty(self, now: float, *, is_connected: bool) -> list[tuple[Pending, str]]:
        """The rows to set aside, and why; called when all receipts are there."""
        hung_up_on = self._judge(now, is_connected=is_connected) if self._undecided else None
        self._overtaken.clear()
        found = [suspect for suspect in self._suspects.values() if suspect.proofs >= _ENOUGH]
        for suspect in found:
            del self._suspects[suspect.pending.row]
        guilty = [(suspect.pending, _sentence(suspect)) for suspect in found]
        return guilty if hung_up_on is None else [*guilty, (hung_up_on, HUNG_UP)]

    def _judge(self, now: float, *, is_connected: bool) -> Pending | None:
        """Count a hang-up; returns the row on which the broker has hung up often enough."""
        ended, self._undecided = self._undecided, []
        was_lost, self._was_lost = self._was_lost or not is_connected, False
        is_unproven, self._is_unproven = self._is_unproven, False
        was_alone, is_soon = self.is_careful, self._undecided_after < _WITHIN
        if not (was_lost and self._blames):
            self._one_by_one = self._window
            self._doubt([each for each in ended if each[1].is_suspect], now)
        elif not is_soon:
            self._one_by_one = 0
            self._doubt(ended[:1], now)
        else:
            self._one_by_one = self._window
            if was_alone and not is_unproven and self._has_hung_up_enough(ended[0][0]):
                return ended[0][0]
        return None

    def _has_hung_up_enough(self, pending: Pending) -> bool:
        """A delivery between two hang-ups (the outage report goes first) does not clear the row."""
        self._hang_ups = self._hang_ups + 1 if pending.row == self._hung_up_on else 1
        self._hung_up_on = pending.row
        if self._hang_ups < _ENOUGH:
            return False
        self._hung_up_on = -1
        self._suspects.pop(pending.row, None)
        return True

    def _doubt(self, failed: list[tuple[Pending, Receipt]], now: float) -> None:
        """Rows that failed although the destination worked; without such proof the destination is away."""
        if not failed:
            self._passed.clear()
        for pending, receipt in failed:
            suspect = self._suspects.setdefault(pending.row, _Suspect(pending, now))
            suspect.failures += 1
            suspect.reason = receipt.reason
            if suspect.failures < _ENOUGH or now - suspect.since < _TRIED_FOR:
                continue
            if pending.row in self._overtaken:
                suspect.proofs += 1
            else:
                self._passed.add(pending.row)
        while len(self._suspects) > _MOST:
            oldest = next(iter(self._suspects))
            del self._suspects[oldest]
            self._passed.discard(oldest)


def _sentence(suspect: _Suspect) -> str:
    return f"it failed {suspect.failures} times while others were taken: {suspect.reason}"
