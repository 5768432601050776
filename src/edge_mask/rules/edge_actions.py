"""The device's own action, `edgeMask`: a log line, a picture, or an output line."""

from typing import Any, Final

from edge_mask import quantities
from edge_mask.rules.shapes import Field, Shape, check, shape
from edge_mask.yaml_file import Document, Path

LEVELS: Final = ("info", "warning", "error")
MAX_PULSE: Final = 60.0
"""Seconds; a buzzer that sounds longer is a fault, not an alarm."""

EDGE_KINDS: Final = {
    "log": shape("text!", level=Field(choices=LEVELS)),
    "snapshot": shape("camera! reason"),
    "output": Shape(
        {
            "line": Field("value", is_required=True),
            "value": Field("int", choices=(0, 1)),
            "pulse": Field("value"),
        }
    ),
}


def duration(value: Any) -> float | None:
    """Seconds of a duration as the configuration takes it, such as `500ms` or `2m`; None for anything else."""
    try:
        return quantities.duration().read(value)
    except ValueError:
        return None


def check_edge(document: Document, path: Path, value: Any) -> bool:
    """Whether `value` is a proper `edgeMask` action; what is wrong is noted in the document."""
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in EDGE_KINDS:
        document.complain(path, f"exactly one of {', '.join(EDGE_KINDS)} is expected here")
        return False
    kind, fields = next(iter(value.items()))
    inside = (*path, kind)
    if not check(document, inside, fields, EDGE_KINDS[kind]):
        return False
    return kind != "output" or _check_output(document, inside, fields)


def _check_output(document: Document, path: Path, fields: dict[str, Any]) -> bool:
    line = fields["line"]
    if isinstance(line, bool) or not isinstance(line, str | int):
        document.complain((*path, "line"), "the name or number of an output line is expected")
        return False
    if ("value" in fields) == ("pulse" in fields):
        document.complain(path, "either value (0 or 1) or pulse (a duration such as 500ms) is expected")
        return False
    lasted = duration(fields.get("pulse", 1))
    if lasted is None or not 0 < lasted <= MAX_PULSE:
        document.complain((*path, "pulse"), f"a duration up to {MAX_PULSE:.0f} s is expected, such as 500ms or 2s")
        return False
    return True
