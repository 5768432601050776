"""From the configuration that the nucleus holds for the component to a wish like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.control.lenient import typed
from edge_mask.control.tflite_component import translated
from edge_mask.yaml_file import MAX_DEPTH

ORIGIN: Final = "the Greengrass configuration"
NOT_OURS: Final = ("accessControl", "install")
"""What the nucleus reads itself, and what install.sh reads."""


@dataclass(frozen=True, slots=True)
class NucleusWish:
    """What the nucleus's configuration asks for."""

    config: Mapping[str, Any]
    """A part of our configuration."""
    notes: tuple[str, ...] = ()
    """Sentences about keys of AWS's own component that mean something else here."""


def wish_of(document: Any) -> NucleusWish:
    """Read what the nucleus holds; values that are wrong stay, and are refused with a sentence later."""
    if not isinstance(document, Mapping):
        return NucleusWish({})
    shallow = {key: _cut(value, MAX_DEPTH) for key, value in document.items() if key not in NOT_OURS}
    ours, notes = translated(shallow)
    return NucleusWish(typed(ours), tuple(notes))


def _cut(part: Any, deep: int) -> Any:
    """So that it has a bottom; one that is deeper is refused with the overlay's sentence."""
    if not isinstance(part, Mapping | list):
        return part
    if not deep:
        return "nested too deep"
    if isinstance(part, list):
        return [_cut(value, deep - 1) for value in part]
    return {key: _cut(value, deep - 1) for key, value in part.items()}
