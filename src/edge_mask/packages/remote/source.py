"""Where a package can come from: a manifest by its digest, and blobs by theirs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edge_mask.errors import TryLater
from edge_mask.settings.fleet import MOST_BYTES
from edge_mask.units import Bytes, Seconds

CHUNK: Final = 1 << 16
_SLOWEST: Final = 20_000
"""Bytes a second, below which the time runs out."""


class Cancelled(TryLater):
    """Whoever asked does not want it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, and for how long."""

    max_bytes: Bytes = Bytes(MOST_BYTES)
    """All files of a package together."""
    within: Seconds = Seconds(600.0)
    """For all that comes from one source; each 20 kB that came give it another second."""
    silent: Seconds = Seconds(30.0)
    """For one step, in which nothing comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are to a registry."""

    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a server is spoken to."""

    credentials: Credentials | None = None
    ca: Path | None = None
    """Certificates that it is checked with; without, the system's."""


class Effort:
    """What one source may take: it ends with its time, or when somebody does not want it any more."""

    def __init__(
        self, limits: Limits, stop: threading.Event | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._stop = stop or threading.Event()
        self._now = now
        self._until = now() + limits.within

    def got(self, size: int) -> None:
        """So many bytes came: a slow line is no server that drips."""
        self._until += size / _SLOWEST

    def left(self) -> float:
        """Seconds for the next step. Raises TryLater at the end, Cancelled when it is not wanted any more."""
        if self._stop.is_set():
            raise Cancelled("it is not wanted any more")
        rest = self._until - self._now()
        if rest <= 0.0:
            raise TryLater(f"not all of it came within {self.limits.within:g} s")
        return min(rest, self.limits.silent)


class NoPlace(Exception):
    """Our own disk does not take it: another source would not help."""


@contextmanager
def our_disk(place: Path) -> Iterator[None]:
    """Troubles of the disk under `place` as NoPlace."""
    try:
        yield
    except OSError as error:
        named = error.filename if isinstance(error.filename, str) else place
        raise NoPlace(f"{named}: cannot be written ({error.strerror}), the package was not fetched") from error


class Source(Protocol):
    """One place. Every call raises Refused or TryLater with a sentence, without the address."""

    def manifest(self, digest: str) -> bytes:
        """The bytes that it has for this digest; unchecked."""

    def blob(self, digest: str, start: int = 0) -> Iterator[bytes]:
        """The bytes that it has for this digest, from `start` on, as they come: unchecked, perhaps without an end."""

    def signature(self, digest: str) -> str | None:
        """The text of the signature that lies beside the manifest; None without one."""

    def close(self) -> None: ...
