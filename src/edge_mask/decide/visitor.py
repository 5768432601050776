"""One person at the gate: what each look says (a sign), and what follows from it (states.TABLE).

look ──▶ votes, pixels, thermometer ──▶ Finding ──▶ Judgement ──▶ sign ──TABLE──▶ next state, and perhaps a visit
"""

from dataclasses import dataclass, replace
from typing import Literal

from edge_mask.decide.judgement import STILL, UNSURE, Finding, Judgement, find, judge, judge_again
from edge_mask.decide.look import Taken, VisitorLook
from edge_mask.decide.states import TABLE, Sign, State
from edge_mask.decide.stillness import Stillness
from edge_mask.decide.thermometry import Temperatures
from edge_mask.decide.weight import weigh
from edge_mask.track.votes import Ballot, VotePolicy
from edge_mask.units import Seconds

FORGET_AFTER = Seconds(1.5)
"""Long enough for somebody who is hidden for a second, short enough that the next one seldom stands there by then."""

WINDOWS = 2
"""So many of them are looked at before it is said that the votes do not agree."""


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
    pass_score: float = 0.6
    """Mean score that the winning votes must have for a pass; a refusal needs no such certainty."""
    still: Literal["refuse", "ignore"] = "refuse"
    """A face with a mask that neither moves nor changes is refused, or judged like any other."""
    temperature_wait: Seconds = Seconds(2.0)
    """How long a face that is decided waits for the thermometer, before it is judged without."""
    temperature_max_age: Seconds = Seconds(10.0)
    """An older reading of a person does not count any more."""
    without_temperature: Literal["refuse", "ignore"] = "refuse"
    """Who was not measured is refused with `temperature_missing`, or judged by the mask alone."""
    unit: str = "C"
    """Of `fever_above` and the readings."""
    coldest: float | None = None
    """A colder reading is of no person: of the air, or a wall. None believes all."""
    hottest: float | None = None
    """The same for a hotter one."""
    hold: Seconds = Seconds(1.0)
    """How long another judgement must last without a break before it is a new attempt."""
    forget_after: Seconds = FORGET_AFTER
    """Somebody who was not seen for longer has left."""

    @property
    def vote_policy(self) -> VotePolicy:
        return VotePolicy(needed=self.votes, window=self.window)

    def is_of_a_person(self, temperature: float) -> bool:
        """Whether a person can be so warm."""
        is_too_cold = self.coldest is not None and temperature < self.coldest
        return not is_too_cold and (self.hottest is None or temperature <= self.hottest)


class Visitor:
    """Judges one person; every call may return a judgement, which is a visit to be said.

    A function of the policy and of the looks: the same ones give the same answers, now and from a record.
    """

    def __init__(self, policy: GatePolicy) -> None:
        self.state = State.ARRIVING
        self._policy = policy
        self._ballot = Ballot(policy.vote_policy)
        self._ballot.keep(Seconds(WINDOWS * policy.window))
        self._stillness = Stillness()
        self._temperatures = Temperatures(policy.temperature_max_age)
        self._temperature: Taken | None = None
        """What they come to at this look."""
        self._waiting_since: Seconds | None = None
        self._said: Judgement | None = None
        self._doubt: tuple[tuple[str, bool], Seconds] | None = None
        """What else it might be, and since when."""
        self._looks = 0
        self._newest = Seconds(0.0)

    @property
    def is_looked_at(self) -> bool:
        """It was near enough to be judged at least once."""
        return self._looks > 0

    @property
    def is_told_of(self) -> bool:
        """There was a visit."""
        return self._said is not None

    def see(self, look: VisitorLook) -> Judgement | None:
        """One look at the face, near enough to be judged; looks come in the order of time."""
        self._looks += 1
        self._newest = look.at
        self._ballot.add(look.label, look.score, look.at, weigh(look.evidence, self._policy.min_face))
        self._stillness.see(look)
        self._temperatures.add([each for each in look.readings if self._policy.is_of_a_person(each.value)])
        self._temperature = self._temperatures.at(look.at)
        finding = self._finding()
        if self._said is None:
            return self._see_first(finding, look)
        if not finding.is_certain:  # what was said holds until something else is certain
            return self._go(Sign.UNDECIDED, None)
        judgement = judge_again(finding, self._said) if self._is_unmeasured else self._judge(finding)
        return self._go(self._later_sign(judgement, look.at), judgement)

    def leave(self) -> Judgement | None:
        """Gone, or nobody looks any more: what is owed is said now."""
        finding = self._finding(is_leaving=True)
        is_owed = self._said is None and (self._looks >= self._policy.votes or self._is_over(finding))
        return self._go(Sign.OWED, self._judge(finding)) if is_owed else self._go(Sign.GONE, None)

    def _see_first(self, finding: Finding, look: VisitorLook) -> Judgement | None:
        if not finding.is_certain and not self._is_over(finding):
            return self._go(Sign.UNDECIDED, None)
        return self._go(self._first_sign(look), self._judge(finding))

    def _go(self, sign: Sign, judgement: Judgement | None) -> Judgement | None:
        to = TABLE[self.state][sign]
        began = self._ballot.since if self._doubt is None else self._doubt[1]
        self.state = to.state
        if to.state is not State.WAITING:
            self._waiting_since = None
        if to.state is not State.DOUBTED:
            self._doubt = None
        if not to.says_visit or judgement is None:
            return None
        if to.state is not State.LEFT:  # when somebody was known to have gone, no look tells
            judgement = replace(judgement, time_to_verdict_ms=round((self._newest - began) * 1000))
        self._said = judgement
        self._ballot.keep(self._policy.window)
        return judgement

    def _first_sign(self, look: VisitorLook) -> Sign:
        if self.state is State.ARRIVING and not look.is_turn:
            return Sign.QUEUED
        if not self._is_unmeasured:
            return Sign.DECIDED
        if self._waiting_since is None:
            self._waiting_since = look.at
        is_early = look.at - self._waiting_since < self._policy.temperature_wait
        return Sign.UNMEASURED if is_early else Sign.DECIDED

    def _later_sign(self, judgement: Judgement, now: Seconds) -> Sign:
        assert self._said is not None
        if judgement.kind == self._said.kind:
            return Sign.SAME
        if self._doubt is None or self._doubt[0] != judgement.kind:
            self._doubt = (judgement.kind, now)
            return Sign.OTHER
        return Sign.HELD if now - self._doubt[1] >= self._policy.hold else Sign.OTHER

    def _is_over(self, finding: Finding) -> bool:
        """Whether the time that a verdict may take is over; votes that do not agree are given more than the rest."""
        vote = self._policy.vote_policy
        windows = WINDOWS if finding.mask is None else 1
        lasted = self._newest - self._ballot.since
        return lasted >= windows * vote.window and self._looks >= min(vote.needed, vote.few)

    def _finding(self, *, is_leaving: bool = False) -> Finding:
        policy = self._policy
        is_full = self._ballot.is_full
        is_late = self._said is None and (is_leaving or is_full)
        is_still = self._stillness.is_still(self._newest, policy.window, is_over=is_full)
        majority = self._ballot.majority(is_late=is_late)
        finding = find(majority, policy.pass_score, is_still=is_still and policy.still == "refuse")
        if finding.reason == STILL and not is_full:
            return replace(finding, reason=UNSURE)  # it may still move
        return finding

    @property
    def _is_unmeasured(self) -> bool:
        return self._policy.fever_above is not None and self._temperature is None

    def _judge(self, finding: Finding) -> Judgement:
        policy = self._policy
        return judge(finding, self._temperature, policy.fever_above, policy.without_temperature)
