"""What the sink has done so far, for its page and its log. Each number has one writer; reading needs no lock."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

LAGS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
"""Seconds: the bounds of the histogram."""


@dataclass(slots=True)
class Tally:
    """Counters since the start, and how it is now."""

    received: int = 0
    stored: int = 0
    """New rows."""
    repeated: int = 0
    """Messages whose row was there already."""
    refused: int = 0
    left_out: int = 0
    """Live or retained messages, which are not stored."""
    commits: int = 0
    missing: int = 0
    """Messages that are missing in sequences and may still come."""
    lost: int = 0
    """Messages that never will."""
    pictures: int = 0
    """Pictures that devices have put into the store."""
    asked: int = 0
    """Requests to devices to send something again."""
    is_connected: bool = False
    has_database: bool = False
    subscribed: int = 0
    """How often the broker has granted the subscription."""
    lags: list[int] = field(default_factory=lambda: [0] * (len(LAGS) + 1))
    """How many messages were committed within each of LAGS after their observation, and later; late ones left out."""
    lag_sum: float = 0.0
    """Seconds, of all of those."""

    def took(self, lag: float) -> None:
        """A message was committed `lag` seconds after its observation."""
        self.lags[bisect_left(LAGS, lag)] += 1
        self.lag_sum += lag
