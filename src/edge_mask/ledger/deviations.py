"""The column of an alert that says which outlier it tells of: JSON, NULL for other alerts."""

import json
import math
from dataclasses import asdict, fields
from typing import Any, Literal

from edge_mask.messages import Deviation
from edge_mask.units import Unix

_FIELDS = tuple(field.name for field in fields(Deviation))


def deviation_text(deviation: Deviation) -> str:
    """As it is written."""
    return json.dumps(asdict(deviation))


def deviation_of(text: Any) -> Deviation | None:
    """As it was written; None for NULL, and for what is no deviation any more."""
    try:
        found = json.loads(text)
        bounds = found["expected"]
        expected = None if bounds is None else (_bound(bounds[0]), _bound(bounds[1]))
        told = {name: str(found[name]) for name in ("quantity", "outlier", "reason")}
        state: Literal["begun", "ended"] = "ended" if found["state"] == "ended" else "begun"
        return Deviation(**told, began=Unix(float(found["began"])), expected=expected, state=state)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _bound(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
