"""The group: everything that the next commit writes, everybody who waits for it, and when it is due.

visits, alerts ───────────────▶ at once
readings, looks, receipts ────▶ within outbox.commit_interval
a shadow alone ───────────────▶ within a second
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from edge_mask.kinds import Kind
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.sequences import Sequences
from edge_mask.ledger.shadows import Shadows
from edge_mask.messages import Message, Priority
from edge_mask.recording.intake import Admitted
from edge_mask.rules.effects import EdgeAction
from edge_mask.units import Seconds

_SHADOW_WAITS = 1.0
"""Seconds that a changed shadow waits: a rule may change it with each live message, and each commit wears the card."""


class Group:
    """Grows until it is written. The recorder's thread uses it."""

    def __init__(self, sequences: Sequences, shadows: Shadows, interval: Seconds) -> None:
        self._sequences = sequences
        self._shadows = shadows
        self._interval = interval
        self._actions: list[EdgeAction] = []
        self._told: list[tuple[Kind, Message]] = []
        self._answers: list[tuple[Future[Any], Any]] = []
        self.batch = Batch()
        self.due = float("inf")
        """When it should be written, on the monotonic clock."""

    @property
    def rows(self) -> int:
        return len(self.batch.events) + len(self.batch.outgoing) + len(self.batch.series)

    @property
    def is_empty(self) -> bool:
        return not (len(self.batch) or self._answers)

    def add(self, admitted: Admitted, now: float) -> None:
        """Take the rows and actions of one event."""
        self.batch.events += admitted.events
        self.batch.outgoing += admitted.outgoing
        self.batch.released += admitted.released
        self.batch.counts += admitted.counts
        self.batch.marks |= admitted.marks
        self.batch.series += admitted.series
        self._actions += admitted.actions
        self._told += admitted.told
        if admitted.is_stored:
            self._due_by(now + (0.0 if admitted.priority <= Priority.EVIDENCE else self._interval))
        elif self._sequences.is_dirty or self._actions:
            self._due_by(now + self._interval)
        elif self._shadows.is_dirty:
            self._due_by(now + max(self._interval, _SHADOW_WAITS))

    def settle(self, settlements: Sequence[Settlement], done: "Future[None]", now: float) -> None:
        """Take receipts; `done` resolves when they are written."""
        self.batch.settlements += settlements
        self.answer_later(done, None)
        self._due_by(now + self._interval)

    def answer_later(self, answer: "Future[Any]", result: Any) -> None:
        """`answer` gets its result when the group is written."""
        self._answers.append((answer, result))

    def hurry(self) -> None:
        """Do not wait for more."""
        self.due = float("-inf")

    def written(self) -> None:
        """The batch is on the disk; actions and answers follow, by `take_actions` and `answer`."""
        self.batch = Batch()
        self.due = float("inf")

    def take_actions(self) -> list[EdgeAction]:
        """Only after the commit: what led to an action must be on the disk before it happens."""
        actions, self._actions = self._actions, []
        return actions

    def take_told(self) -> list[tuple[Kind, Message]]:
        """Only after the commit, too: who is told of an event finds it in the history."""
        told, self._told = self._told, []
        return told

    def answer(self) -> None:
        """Resolve everything that waited for the commit."""
        answers, self._answers = self._answers, []
        for future, result in answers:
            future.set_result(result)

    def cancel(self) -> None:
        """The recorder ends: nobody gets an answer any more."""
        for future, _ in self._answers:
            future.cancel()

    def _due_by(self, moment: float) -> None:
        self.due = min(self.due, moment)
