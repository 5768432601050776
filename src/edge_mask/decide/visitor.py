"""One person at the gate, from arriving to leaving: a state machine that is the table below.

ARRIVING  looked at, the votes do not agree yet
WAITING   the votes agree, the thermometer has said nothing yet
JUDGED    a visit was said
DOUBTED   a visit was said, and the votes or the thermometer say something else since
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from edge_mask.decide.judgement import Judgement, judge, judge_again
from edge_mask.decide.look import Taken, VisitorLook
from edge_mask.decide.thermometry import Temperatures
from edge_mask.track.votes import Ballot, Majority, VotePolicy
from edge_mask.units import Seconds


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """How a person at a gate is judged."""

    votes: int = 5
    window: Seconds = Seconds(2.0)
    """The number of looks that must agree, `votes`, within this time."""
    min_face: float = 0.12
    """The face's longer side as a part of the picture's shorter side; smaller ones are too far away to be judged."""
    fever_above: float | None = None
    """In the unit of the readings; None where no thermometer is configured."""
    pass_score: float = 0.75
    """Mean score that the winning votes must have for a pass; a refusal needs no such certainty."""
    still: Literal["refuse", "ignore"] = "refuse"
    """A face that neither moves nor changes is no visitor's."""
    temperature_wait: Seconds = Seconds(2.0)
    """How long a face that is decided waits for the thermometer, before it is judged without."""
    temperature_max_age: Seconds = Seconds(10.0)
    """An older reading of a person does not count any more."""
    without_temperature: Literal["refuse", "ignore"] = "refuse"
    """Who was not measured is refused with `temperature_missing`, or judged by the mask alone."""
    unit: str = "C"
    """Of `fever_above` and the readings."""
    hold: Seconds = Seconds(1.0)
    """How long another judgement must last without a break before it is a new attempt."""
    forget_after: Seconds = Seconds(1.0)
    """Somebody who was not seen for longer has left."""

    @property
    def vote_policy(self) -> VotePolicy:
        return VotePolicy(needed=self.votes, window=self.window)


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
    """The votes do not agree."""
    UNMEASURED = auto()
    """They agree, but the thermometer has nothing to say, and there is time to wait for it."""
    DECIDED = auto()
    """There is a judgement, the first one."""
    SAME = auto()
    """The judgement is what was said."""
    OTHER = auto()
    """It is something else."""
    HELD = auto()
    """It has been the same something else for `hold`."""
    GONE = auto()
    """Not seen for `forget_after`."""


@dataclass(frozen=True, slots=True)
class To:
    """The next state, and whether a visit is said on the way."""

    state: State
    says_visit: bool = False


TABLE: dict[State, dict[Sign, To]] = {
    State.ARRIVING: {
        Sign.UNDECIDED: To(State.ARRIVING),
        Sign.UNMEASURED: To(State.WAITING),
        Sign.DECIDED: To(State.JUDGED, says_visit=True),
        Sign.GONE: To(State.LEFT),
    },
    State.WAITING: {
        Sign.UNDECIDED: To(State.ARRIVING),
        Sign.UNMEASURED: To(State.WAITING),
        Sign.DECIDED: To(State.JUDGED, says_visit=True),
        Sign.GONE: To(State.LEFT, says_visit=True),
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


class Visitor:
    """Judges one person; every call may return a judgement, which is a visit to be said.

    A function of the policy and of the looks: the same ones give the same answers, now and from a record.
    """

    def __init__(self, policy: GatePolicy) -> None:
        self.state = State.ARRIVING
        self._policy = policy
        self._ballot = Ballot(policy.vote_policy)
        self._temperatures = Temperatures(policy.temperature_max_age)
        self._temperature: Taken | None = None
        """What they come to at this look."""
        self._waiting_since: Seconds | None = None
        self._said: Judgement | None = None
        self._doubt: tuple[tuple[str, bool], Seconds] | None = None
        """What else it might be, and since when."""
        self.is_looked_at = False
        """It was near enough to be judged at least once."""

    def see(self, look: VisitorLook) -> Judgement | None:
        """One look at the face, near enough to be judged; looks come in the order of time."""
        self.is_looked_at = True
        self._ballot.add(look.label, look.score, look.at)
        self._temperatures.add(look.readings)
        self._temperature = self._temperatures.at(look.at)
        majority = self._ballot.majority()
        if majority is None:
            return self._go(Sign.UNDECIDED, None)
        judgement = self._judge(majority)
        if self._is_unmeasured and self._said is not None:
            judgement = judge_again(majority, self._said)
        sign = self._first_sign(look.at) if self._said is None else self._later_sign(judgement, look.at)
        return self._go(sign, judgement)

    def leave(self) -> Judgement | None:
        """Gone, or nobody looks any more: what was decided but waited for the thermometer is said now."""
        majority = self._ballot.majority()
        return self._go(Sign.GONE, None if majority is None else self._judge(majority))

    def _go(self, sign: Sign, judgement: Judgement | None) -> Judgement | None:
        to = TABLE[self.state][sign]
        self.state = to.state
        if to.state is not State.WAITING:
            self._waiting_since = None
        if to.state is not State.DOUBTED:
            self._doubt = None
        if not to.says_visit:
            return None
        self._said = judgement
        return judgement

    def _first_sign(self, now: Seconds) -> Sign:
        if not self._is_unmeasured:
            return Sign.DECIDED
        if self._waiting_since is None:
            self._waiting_since = now
        return Sign.UNMEASURED if now - self._waiting_since < self._policy.temperature_wait else Sign.DECIDED

    def _later_sign(self, judgement: Judgement, now: Seconds) -> Sign:
        assert self._said is not None
        if judgement.kind == self._said.kind:
            return Sign.SAME
        if self._doubt is None or self._doubt[0] != judgement.kind:
            self._doubt = (judgement.kind, now)
            return Sign.OTHER
        return Sign.HELD if now - self._doubt[1] >= self._policy.hold else Sign.OTHER

    @property
    def _is_unmeasured(self) -> bool:
        return self._policy.fever_above is not None and self._temperature is None

    def _judge(self, majority: Majority) -> Judgement:
        policy = self._policy
        return judge(majority, self._temperature, policy.fever_above, policy.without_temperature)
