"""Counts the effects of one message and stops endless chains of rules.

message ─▶ rules ─▶ effects ─▶ republished ─▶ rules ─▶ …       bounded in length, number, bytes and time
"""

import time
from collections import Counter
from typing import Final

from edge_mask.rules.effects import Effect, HttpCall, Republish, RuleFailed
from edge_mask.sql.rule_input import Deadline

MAX_DEPTH: Final = 8
"""Most rules in a row that republish a message."""

MAX_EFFECTS: Final = 256
"""Most effects of one message; more than that means that rules trigger each other."""

MAX_BYTES: Final = 8 << 20
"""Most bytes in the payloads of these effects."""

MAX_SECONDS: Final = 0.5
"""Seconds for all rules of one message after the first slow rule: wall time first, then processor time."""

_SLOW: Final = 0.01
"""A rule that takes longer (seconds) is remembered as slow."""


class Chain:
    """The effects of one message, of the messages republished from it, and so on."""

    def __init__(self, topic: str) -> None:
        self.effects: list[Effect] = []
        self.blamed: dict[str, str] = {}
        """Rules that exceeded a bound, with the sentence about it."""
        self.is_over = False
        """A bound is reached: no further effects for this message."""
        self.is_too_slow = False
        """It is the bound on time."""
        self.topic = topic
        self._bytes = 0
        self._deadline: Deadline | None = None
        self._last = time.monotonic()
        self._took: dict[str, float] = {}

    def ran(self, rule: str) -> bool:
        """Note that a rule has run; False when no time is left for another."""
        now = time.monotonic()
        took, self._last = now - self._last, now
        if took > _SLOW:
            self._took[rule] = self._took.get(rule, 0.0) + took
            self._deadline = self._deadline or Deadline(MAX_SECONDS)
        if self._deadline is None or not self._deadline.is_over():
            return True
        self.is_too_slow = True
        slowest = max(self._took, key=self._took.__getitem__)
        self._end(slowest, f"the rules took longer than {MAX_SECONDS:g} s for one message")
        return False

    def loops(self, effect: Republish) -> None:
        """The chain is too long; reported once for each rule."""
        if effect.rule not in self.blamed:
            ordinal = f"{MAX_DEPTH + 1}th"
            text = (
                f"the message to {effect.message.topic} would be the {ordinal} in a chain of rules; at most {MAX_DEPTH}"
            )
            self._blame(effect.rule, text)

    def add(self, effect: Effect) -> bool:
        """Add an effect; False when it exceeds a bound."""
        self._bytes += _size(effect)
        if len(self.effects) >= MAX_EFFECTS:
            self._end(self._busiest(), f"one message led to more than {MAX_EFFECTS} effects")
        elif self._bytes > MAX_BYTES:
            self._end(self._busiest(), f"one message led to more than {MAX_BYTES} bytes")
        else:
            self.effects.append(effect)
        return not self.is_over

    def _end(self, culprit: str, text: str) -> None:
        self.is_over = True
        self._blame(culprit, f"{text}; the rest is dropped")

    def _blame(self, rule: str, text: str) -> None:
        self.blamed[rule] = text
        self.effects.append(RuleFailed(rule=rule, code="chain", text=text, topic=self.topic))

    def _busiest(self) -> str:
        return Counter(effect.rule for effect in self.effects).most_common(1)[0][0]


def _size(effect: Effect) -> int:
    match effect:
        case Republish(message=message):
            return len(message.payload)
        case HttpCall(body=body):
            return len(body)
    return 0
