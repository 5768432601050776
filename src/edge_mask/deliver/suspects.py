"""Messages that a destination may never take: which one holds up the others, and when is it set aside?

    hung up at once, alone under way, three times ─────────────────────────────────▶ guilty
    no answer for long · "not now" · a server's 500:  tried for a minute
        └▶ passed over: the next ones go ──one is taken──▶ offered again ──fails──┐
           ▲                                                                      │
           └──────────────────── three times, and it is guilty ◀──────────────────┘

A destination that takes nothing blames nobody: without others that are taken there is no proof. After an Unknown the
rows go one at a time for a while: then none passes another one that the broker sends back ("quota exceeded"), and it
shows on which row the broker hangs up.
"""

from dataclasses import dataclass

from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Receipt

_WITHIN = 10.0
"""Seconds: a connection that lasts longer without an answer was lost by the network, or the broker froze."""
_ENOUGH = 3
_TRIED_FOR = 60.0
"""Seconds that a message is tried before the next ones may pass it: a server is restarted in less."""
_MOST = 500
"""Suspects that are remembered."""

HUNG_UP = f"the broker hung up on it {_ENOUGH} times"


@dataclass(slots=True)
class _Suspect:
    """A row that failed and was not answered since."""

    pending: Pending
    since: float
    reason: str = ""
    failures: int = 0
    proofs: int = 0
    """How many times another row was taken while this one was passed over, or under way."""


class Suspects:
    """What a courier remembers of sends that ended undecided."""

    def __init__(self, window: int, *, blames_hang_ups: bool) -> None:
        """`window`: so many answers after an undecided send there is nothing to be careful about any more. Without
        `blames_hang_ups` the end of a connection alone makes no row guilty."""
        self._window = window
        self._blames = blames_hang_ups
        self._one_by_one = 0
        self._under_way: dict[int, None] = {}
        self._overtaken: set[int] = set()
        """Rows that stayed unanswered while one that was sent later was taken."""
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
        """Whether this row keeps its place and the next one goes."""
        return pending.row in self._passed

    def offer_again(self) -> None:
        """Nobody is passed over any more (there is nobody behind)."""
        self._passed.clear()

    def sent(self, pending: Pending, now: float) -> None:
        """A row is under way."""
        if not self._under_way:
            self._waiting_since = now
        self._under_way[pending.row] = None

    def answered(self, pending: Pending, now: float, *, is_delivered: bool) -> bool:
        """Delivered or refused. True when this proves that the destination works: those that were passed over are to
        be offered again."""
        self._waiting_since = now
        self._one_by_one = max(0, self._one_by_one - 1)
        if is_delivered and (oldest := next(iter(self._under_way), pending.row)) != pending.row:
            self._overtaken.add(oldest)
        self._under_way.pop(pending.row, None)
        if self._blames and pending.message.qos == 0:  # nobody answered: it was written, and may be what is hung up on
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
        """Neither."""
        self._under_way.pop(pending.row, None)
        if not self._undecided:
            self._undecided_after = now - self._waiting_since
        self._undecided.append((pending, receipt))

    def lost(self, *, is_busy: bool) -> None:
        """The connection ended; `is_busy` when something is still under way."""
        self._was_lost |= is_busy or bool(self._undecided)

    def forget(self) -> None:
        """The rows are others now."""
        self._under_way.clear()
        self._undecided.clear()
        self._suspects.clear()
        self._passed.clear()
        self._hung_up_on = -1

    def guilty(self, now: float, *, is_connected: bool) -> list[tuple[Pending, str]]:
        """Asked when all receipts are there: the rows that are to be set aside, and why."""
        hung_up_on = self._judge(now, is_connected=is_connected) if self._undecided else None
        self._overtaken.clear()
        found = [suspect for suspect in self._suspects.values() if suspect.proofs >= _ENOUGH]
        for suspect in found:
            del self._suspects[suspect.pending.row]
        guilty = [(suspect.pending, _sentence(suspect)) for suspect in found]
        return guilty if hung_up_on is None else [*guilty, (hung_up_on, HUNG_UP)]

    def _judge(self, now: float, *, is_connected: bool) -> Pending | None:
        """What the undecided ones say; the row on which the broker has hung up often enough."""
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
        """Others may be delivered between two hang-ups (the report of the outage leaves first): they clear nobody."""
        self._hang_ups = self._hang_ups + 1 if pending.row == self._hung_up_on else 1
        self._hung_up_on = pending.row
        if self._hang_ups < _ENOUGH:
            return False
        self._hung_up_on = -1
        self._suspects.pop(pending.row, None)
        return True

    def _doubt(self, failed: list[tuple[Pending, Receipt]], now: float) -> None:
        """They failed though the destination was there; without any such, it is the destination that is away."""
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
