"""How old a frame is, without believing anybody's clock.

Two devices need not agree about the time. What came fastest from one sender in the last seconds counts as fresh, and
the others are as old as they are later than that.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge_mask.units import Moment, Seconds

_KEPT: Final = 10.0
"""Seconds after which what was fastest is found anew: clocks are set."""
_SENDERS: Final = 256
_LONGEST: Final = 40


@dataclass(slots=True)
class _Fastest:
    behind: float
    since: Seconds


class Freshness:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, _Fastest] = OrderedDict()

    def __len__(self) -> int:
        return len(self._senders)

    def age(self, sender: str, ts: str, now: Moment) -> float:
        """Seconds, at least; 0 for a frame that does not say when it was taken."""
        try:
            taken = datetime.fromisoformat(ts) if len(ts) <= _LONGEST else None
        except ValueError:
            taken = None
        if taken is None:
            return 0.0
        behind = now.wall - taken.replace(tzinfo=taken.tzinfo or UTC).timestamp()
        known = self._senders.get(sender)
        if known is None or behind < known.behind or now.mono - known.since > _KEPT:
            self._senders[sender] = _Fastest(behind, now.mono)
            self._senders.move_to_end(sender)
            if len(self._senders) > _SENDERS:
                self._senders.popitem(last=False)
            return 0.0
        return behind - known.behind
