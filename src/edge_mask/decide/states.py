"""The table of one person at a gate, from arriving to leaving.

ARRIVING  looked at, nothing is certain yet
WAITING   the looks are enough, the thermometer has said nothing yet
JUDGED    a visit was said
DOUBTED   a visit was said, and the looks or the thermometer say something else since
"""

from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """Where a visitor stands."""

    ARRIVING = auto()
    WAITING = auto()
    JUDGED = auto()
    DOUBTED = auto()
    LEFT = auto()


class Sign(Enum):
    """What one look says about a visitor."""

    UNDECIDED = auto()
    """Nothing is certain; before the first visit, only until the window is over."""
    QUEUED = auto()
    """There is a judgement, but somebody who stands nearer still waits for one."""
    UNMEASURED = auto()
    """There is one, but the thermometer has nothing to say, and there is time to wait for it."""
    DECIDED = auto()
    """There is a judgement, the first one."""
    SAME = auto()
    """The judgement is what was said."""
    OTHER = auto()
    """It is something else."""
    HELD = auto()
    """It has been the same something else for `hold`."""
    GONE = auto()
    """Not seen for `forget_after`: one who was told of, or a passer-by."""
    OWED = auto()
    """Not seen for as long, was looked at as often as a verdict needs, and nothing was said yet."""


@dataclass(frozen=True, slots=True)
class To:
    """The next state, and whether a visit is said on the way."""

    state: State
    says_visit: bool = False


TABLE: dict[State, dict[Sign, To]] = {
    State.ARRIVING: {
        Sign.UNDECIDED: To(State.ARRIVING),
        Sign.QUEUED: To(State.ARRIVING),
        Sign.UNMEASURED: To(State.WAITING),
        Sign.DECIDED: To(State.JUDGED, says_visit=True),
        Sign.GONE: To(State.LEFT),
        Sign.OWED: To(State.LEFT, says_visit=True),
    },
    State.WAITING: {
        Sign.UNDECIDED: To(State.ARRIVING),
        Sign.UNMEASURED: To(State.WAITING),
        Sign.DECIDED: To(State.JUDGED, says_visit=True),
        Sign.OWED: To(State.LEFT, says_visit=True),
    },
    State.JUDGED: {
        Sign.UNDECIDED: To(State.JUDGED),
        Sign.SAME: To(State.JUDGED),
        Sign.OTHER: To(State.DOUBTED),
        Sign.GONE: To(State.LEFT),
    },
    State.DOUBTED: {
        Sign.UNDECIDED: To(State.JUDGED),
        Sign.SAME: To(State.JUDGED),
        Sign.OTHER: To(State.DOUBTED),
        Sign.HELD: To(State.JUDGED, says_visit=True),
        Sign.GONE: To(State.LEFT),
    },
}
