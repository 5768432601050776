"""What each address of an `http` action answered last, in one small file beside the database.

`edge-mask check` shows it: a check asks no server itself to take something, as that would be a false event there.
"""

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edge_mask.deliver.http_request import HttpRequest
from edge_mask.messages import Outcome, Receipt
from edge_mask.private_file import replace_private
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

MOST: Final = 64
"""Addresses that are remembered; the one that has not answered for longest goes first."""
AT_MOST_EVERY: Final = Seconds(10.0)
"""Between two writes of something new. A server that answers each second must not wear out the card."""
SAME_EVERY: Final = Seconds(600.0)
"""Between two writes when every address answers as before, and only the times are newer."""
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Answered:
    """The last end of a request to one address."""

    at: float
    """Unix seconds."""
    is_taken: bool
    text: str
    """The status and the beginning of the body, or why there was no answer; without secrets."""


class Answers:
    """The daemon's memory of them. `tell` is called in threads of connections, the rest in that of the couriers."""

    def __init__(self, database: Path, clock: Clock) -> None:
        self._path = place_of(database)
        self._clock = clock
        self._lock = threading.Lock()
        self._known = read(database)
        self._is_new = False
        self._is_newer = False
        self._written_at = float("-inf")

    def tell(self, request: HttpRequest, receipt: Receipt, said: str) -> None:
        """A request has ended; `said` is what the server answered, empty when it did not."""
        text = said or receipt.reason
        found = Answered(round(self._clock.now().wall, 3), receipt.outcome is Outcome.DELIVERED, text[:_LONGEST])
        address = address_of(request)
        with self._lock:
            before = self._known.pop(address, None)
            self._known[address] = found
            if len(self._known) > MOST:
                self._known.pop(next(iter(self._known)))
            self._is_newer = True
            self._is_new |= before is None or _sense(before) != _sense(found)

    def keep(self, *, at_the_end: bool = False) -> None:
        """Write them down if it is time to. Says so and goes on when that fails: it is a help, and no evidence."""
        now = self._clock.now().mono
        with self._lock:
            every = AT_MOST_EVERY if self._is_new else SAME_EVERY
            if not self._is_newer or (now - self._written_at < every and not at_the_end):
                return
            data = {address: asdict(each) for address, each in self._known.items()}
            self._is_new = self._is_newer = False
            self._written_at = now
        try:
            replace_private(self._path, json.dumps(data).encode())
        except OSError as error:
            log.debug("http: %s cannot be written: %s", self._path, error.strerror)
            with self._lock:
                self._is_new = self._is_newer = True


def place_of(database: Path) -> Path:
    return Path(f"{database}.answers.json")


def address_of(request: HttpRequest) -> str:
    """Where a request goes, without its query, which may hold a key."""
    origin = request.origin
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return redact(f"{origin.scheme}://{host}:{origin.port}{request.path.partition('?')[0]}", request.secrets)


def read(database: Path) -> dict[str, Answered]:
    """By address, the oldest first; nothing of what cannot be read."""
    try:
        found = json.loads(place_of(database).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    each = found.items() if isinstance(found, Mapping) else ()
    known = {address: answered for address, fields in each if (answered := _answered(fields)) is not None}
    return dict(sorted(known.items(), key=lambda item: item[1].at)[-MOST:])


def _answered(fields: Any) -> Answered | None:
    match fields:
        case {"at": int() | float() as at, "is_taken": bool() as is_taken, "text": str() as text}:
            return Answered(float(at), is_taken, text[:_LONGEST])
    return None


def _sense(answered: Answered) -> tuple[bool, str]:
    """What it means: not the body, which may hold a time or a number of its own."""
    return answered.is_taken, answered.text.partition(":")[0]
