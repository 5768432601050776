"""A record and what was decided again, as JSON tells them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from edge_mask.decide.record.again import Again, Step
from edge_mask.decide.record.packed import Record


def as_data(record: Record, again: Again, differs: Sequence[str]) -> dict[str, Any]:
    """What the visit was decided on, look by look, and whether this program decides the same."""
    looks = [
        {
            **asdict(step.look),
            "weight": then,
            "weight_again": step.weight,
            "state": step.state,
            "said": None if step.said is None else step.said.verdict,
        }
        for step, then in weighed(record, again)
    ]
    return {
        "program": record.made_by.program,
        "model": record.made_by.model,
        "sha256": record.made_by.sha256,
        "clock_ok": record.clock_ok,
        "gate": asdict(record.policy),
        "looks_before": record.before,
        "has_left": record.has_left,
        "looks": looks,
        "again": again.told,
        "same": not differs,
        "differs": list(differs),
    }


def weighed(record: Record, again: Again) -> Iterable[tuple[Step, float]]:
    """Each step with the weight that its look had."""
    return zip(again.steps, record.weights or [step.weight for step in again.steps], strict=True)
