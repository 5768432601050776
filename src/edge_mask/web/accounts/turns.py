"""Turns for strangers: when too many guess from everywhere, each who was refused is told when it may try, and may then.

Who asks more often gets nothing more: a turn belongs to the address that was given it. One network has two at most, so
that somebody with many addresses lets others wait for seconds. Time is an argument, the monotonic clock's.
"""

import ipaddress
from typing import Final, NamedTuple

EVERY: Final = 2.0
"""Seconds from one turn to the next: half a guess a second, over all strangers."""
FREE: Final = 30
"""Tries that may come at once after a quiet minute."""
KEPT: Final = 60.0
"""Seconds for which a turn waits for its owner."""
OF_A_NETWORK: Final = 2
MOST: Final = 512
"""Turns that are promised at a time."""


class _Turn(NamedTuple):
    at: float
    network: str


class Turns:
    """Of one thread at a time."""

    def __init__(self) -> None:
        self._next = -FREE * EVERY
        """When the next turn is that nobody has; the past: that many are free."""
        self._promised: dict[str, _Turn] = {}

    def wait(self, place: str, now: float) -> float:
        """Seconds until this one may try; 0 when it may now, which takes the turn."""
        own = self._promised.get(place)
        if own is not None and now <= own.at + KEPT:
            if own.at <= now:
                del self._promised[place]
            return max(0.0, own.at - now)
        self._next = max(self._next, now - (FREE - 1) * EVERY)
        turn = self._next
        if turn <= now:
            self._next += EVERY
            return 0.0
        if self._has_room(network := _network_of(place), now):
            self._next += EVERY
            self._promised[place] = _Turn(turn, network)
        return turn - now

    def give_back(self) -> None:
        """It was no guess."""
        self._next -= EVERY

    def __len__(self) -> int:
        return len(self._promised)

    def _has_room(self, network: str, now: float) -> bool:
        self._promised = {place: turn for place, turn in self._promised.items() if now <= turn.at + KEPT}
        has = sum(turn.network == network for turn in self._promised.values())
        return has < OF_A_NETWORK and len(self._promised) < MOST


def _network_of(place: str) -> str:
    """What one provider gives one customer at most: of IPv4 a /24, of IPv6 a /48."""
    try:
        network = ipaddress.ip_network(place)
    except ValueError:
        return place
    return str(network.supernet(new_prefix=24 if network.version == 4 else 48))
