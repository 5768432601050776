"""Guessing is made slow: each failure lets its address wait longer, and many failures let every stranger wait.

Nobody is locked out: an address waits half a minute at most for its own failures, asking too early costs nothing, and
an address from which somebody logged in is not held up by the failures of others. Time is an argument, the monotonic
clock's.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_mask.units import Seconds
from edge_mask.web.accounts.turns import Turns

FREE: Final = 3
"""Mistypes that cost nothing."""
LONGEST: Final = 30.0
FORGOTTEN_AFTER: Final = 900.0
MOST_ADDRESSES: Final = 1024
MOST_FAMILIAR: Final = 256


@dataclass(slots=True)
class _Address:
    failures: int = 0
    since: float = 0.0
    """The last failure."""
    name: str | None = None
    """Whose password was wrong; None once there were several."""


class Delays:
    """Any thread may use it. An attempt counts as failed from its beginning, so that many at once win nothing."""

    def __init__(self, familiar: Iterable[str] = ()) -> None:
        """`familiar`: what this said before a restart."""
        self._lock = threading.Lock()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._familiar = OrderedDict.fromkeys(list(familiar)[-MOST_FAMILIAR:])
        self._turns = Turns()

    def attempt(self, address: str, name: str, now: Seconds) -> Seconds:
        """How long this address must wait before it may try; 0 when it may try now, which has begun with this call."""
        place = group_of(address)
        with self._lock:
            found = self._current(place, now)
            wait = found.since + _delay(found.failures) - now
            if wait <= 0.0 and place not in self._familiar:
                wait = self._turns.wait(place, now)
            if wait > 0.0:
                return Seconds(wait)
            found.name = name if found.failures == 0 or found.name == name else None
            found.failures += 1
            found.since = now
            self._keep(place, found)
        return Seconds(0.0)

    def succeeded(self, address: str, name: str) -> None:
        """Forgives mistypes, but no guesses at the passwords of others: a guesser may have a password, too."""
        place = group_of(address)
        with self._lock:
            if place not in self._familiar:
                self._turns.give_back()
            self._familiar[place] = None
            self._familiar.move_to_end(place)
            if len(self._familiar) > MOST_FAMILIAR:
                self._familiar.popitem(last=False)
            found = self._addresses.get(place)
            if found is None:
                return
            if found.name == name:
                del self._addresses[place]
            else:
                found.failures = max(0, found.failures - 1)

    def familiar(self) -> list[str]:
        """From where somebody logged in, the latest last."""
        with self._lock:
            return list(self._familiar)

    def _current(self, place: str, now: float) -> _Address:
        found = self._addresses.get(place)
        return _Address() if found is None or now - found.since > FORGOTTEN_AFTER else found

    def _keep(self, place: str, found: _Address) -> None:
        self._addresses[place] = found
        self._addresses.move_to_end(place)
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)


def _delay(failures: int) -> float:
    return 0.0 if failures < FREE else min(LONGEST, 2.0 ** (failures - FREE))


def group_of(address: str) -> str:
    """What counts as one address: of IPv6 a /64, the least that anybody gets."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
