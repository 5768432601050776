"""What is known of jobs over a restart: the one that is being done, how often it was begun, and how others ended."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from edge_mask.control.cloud.job_outcome import Outcome
from edge_mask.control.cloud.json_in import Nonsense, object_at, text_at, whole_number
from edge_mask.control.kept import Kept

MOST_ENDED: Final = 10


@dataclass(frozen=True, slots=True)
class Execution:
    """One job on this device."""

    id: str
    number: int
    """Counts how often the service gave this job to this device."""
    version: int
    tries: int = 0
    outcome: Outcome | None = None

    def is_same(self, other: "Execution") -> bool:
        return (self.id, self.number) == (other.id, other.number)


class JobMemory:
    """On the disk before it counts. Use it from one thread at a time."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        found = kept.read()
        self.current = _read(found.get("current"))
        ended = found.get("ended")
        self._ended = [each for each in map(_read, ended if isinstance(ended, list) else []) if each is not None]

    def ended(self, execution: Execution) -> Execution | None:
        """The same one with its outcome, if the service has that already."""
        return next((each for each in self._ended if each.is_same(execution)), None)

    def begin(self, execution: Execution) -> None:
        """It is about to be done. Raises TryLater: then it must not be done."""
        self.current = execution
        self._write()

    def end(self, outcome: Outcome) -> None:
        """It has ended. Raises TryLater when that is not known after a restart."""
        if self.current is not None:
            self.current = replace(self.current, outcome=outcome)
            self._write()

    def is_at(self, version: int) -> None:
        """The service counts it otherwise."""
        if self.current is not None:
            self.current = replace(self.current, version=version)

    def over(self) -> None:
        """The service knows the outcome, or does not want it. Raises TryLater."""
        if self.current is not None and self.current.outcome is not None:
            self._ended = [*self._ended, self.current][-MOST_ENDED:]
        self.current = None
        self._write()

    def _write(self) -> None:
        current = None if self.current is None else asdict(self.current)
        self._kept.write({"current": current, "ended": [asdict(each) for each in self._ended]})


def _read(found: Any) -> Execution | None:
    """None for what makes no sense."""
    if not isinstance(found, dict):
        return None
    try:
        number, version = whole_number(found, "number"), whole_number(found, "version")
        execution = Execution(text_at(found, "id"), number, version, whole_number(found, "tries"))
        outcome = object_at(found, "outcome")
        if not outcome:
            return execution
        details = {str(key): str(value) for key, value in object_at(outcome, "details").items()}
        return replace(execution, outcome=Outcome(text_at(outcome, "status"), details))
    except Nonsense:
        return None
