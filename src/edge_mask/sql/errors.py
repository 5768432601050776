"""Errors of a rule: when it is loaded, and while it runs."""

from edge_mask.errors import Refused


class RuleError(Refused):
    """An invalid statement or template, found when it is loaded: a place and a sentence."""

    def __init__(self, sentence: str, text: str = "", at: int = 0) -> None:
        before = text[:at]
        self.line = before.count("\n") + 1
        self.column = at - (before.rfind("\n") + 1) + 1
        self.sentence = sentence
        super().__init__(f"line {self.line}, column {self.column}: {sentence}")


class EvaluationError(Refused):
    """A rule that failed for one message; the same message would fail again."""


class TookTooLong(EvaluationError):
    """A rule that used up its time for one message."""
