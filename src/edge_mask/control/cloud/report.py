"""One report on its way to a shadow: not two at once, not too often, and nothing again that changed nothing."""

from collections.abc import Mapping
from typing import Any, Final

ANSWER_WITHIN: Final = 10.0
"""Seconds after which a report without an answer counts as lost."""
_BETWEEN: Final = 1.0
_LONGEST_PAUSE: Final = 300.0


class Report:
    """`say` it when `may_say` allows; then `answered`, `refused` or `give_up` tells what became of it."""

    def __init__(self) -> None:
        self.conflicts = 0
        """Refusals in a row."""
        self._token = ""
        self._change: Mapping[str, Any] | None = None
        self._futile: Mapping[str, Any] | None = None
        self._next_at = float("-inf")

    @property
    def next_at(self) -> float:
        """When there may be a next one."""
        return self._next_at

    def is_ours(self, token: str) -> bool:
        """Whether an answer belongs to the one on its way."""
        return bool(token) and token == self._token

    def may_say(self, change: Mapping[str, Any], now: float) -> bool:
        """Whether to send this change now."""
        if not change:
            self._futile = None
            self.conflicts = 0
            return False
        return now >= self._next_at and change != self._futile

    def say(self, token: str, change: Mapping[str, Any], now: float) -> None:
        """It was sent."""
        self._token, self._change = token, change
        self._next_at = now + ANSWER_WITHIN

    def answered(self, token: str, now: float) -> None:
        """It was taken. If the same is still to be reported afterwards, the service keeps something else instead."""
        if self.is_ours(token):
            self._token, self._futile = "", self._change
            self._next_at = now + _BETWEEN

    def refused(self, now: float) -> None:
        """It was not taken this time."""
        self._token = ""
        self._next_at = now + min(_LONGEST_PAUSE, _BETWEEN * 2.0 ** min(self.conflicts, 10))
        self.conflicts += 1

    def give_up(self) -> None:
        """It will never be taken as it is."""
        self._futile = self._change
