"""Whether a deployment may restart the component now: not while a visit is open, but it waits for minutes at most."""

from edge_mask.units import Seconds

LONGEST = Seconds(300.0)
"""Seconds that all visits together hold up one deployment."""
LOOK_AGAIN = Seconds(5.0)
_MOST_KNOWN = 32


class Deferral:
    """Remembers when each deployment asked first."""

    def __init__(self) -> None:
        self._first: dict[str, Seconds] = {}

    def pause(self, deployment: str, is_occupied: bool, now: Seconds) -> Seconds:
        """After how many seconds the nucleus is to ask again; 0 lets the deployment go on."""
        if not is_occupied:
            self.over(deployment)
            return Seconds(0.0)
        if len(self._first) >= _MOST_KNOWN:
            self._first.pop(next(iter(self._first)))
        left = self._first.setdefault(deployment, now) + LONGEST - now
        return Seconds(max(0.0, min(LOOK_AGAIN, left)))

    def over(self, deployment: str) -> None:
        """It was carried out."""
        self._first.pop(deployment, None)
