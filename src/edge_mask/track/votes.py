"""What the frames of the last moments say about one face."""

from collections import deque
from dataclasses import dataclass

from edge_mask.units import Seconds

_PARTS = 100
"""A weight is kept in so many parts, and a score in ten thousand: sums of whole numbers are exact, so that the same
votes give the same answer whatever came before them."""
_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class VotePolicy:
    """When frames agree. Two of three must: a label that changes with every frame is no decision."""

    needed: int = 5
    window: Seconds = Seconds(2.0)
    """Only votes of the last `window` count."""
    share: float = 0.66
    """Part of the weight of all votes that the winner must have."""
    most: int = 240
    """Only so many of the newest votes count: what a verdict depends on has a bound, however quick the camera is."""
    few: int = 3
    """A device too slow for `needed` votes in a window decides on this many, if the window is full and all agree."""


@dataclass(frozen=True, slots=True)
class Majority:
    """The label that won and the mean score of the votes for it, each by its weight."""

    label: str
    score: float


class Ballot:
    """The votes for one face. One frame is one vote; a vote grows old by the time that is given, never by itself.

    A weight makes a vote count less, never more: who wins has more than half of the votes, too, however they weigh.
    """

    def __init__(self, policy: VotePolicy) -> None:
        self._policy = policy
        self._votes: deque[tuple[Seconds, str, int, int]] = deque()
        # Kept up with each vote: at hundreds of frames a second, counting a window anew would cost more than tracking.
        self._count: dict[str, int] = {}
        self._weights: dict[str, int] = {}
        self._scores: dict[str, int] = {}
        self.since = Seconds(0.0)
        """The first vote after which there was no pause as long as the window."""

    def add(self, label: str, score: float, at: Seconds, weight: float = 1.0) -> None:
        """One frame's opinion; frames come in the order of time. `weight` lies in 0..1."""
        parts = round(weight * _PARTS)
        points = parts * round(score * _POINTS)
        if not self._votes or at - self._votes[-1][0] > self._policy.window:
            self.since = at
        self._votes.append((at, label, parts, points))
        self._count[label] = self._count.get(label, 0) + 1
        self._weights[label] = self._weights.get(label, 0) + parts
        self._scores[label] = self._scores.get(label, 0) + points
        self._forget(at)

    def tally(self) -> dict[str, int]:
        """Votes per label within the window that ends with the newest."""
        return self._count.copy()

    @property
    def is_full(self) -> bool:
        """Whether the face was watched for a whole window."""
        return bool(self._votes) and self._votes[-1][0] - self.since >= self._policy.window

    def majority(self) -> Majority | None:
        """What was decided, None while it is undecided: too few votes, a tie, or no clear winner."""
        if not self._votes:
            return None
        label, weight = max(self._weights.items(), key=lambda each: each[1])
        won, cast = self._count[label], len(self._votes)
        if 2 * won <= cast or weight < self._policy.share * sum(self._weights.values()):
            return None
        if not self._are_enough(won, cast):
            return None
        return Majority(label, min(1.0, self._scores[label] / (weight * _POINTS)) if weight else 0.0)

    def _are_enough(self, won: int, cast: int) -> bool:
        return cast >= self._policy.needed or (self.is_full and won == cast >= self._policy.few)

    def _forget(self, now: Seconds) -> None:
        while now - self._votes[0][0] > self._policy.window or len(self._votes) > self._policy.most:
            _, label, parts, points = self._votes.popleft()
            self._count[label] -= 1
            self._weights[label] -= parts
            self._scores[label] -= points
            if not self._count[label]:
                del self._count[label], self._weights[label], self._scores[label]
