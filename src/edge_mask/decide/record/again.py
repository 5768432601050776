"""A visit decided again from its record, by the function that decides live."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_mask.decide.judgement import Judgement
from edge_mask.decide.look import VisitorLook
from edge_mask.decide.record.log import first_of
from edge_mask.decide.record.packed import Record, Unreadable
from edge_mask.decide.weight import weigh
from edge_mask.plural import counted


@dataclass(frozen=True, slots=True)
class Step:
    """One look, and what became of the visitor by it."""

    look: VisitorLook
    weight: float
    """How much it counts now."""
    state: str
    said: Judgement | None


@dataclass(frozen=True, slots=True)
class Again:
    """The decision, made again."""

    steps: tuple[Step, ...]
    judgement: Judgement | None
    """What was said at the end; None when nothing was."""

    @property
    def told(self) -> dict[str, Any] | None:
        """The judgement in the words and digits of a stored visit."""
        if (said := self.judgement) is None:
            return None
        return {
            "verdict": said.verdict,
            "mask": said.mask,
            "mask_score": None if said.mask_score is None else round(said.mask_score, 4),
            "temperature": said.temperature,
            "reasons": list(said.reasons),
            "time_to_verdict_ms": said.time_to_verdict_ms,
        }


def decide_again(record: Record) -> Again:
    """Show the looks of a record to a new visitor. Raises Unreadable when its memory does not fit this program."""
    if record.before and record.memory is None:
        raise Unreadable(f"the visit had {counted(record.before, 'look')}, for which its record had no room")
    try:
        return _again(record)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        if record.memory is None:  # then the fault is in the program
            raise
        more = counted(record.before, "look more than its record holds", "looks more than its record holds")
        raise Unreadable(
            f"the visit had {more}, and what was left of them fits only"
            f" the edge-mask that recorded it, {record.made_by.program}: {error}"
        ) from error


def differences(visit: Mapping[str, Any], again: Again) -> list[str]:
    """A phrase for each answer that is not the one of the stored visit."""
    if (told := again.told) is None:
        return [f"the visit was {visit['verdict']}, now nothing is decided"]
    return [
        f"{name} was {_shown(visit[name])}, now {_shown(value)}" for name, value in told.items() if visit[name] != value
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


def _again(record: Record) -> Again:
    visitor, steps = first_of(record), []
    for look in record.looks:
        said = visitor.see(look)
        steps.append(Step(look, weigh(look.evidence, record.policy.min_face), visitor.state.name, said))
    judgement = visitor.leave() if record.has_left else steps[-1].said if steps else None
    return Again(tuple(steps), judgement)
