"""Which visits were decided narrowly, and what a second look at the face makes of one: pure functions.

visit ──is_narrow──▶ asked ──label, score──▶ reconsidered ──▶ verdict, reasons
"""

from collections.abc import Sequence
from typing import Literal

from edge_mask.decide.judgement import UNSURE
from edge_mask.messages import MASK, Visit

_MIDDLE = 0.5


def is_narrow(visit: Visit, band: float) -> bool:
    """Whether the score of its mask is nearer to 0.5 than `band`, or its votes did not decide."""
    if UNSURE in visit.reasons:
        return True
    return visit.mask_score is not None and abs(visit.mask_score - _MIDDLE) < band


def reconsidered(
    mask: str | None, reasons: Sequence[str], label: str, score: float, pass_score: float
) -> tuple[Literal["pass", "no_pass"], tuple[str, ...]]:
    """Verdict and reasons of a visit (its `mask` and `reasons`), had its face been seen so.

    Only what was said of the mask is said anew: a fever, a missing temperature and a face that did not live stay.
    """
    of_mask = {UNSURE, mask}
    others = tuple(reason for reason in reasons if reason not in of_mask)
    if label != MASK:
        others = (label, *others)
    elif score < pass_score:
        others = (UNSURE, *others)
    return ("no_pass" if others else "pass"), others
