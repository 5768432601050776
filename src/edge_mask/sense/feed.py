"""The Feed protocol: a device that speaks by itself, and what can be heard from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_mask.messages import Reading
from edge_mask.units import Seconds


@dataclass(frozen=True, slots=True)
class Said:
    """A value. `by` is the configured sensor; the reading may have the name of one of its ids."""

    by: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Stands:
    """A value that was said some time ago: it is no reading, but tells what is so now."""

    by: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Something came that gives no value."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """One more id came than a device may have."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The sensor says itself that it is away: what it measured before decides nothing any more."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Back:
    """It says that it is there again."""

    by: str


Utterance = Said | Stands | Nonsense | Crowd | Gone | Back


class Feed(Protocol):
    """A port, a topic or a line. One thread owns it; it opens itself, also after it was lost."""

    @property
    def name(self) -> str: ...

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        """Wait for at most `timeout`; nothing is an answer too.

        Raises TryLater when the device is away, Refused when it will never be there.
        """
        ...

    def may_be_back(self) -> bool:
        """Whether a device that was lost deserves another try now; asked each second, and cheap."""
        ...

    def wake(self) -> None:
        """End a wait; from any thread."""
        ...

    def close(self) -> None: ...
