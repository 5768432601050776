"""A visit decided again from its record, by the function that decides live."""

from dataclasses import dataclass

from edge_mask.decide.judgement import Judgement
from edge_mask.decide.look import VisitorLook
from edge_mask.decide.record.log import first_of
from edge_mask.decide.record.packed import Record, Unreadable


@dataclass(frozen=True, slots=True)
class Step:
    """One look, and what became of the visitor by it."""

    look: VisitorLook
    state: str
    said: Judgement | None


@dataclass(frozen=True, slots=True)
class Again:
    """The decision, made again."""

    steps: tuple[Step, ...]
    judgement: Judgement | None
    """What was said at the end; None when nothing was."""


def decide_again(record: Record) -> Again:
    """Show the looks of a record to a new visitor. Raises Unreadable when its memory does not fit this program."""
    try:
        visitor = first_of(record)
    except ValueError as error:
        raise Unreadable(
            f"the visit had {record.before} looks more than its record holds, and what was left of them fits only"
            f" the edge-mask that recorded it, {record.made_by.program}: {error}"
        ) from error
    steps = []
    for look in record.looks:
        said = visitor.see(look)
        steps.append(Step(look, visitor.state.name, said))
    judgement = visitor.leave() if record.has_left else steps[-1].said if steps else None
    return Again(tuple(steps), judgement)
