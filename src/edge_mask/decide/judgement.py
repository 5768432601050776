"""The verdict on one person: a pure function of what the looks and the thermometer say.

votes, pixels ──find──▶ Finding ──judge, with the thermometer──▶ Judgement
"""

from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.look import Taken
from edge_mask.messages import MASK
from edge_mask.track.votes import Majority

UNSURE = "unsure"
STILL = "still"
FEVER = "fever"
TEMPERATURE_MISSING = "temperature_missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the looks come to. `reason` is why they refuse: a label, `unsure` or `still`; None when they let pass."""

    reason: str | None
    mask: str | None
    """None when no label has won."""
    score: float | None = None

    @property
    def is_certain(self) -> bool:
        """Whether more looks could not say something else any more."""
        return self.reason not in (UNSURE, STILL)


def find(majority: Majority | None, pass_score: float, *, is_still: bool) -> Finding:
    """A pass needs more than a refusal: certain votes, and a face that lives."""
    if majority is None:
        return Finding(UNSURE, None)
    label, score = majority.label, majority.score
    if label != MASK:
        return Finding(label, label, score)
    if score < pass_score:
        return Finding(UNSURE, label, score)
    return Finding(STILL if is_still else None, label, score)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Pass or no pass, and every reason for no pass: what the looks say, then `temperature_missing` or `fever`."""

    verdict: Literal["pass", "no_pass"]
    reasons: tuple[str, ...]
    mask: str | None
    mask_score: float | None
    temperature: float | None
    time_to_verdict_ms: int | None = None

    @property
    def has_fever(self) -> bool:
        return FEVER in self.reasons

    @property
    def kind(self) -> tuple[str, bool]:
        """What makes a new attempt when it changes: the verdict, and whether there is a fever."""
        return self.verdict, self.has_fever


def judge(
    finding: Finding,
    temperature: Taken | None,
    fever_above: float | None,
    without_temperature: Literal["refuse", "ignore"] = "refuse",
) -> Judgement:
    """`fever_above` is None where no thermometer is configured: then nobody misses its reading."""
    reasons = [] if finding.reason is None else [finding.reason]
    if fever_above is not None and temperature is None and without_temperature == "refuse":
        reasons.append(TEMPERATURE_MISSING)
    if fever_above is not None and temperature is not None and temperature.value > fever_above:
        reasons.append(FEVER)
    return Judgement(
        verdict="no_pass" if reasons else "pass",
        reasons=tuple(reasons),
        mask=finding.mask,
        mask_score=finding.score,
        temperature=None if temperature is None else temperature.value,
    )


def judge_again(finding: Finding, said: Judgement) -> Judgement:
    """What is said later of somebody while the thermometer is silent: what it told of them before still holds."""
    of_temperature = tuple(reason for reason in said.reasons if reason in (TEMPERATURE_MISSING, FEVER))
    reasons = (() if finding.reason is None else (finding.reason,)) + of_temperature
    return Judgement("no_pass" if reasons else "pass", reasons, finding.mask, finding.score, said.temperature)
