"""What the frames of the last moments say about one face."""

from collections import deque
from dataclasses import dataclass

from edge_mask.messages import MASK
from edge_mask.units import Seconds

_PARTS = 100
"""A weight is kept in so many parts, and a score in ten thousand: sums of whole numbers are exact, so that the same
votes give the same answer whatever came before them."""
_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class VotePolicy:
    """When frames agree: a mask, or none, must be so many votes ahead that chance is no explanation.

    Where one label in five is wrong, a lead of five is a wrong one in 0.1 % of all cases, and one of three in 1.5 %.
    """

    needed: int = 5
    """The lead that decides; five that agree have it at the fifth."""
    window: Seconds = Seconds(2.0)
    """Only votes of the last `window` count, or of as long as `Ballot.keep` was told."""
    most: int = 240
    """Only so many of the newest votes count: what a verdict depends on has a bound, however quick the camera is."""
    few: int = 3
    """The lead that decides when a window has passed without a decision, and on a device that is too slow for more."""


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
        self._kept_for = policy.window

    def keep(self, seconds: Seconds) -> None:
        """Votes of the last `seconds` count, from now on."""
        self._kept_for = seconds

    def add(self, label: str, score: float, at: Seconds, weight: float = 1.0) -> None:
        """One frame's opinion; frames come in the order of time. `weight` lies in 0..1."""
        parts = round(weight * _PARTS)
        points = parts * round(score * _POINTS)
        if not self._votes or at - self._votes[-1][0] > self._policy.window:
            self.since = at
            self._forget(at, Seconds(0.0))
        self._votes.append((at, label, parts, points))
        self._count[label] = self._count.get(label, 0) + 1
        self._weights[label] = self._weights.get(label, 0) + parts
        self._scores[label] = self._scores.get(label, 0) + points
        self._forget(at, self._kept_for)

    def tally(self) -> dict[str, int]:
        """Votes per label within the window that ends with the newest."""
        return self._count.copy()

    @property
    def is_full(self) -> bool:
        """Whether the face was watched for a whole window."""
        return bool(self._votes) and self._votes[-1][0] - self.since >= self._policy.window

    def majority(self, *, is_late: bool = False) -> Majority | None:
        """What was decided, None while it is undecided: neither a mask nor its absence is far enough ahead.

        Labels other than `mask` stand together against it; the heaviest of them says why. With `is_late` a smaller lead
        is enough. Weights count beside the mean weight: five equal votes are five, however little each weighs.
        """
        total, cast = sum(self._weights.values()), len(self._votes)
        masked = self._weights.get(MASK, 0)
        others = {label: weight for label, weight in self._weights.items() if label != MASK}
        label = MASK if 2 * masked > total else max(others, key=others.__getitem__, default=None)
        if label is None:
            return None
        is_mask = label == MASK
        won = sum(count for each, count in self._count.items() if (each == MASK) == is_mask)
        lead = abs(2 * masked - total) * cast
        if 2 * won <= cast or not self._is_ahead(lead, total, is_late=is_late, all_agree=won == cast):
            return None
        return Majority(label, min(1.0, self._scores[label] / (self._weights[label] * _POINTS)))

    def _is_ahead(self, lead: int, total: int, *, is_late: bool, all_agree: bool) -> bool:
        is_slow = all_agree and self.is_full
        wanted = min(self._policy.needed, self._policy.few) if is_late or is_slow else self._policy.needed
        return lead >= wanted * total

    def _forget(self, now: Seconds, older_than: Seconds) -> None:
        while self._votes and (now - self._votes[0][0] > older_than or len(self._votes) > self._policy.most):
            _, label, parts, points = self._votes.popleft()
            self._count[label] -= 1
            self._weights[label] -= parts
            self._scores[label] -= points
            if not self._count[label]:
                del self._count[label], self._weights[label], self._scores[label]
