"""One loaded rule at work: its counters, and how it comes to be set aside."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from edge_mask.rules.effects import RuleFailed
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.values import Value

SET_ASIDE_AFTER: Final = 10
"""Failures in a row before a rule is set aside."""

_SLOW: Final = 4
"""Weight of a failure that used up all the time: three of them are enough."""


@dataclass(slots=True)
class RuleCounts:
    """The counters of one rule since it was loaded."""

    matched: int = 0
    failed: int = 0
    is_set_aside: bool = False


@dataclass(slots=True)
class Running:
    """One loaded rule and its state."""

    rule: RuleDefinition
    where: Callable[[Value, RuleInput], bool] | None
    number: int
    """Of the version of the language."""
    is_quick: bool
    """Whether WHERE is too simple to need a time limit."""
    counts: RuleCounts = field(default_factory=RuleCounts)
    in_a_row: int = 0
    strikes: int = 0
    """Weighted failures in a row."""
    chains: int = 0
    """The same for chains that were too long."""
    last: int | None = None
    """Timestamp of the last message that the rule handled (only with `atMostEvery`)."""

    @classmethod
    def of(cls, rule: RuleDefinition) -> "Running":
        """Nothing is counted yet."""
        statement = rule.statement
        return cls(rule, statement.where, statement.number, statement.has_quick_where)

    @property
    def can_run(self) -> bool:
        """Whether it is meant for this device, and switched on."""
        return self.rule.runs_here and not self.rule.is_disabled

    def is_too_soon(self, now: int) -> bool:
        """Whether `atMostEvery` lets it rest."""
        every, last = self.rule.at_most_every, self.last
        return every is not None and last is not None and 0 <= now - last < every * 1000

    def matched(self, now: int) -> None:
        """It has something to do."""
        self.counts.matched += 1
        self.last = now

    def succeeded(self) -> None:
        """It did not fail, whether it matched or not."""
        self.in_a_row = self.strikes = 0

    def failed(self, *, is_slow: bool) -> None:
        """It failed for one message."""
        self.counts.failed += 1
        self.in_a_row += 1
        self.strikes += _SLOW if is_slow else 1

    def went_too_far(self, *, is_slow: bool) -> None:
        """It is blamed for a chain that was too long."""
        self.chains += _SLOW if is_slow else 1

    @property
    def has_failed_enough(self) -> bool:
        return self.strikes >= SET_ASIDE_AFTER

    @property
    def has_gone_too_far(self) -> bool:
        """So often that it must be set aside, and is not yet."""
        return self.chains >= SET_ASIDE_AFTER and not self.counts.is_set_aside

    def set_aside(self, report: RuleFailed, why: str, text: str) -> RuleFailed:
        """It runs no more; returns what is said of that."""
        self.counts.is_set_aside = True
        text = f"{why} and is set aside until the rules are loaded again: {text}"
        return replace(report, code="set_aside", text=text)
