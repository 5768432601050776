"""The one connection of this process: whoever needs the nucleus borrows it, the last one closes it."""

import threading

from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.units import Seconds

_lock = threading.Lock()
_nucleus: Nucleus | None = None
_borrowers = 0


def borrow() -> Nucleus:
    """The connection, opened for the first borrower. Raises Refused when this process is no component."""
    global _nucleus, _borrowers
    with _lock:
        if _nucleus is None:
            made = Nucleus()
            made.open()
            _nucleus = made
        _borrowers += 1
        return _nucleus


def give_back(within: Seconds) -> None:
    """Once for each `borrow`."""
    global _nucleus, _borrowers
    with _lock:
        _borrowers -= 1
        last, _nucleus = (_nucleus, None) if _borrowers == 0 else (None, _nucleus)
    if last is not None:
        last.close(within)
