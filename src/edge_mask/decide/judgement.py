"""The verdict on one person: a pure function of what the votes and the thermometer say."""

from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.look import Taken
from edge_mask.messages import MASK
from edge_mask.track.votes import Majority

FEVER = "fever"
TEMPERATURE_MISSING = "temperature_missing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Pass or no pass, and every reason for no pass: the voted label, `fever`, `temperature_missing`."""

    verdict: Literal["pass", "no_pass"]
    reasons: tuple[str, ...]
    mask: str
    mask_score: float
    temperature: float | None

    @property
    def has_fever(self) -> bool:
        return FEVER in self.reasons

    @property
    def kind(self) -> tuple[str, bool]:
        """What makes a new attempt when it changes: the verdict, and whether there is a fever."""
        return self.verdict, self.has_fever


def judge(
    majority: Majority,
    temperature: Taken | None,
    fever_above: float | None,
    without_temperature: Literal["refuse", "ignore"] = "refuse",
) -> Judgement:
    """`fever_above` is None where no thermometer is configured: then nobody misses its reading."""
    reasons = [] if majority.label == MASK else [majority.label]
    if fever_above is not None and temperature is None and without_temperature == "refuse":
        reasons.append(TEMPERATURE_MISSING)
    if fever_above is not None and temperature is not None and temperature.value > fever_above:
        reasons.append(FEVER)
    return Judgement(
        verdict="no_pass" if reasons else "pass",
        reasons=tuple(reasons),
        mask=majority.label,
        mask_score=majority.score,
        temperature=None if temperature is None else temperature.value,
    )


def judge_again(majority: Majority, said: Judgement) -> Judgement:
    """What is said later of somebody while the thermometer is silent: what it told of them before still holds."""
    of_temperature = tuple(reason for reason in said.reasons if reason in (TEMPERATURE_MISSING, FEVER))
    reasons = (() if majority.label == MASK else (majority.label,)) + of_temperature
    return Judgement("no_pass" if reasons else "pass", reasons, majority.label, majority.score, said.temperature)
