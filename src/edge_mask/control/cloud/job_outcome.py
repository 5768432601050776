"""How a job ended, as the service takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from edge_mask.errors import ConfigurationError
from edge_mask.redact import redact

_LONGEST_DETAIL: Final = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status and what is worth telling of it."""

    status: str
    """`SUCCEEDED`, `FAILED` or `REJECTED`."""
    details: Mapping[str, str] = field(default_factory=dict)

    def fitting(self) -> "Outcome":
        """With details that the service takes: only what can be printed, at most 1024 characters, none empty."""
        lines = {key: redact(value).replace("\n", "; ")[:_LONGEST_DETAIL] for key, value in self.details.items()}
        shown = {key: "".join(c if c.isprintable() else "?" for c in line) for key, line in lines.items()}
        return replace(self, details={key: value for key, value in shown.items() if value})


def outcome_of(error: BaseException | None, details: Mapping[str, str]) -> Outcome:
    """Rejected for a job that is wrong, failed for one that was tried."""
    if error is None:
        return Outcome("SUCCEEDED", details)
    status = "REJECTED" if isinstance(error, ConfigurationError) else "FAILED"
    return Outcome(status, {"error": str(error) or type(error).__name__})
