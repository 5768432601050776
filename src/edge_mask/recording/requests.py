"""What others may ask of the recorder, and how its thread carries it out."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, assert_never

from edge_mask.ledger.erasure import Erased, Erasure
from edge_mask.ledger.inspection import Damage, Mended
from edge_mask.ledger.seen import Sighting
from edge_mask.ledger.writer import Ledger
from edge_mask.recording.again import SentAgain
from edge_mask.units import Moment

T = TypeVar("T")


@dataclass(slots=True)
class Request(Generic[T]):
    """Work that only the recorder's thread may do; `answer` resolves when it is done and on the disk.

    The answer is cancelled when the recorder ends first. It holds an EdgeMaskError when the request is refused.
    """

    answer: "Future[T]" = field(default_factory=Future, kw_only=True)


@dataclass(slots=True)
class Barrier(Request[None]):
    """Resolves when everything put into the mailbox before it is on the disk."""


@dataclass(slots=True)
class ReadShadow(Request[dict[str, Any] | None]):
    """The shadow document of a thing, or of one of its named shadows; None when there is none."""

    thing: str
    name: str | None = None


@dataclass(slots=True)
class UpdateShadow(Request[dict[str, Any] | None]):
    """Merges `{"state": {"desired": …, "reported": …}}` into a shadow and answers with the document."""

    thing: str
    name: str | None
    update: Any


@dataclass(slots=True)
class Purge(Request[int]):
    """Deletes waiting messages and answers how many; see `delete_waiting` for the two filters."""

    refused_only: bool = False
    before: float | None = None


@dataclass(slots=True)
class Mend(Request[Mended]):
    """Sets damaged rows aside and counts the totals anew."""

    damage: Sequence[Damage]


@dataclass(slots=True)
class Condemn(Request[None]):
    """The file is damaged: a new one takes its place, with everything that can still be read."""

    reason: str
    file: tuple[int, int] | None = None
    """The one that was inspected; another in its place stays."""


@dataclass(slots=True)
class Erase(Request[Erased]):
    """Deletes what is kept of people: rows, what waits, and what the shadows show of them."""

    erasure: Erasure


@dataclass(slots=True)
class MarkSeen(Request[int]):
    """Marks alerts or faults as seen and answers how many are marked that were not before."""

    sighting: Sighting


@dataclass(slots=True)
class SendAgain(Request[SentAgain]):
    """Puts messages of these numbers into the outbox again, as far as the history has them."""

    topic: str
    first: int
    last: int


Task = ReadShadow | UpdateShadow | Purge | Mend | Condemn | Erase | MarkSeen
"""Requests that do something; a Barrier only waits."""


def carry_out(task: Task, ledger: Ledger, now: Moment) -> Any:
    """Do it and return the answer. Raises an EdgeMaskError when it is refused.

    A changed shadow is not on the disk yet: the next commit writes it.
    """
    match task:
        case ReadShadow(thing=thing, name=name):
            return ledger.shadows.get(thing, name, int(now.wall))
        case UpdateShadow(thing=thing, name=name, update=update):
            ledger.shadows.update(thing, name, update, int(now.wall))
            return ledger.shadows.get(thing, name, int(now.wall))
        case Purge(refused_only=refused_only, before=before):
            return ledger.purge(refused_only=refused_only, before=before)
        case Mend(damage=damage):
            return ledger.mend(damage, now)
        case Condemn(reason=reason, file=file):
            ledger.file.condemn(reason, file)
            return None
        case Erase(erasure=erasure):
            return ledger.erase(erasure, now)
        case MarkSeen(sighting=sighting):
            return ledger.mark_seen(sighting, now)
        case _:
            assert_never(task)
