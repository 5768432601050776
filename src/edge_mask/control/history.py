"""The command `history`: messages that a receiver lacks are sent again, from what the device keeps."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.control.request import Rejected, Request, shown
from edge_mask.errors import Refused, TryLater
from edge_mask.kinds import KINDS
from edge_mask.recording import requests
from edge_mask.recording.again import MOST
from edge_mask.wire.topics import Topics

PATIENCE: Final = 30.0
"""Seconds until the messages are in the outbox."""
_LARGEST: Final = 2**53


@dataclass(frozen=True, slots=True)
class History:
    """Carries out `history`."""

    ask: Callable[[requests.SendAgain], object]
    """Leaves a request for the recorder."""
    topics: Topics
    is_forwarded: bool
    """Whether every message leaves, and not only what a rule makes of it."""

    def __call__(self, request: Request) -> dict[str, Any]:
        """Raises Rejected."""
        topic = self._topic(request)
        first, last = (_number(request, name) for name in ("from_seq", "to_seq"))
        if not first <= last < first + MOST:
            text = f"found {first} to {last}; allowed: from_seq up to to_seq, at most {MOST} numbers"
            raise Rejected("bad_request", f"to_seq: {text}")
        if not self.is_forwarded:
            raise Rejected("not_allowed", "forward is rules-only: the messages themselves do not leave this device")
        again = self._sent(requests.SendAgain(topic, first, last))
        missing = [list(span) for span in again.missing]
        return {"topic": again.topic, "sent": again.sent, "missing": missing, "last": again.last}

    def _topic(self, request: Request) -> str:
        given = request.text("topic")
        if not given:
            raise Rejected("bad_request", "topic is missing: a kind of message such as visits, or its whole topic")
        topic = given if "/" in given else self.topics.of(given)
        for kind in KINDS:
            if kind.is_live and topic == self.topics.of(kind.name):
                raise Rejected("bad_request", f"topic: {shown(given)} is sent at once or not at all, and never kept")
        return topic

    def _sent(self, task: requests.SendAgain) -> Any:
        self.ask(task)
        try:
            return task.answer.result(PATIENCE)
        except Overdue as error:
            raise Rejected("busy", f"the database did not answer within {PATIENCE:g} s; ask again later") from error
        except CancelledError as error:
            raise Rejected("busy", "the device is being built again; ask again later") from error
        except TryLater as error:
            raise Rejected("busy", str(error)) from error
        except Refused as error:
            raise Rejected("bad_request", f"topic: {error}") from error


def _number(request: Request, name: str) -> int:
    value = request.fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST:
        raise Rejected("bad_request", f"{name}: found {shown(value)}; allowed: a whole number from 1")
    return value
