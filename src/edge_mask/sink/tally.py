"""What the sink has done so far, for its page and its log. Each number has one writer; reading needs no lock."""

from collections import deque
from dataclasses import dataclass, field


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
    recent: "deque[float]" = field(default_factory=lambda: deque(maxlen=1000))
    """Seconds from the observation of each of the last messages to its commit; without late ones."""
