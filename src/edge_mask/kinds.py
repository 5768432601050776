"""The table of the kinds of message: where each goes, how, and where it is kept.

Everything else that must know a kind reads it here: topics, schemas, names of settings, tables and their retention.
A new event is a row in KINDS and a line in `messages.kind_of`; the type checker and tests/wire/test_kinds.py name what
else it needs.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Urgency = Literal["low", "normal", "high", "urgent"]
"""How loud a notification is."""


class Priority(IntEnum):
    """What happens to a message offline and when space runs out; the smaller number leaves first."""

    URGENT = 0
    EVIDENCE = 1
    TELEMETRY = 2
    LIVE = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message."""

    name: str
    """Its topic below the root. A reading has its quantity there instead; `temperature` stands for all of them."""
    priority: Priority
    qos: Literal[0, 1]
    table: str | None
    """The table of the database that keeps the event; None when nothing of it but its message is kept."""
    is_retained: bool = False
    """The broker keeps the last one for whoever subscribes later."""

    @property
    def is_live(self) -> bool:
        """Whether it goes past the disk: sent now or not at all."""
        return self.priority is Priority.LIVE


DETECTIONS = Kind("detections", Priority.LIVE, 0, None)
VISITS = Kind("visits", Priority.EVIDENCE, 1, "visits")
LOOKS = Kind("looks", Priority.TELEMETRY, 1, "looks")
ALERTS = Kind("alerts", Priority.URGENT, 1, "alerts")
READINGS = Kind("temperature", Priority.TELEMETRY, 1, "readings")
HEALTH = Kind("health", Priority.LIVE, 0, None)
FAULTS = Kind("errors", Priority.EVIDENCE, 1, "faults")
STATUS = Kind("status", Priority.LIVE, 1, None, is_retained=True)
AMENDMENTS = Kind("amendments", Priority.EVIDENCE, 1, "amendments")
# What is said of a series of readings; the store of series keeps what they are made of.
SUMMARIES = Kind("summaries", Priority.TELEMETRY, 1, None)
RECORDS = Kind("records", Priority.TELEMETRY, 1, None)
FORECASTS = Kind("forecasts", Priority.TELEMETRY, 1, None)
# What other devices are told of this one; without the section `fleet`, nothing.
ABOUT = Kind("about", Priority.LIVE, 1, None, is_retained=True)
ROOM = Kind("room", Priority.LIVE, 1, None, is_retained=True)

OF_SERIES = (SUMMARIES, RECORDS, FORECASTS)
KINDS = (DETECTIONS, VISITS, AMENDMENTS, LOOKS, ALERTS, READINGS, HEALTH, FAULTS, STATUS, *OF_SERIES, ABOUT, ROOM)

TABLES = tuple(kind.table for kind in KINDS if kind.table is not None)
"""The tables of the history."""

FIRST_TO_GO = tuple(
    tuple(kind.table for kind in KINDS if kind.table is not None and kind.priority is priority)
    for priority in (Priority.TELEMETRY, Priority.EVIDENCE, Priority.URGENT)
)
"""The same tables in the order in which the history gives them up when it is full: by priority, as the outbox does."""
