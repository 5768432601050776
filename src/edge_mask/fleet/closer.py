"""Looking more closely for a while: what it changes, for whoever looks.

Cameras, lanes and decisions ask at each look; while nothing is the matter, that costs a comparison.
"""

from dataclasses import dataclass, replace

from edge_mask.detect.detector import Answer
from edge_mask.messages import Alert, Event
from edge_mask.runtime.clock import Clock
from edge_mask.settings.fleet import Watch
from edge_mask.units import Seconds, Unix


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and until when."""

    because_of: str
    """The neighbour."""
    until: Seconds
    """Monotonic."""
    until_wall: Unix
    """The same, for others."""


class CloserLook:
    """One thread begins and ends it (see neighbours.py); any thread asks."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        self._interval, self._votes, self._threshold = watch.interval, watch.votes, watch.threshold
        self._lasts = watch.lasts
        self._clock = clock
        self._reason: Reason | None = None  # replaced as a whole: nobody sees half of it

    @property
    def reason(self) -> Reason | None:
        """None while this device looks as usual."""
        reason = self._reason
        return reason if reason is not None and self._clock.now().mono < reason.until else None

    def begin(self, because_of: str) -> Reason:
        """From now on, for as long as the settings say."""
        now, lasts = self._clock.now(), self._lasts
        self._reason = Reason(because_of, Seconds(now.mono + lasts), Unix(now.wall + lasts))
        return self._reason

    def end(self) -> None:
        """As usual."""
        self._reason = None

    def interval(self, usual: Seconds) -> Seconds:
        """Time between two looks of a camera now."""
        return usual if self.reason is None else min(usual, self._interval)

    def votes(self, usual: int) -> int:
        """Looks by which one verdict must be ahead, of somebody who comes now."""
        wanted = self._votes
        return usual if wanted is None or wanted <= usual or self.reason is None else wanted

    def faces(self, answer: Answer) -> Answer:
        """The answer with the faces that count now: the model says the fainter ones too, and they are left out."""
        least = self._threshold
        if least is None or not answer.faint or self.reason is None:
            return answer
        more = [face for face in answer.faint if face.score >= least]
        faces = sorted([*answer.faces, *more], key=lambda face: -face.score)
        return replace(answer, faces=faces, faint=[face for face in answer.faint if face.score < least])

    def marked(self, event: Event) -> Event:
        """An alert that is raised meanwhile says so: whoever hears it does not look more closely for its sake."""
        return replace(event, watching=True) if isinstance(event, Alert) and self.reason is not None else event
