"""What the frames of the last moments say about one face."""

from collections import deque
from dataclasses import dataclass

from edge_mask.units import Seconds


@dataclass(frozen=True, slots=True)
class VotePolicy:
    """When frames agree. Two of three must: a label that changes with every frame is no decision."""

    needed: int = 5
    window: Seconds = Seconds(2.0)
    """Only votes of the last `window` count."""
    share: float = 0.66
    """Part of the votes that the winner must have."""
    most: int = 240
    """Only so many of the newest votes count: what a verdict depends on has a bound, however quick the camera is."""
    few: int = 3
    """A device too slow for `needed` votes in a window decides on this many, if the window is full and all agree."""


@dataclass(frozen=True, slots=True)
class Majority:
    """The label that won and the mean score of the votes for it."""

    label: str
    score: float


class Ballot:
    """The votes for one face. One frame is one vote; a vote grows old by the time that is given, never by itself."""

    def __init__(self, policy: VotePolicy) -> None:
        self._policy = policy
        self._votes: deque[tuple[Seconds, str, float]] = deque()
        # Kept up with each vote: at hundreds of frames a second, counting a window anew would cost more than tracking.
        self._count: dict[str, int] = {}
        self._scores: dict[str, float] = {}
        self._first: Seconds | None = None

    def add(self, label: str, score: float, at: Seconds) -> None:
        """One frame's opinion; frames come in the order of time."""
        if self._first is None:
            self._first = at
        self._votes.append((at, label, score))
        self._count[label] = self._count.get(label, 0) + 1
        self._scores[label] = self._scores.get(label, 0.0) + score
        self._forget(at)

    def tally(self) -> dict[str, int]:
        """Votes per label within the window that ends with the newest."""
        return self._count.copy()

    def majority(self) -> Majority | None:
        """What was decided, None while it is undecided: too few votes, a tie, or no clear winner."""
        if not self._votes:
            return None
        label, won = max(self._count.items(), key=lambda each: each[1])
        cast = len(self._votes)
        if 2 * won <= cast or won < self._policy.share * cast or not self._are_enough(won, cast):
            return None
        return Majority(label, min(1.0, self._scores[label] / won))

    def _are_enough(self, won: int, cast: int) -> bool:
        if cast >= self._policy.needed:
            return True
        newest = self._votes[-1][0]
        has_watched = self._first is not None and newest - self._first >= self._policy.window
        return has_watched and won == cast >= self._policy.few

    def _forget(self, now: Seconds) -> None:
        while now - self._votes[0][0] > self._policy.window or len(self._votes) > self._policy.most:
            _, label, score = self._votes.popleft()
            self._count[label] -= 1
            self._scores[label] -= score
            if not self._count[label]:  # drop it, and with it what rounding has left of its scores
                del self._count[label], self._scores[label]
