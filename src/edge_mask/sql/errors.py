"""What can be wrong with a rule: when it is loaded, and while it runs."""

from edge_mask.errors import Refused


class RuleError(Refused):
    """A statement or template that cannot be run, found when it is loaded: a place and a sentence."""

    def __init__(self, sentence: str, text: str = "", at: int = 0) -> None:
        before = text[:at]
        self.line = before.count("\n") + 1
        self.column = at - (before.rfind("\n") + 1) + 1
        self.sentence = sentence
        super().__init__(f"line {self.line}, column {self.column}: {sentence}")


class EvaluationError(Refused):
    """A rule that could not finish for one message; the same message would fail again."""


class TookTooLong(EvaluationError):
    """A rule that used up the time it has for one message."""
