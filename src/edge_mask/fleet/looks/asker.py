"""Who is asked for a second look: the protocol, and how a question ends."""

from dataclasses import dataclass
from typing import Protocol

from edge_mask.errors import EdgeMaskError
from edge_mask.fleet.frames.answer import PeerAnswer
from edge_mask.fleet.frames.jpeg import Sent
from edge_mask.units import Seconds


class NoAnswer(EdgeMaskError):
    """Why there is none; `code` is one of the outcomes."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """One picture of a face."""

    picture: Sent
    camera: str
    frame: int


class Asker(Protocol):
    """Used by one thread. A question is waited for; meanwhile it gives signs of life."""

    @property
    def who(self) -> str:
        """What stands in `by`."""
        ...

    @property
    def can_ask(self) -> bool:
        """Whether there is a way to it now; False without a connection to the broker."""
        ...

    def open(self) -> None: ...

    def ask(self, question: Question) -> PeerAnswer:
        """What it sees. Raises NoAnswer."""
        ...

    def interrupt(self) -> None:
        """From another thread, at a stop: a question ends soon."""
        ...

    def close(self, within: Seconds) -> None: ...
