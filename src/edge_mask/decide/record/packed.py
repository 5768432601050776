"""The record of a visit and its bytes: JSON, compressed. docs/replay.md describes each part.

{"v", "program", "model", "sha256", "clock_ok", "gate": {…}, "fields": {…}, "looks": [[…], …], "weights": […]}
and where they are needed: "left", "before", "memory": {…}
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from edge_mask.decide.look import VisitorLook
from edge_mask.decide.record.plain import field_names, plain, rebuilt
from edge_mask.decide.visitor import GatePolicy
from edge_mask.errors import Refused

VERSION: Final = 1
"""Changes when a record means something else; a field more in a look or a policy is no change."""
MOST_BYTES: Final = 4096
_MOST_TEXT: Final = 2**20
"""Bytes; what grows to more is no record of ours."""


class Unreadable(Refused):
    """A record that is damaged, or of a newer version."""


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What decided: the program and its model."""

    program: str = ""
    model: str = ""
    """Name and version."""
    sha256: str = ""
    """Of the model's file."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that one visit was decided on."""

    made_by: MadeBy
    clock_ok: bool
    """Whether the device's clock was set at the verdict."""
    policy: GatePolicy
    looks: tuple[VisitorLook, ...]
    """Up to the one that decided."""
    weights: tuple[float, ...] = ()
    """How much each look counted, for a reader: deciding again weighs anew."""
    has_left: bool = False
    """It was said when the visitor had gone."""
    before: int = 0
    """Looks that found no room; `memory` stands for them."""
    memory: dict[str, Any] | None = None


def pack(record: Record, rows: Sequence[Any] | None = None) -> bytes:
    """The bytes of a record; no bound is kept here. `rows` are its looks where they are plain already."""
    made = record.made_by
    content = {
        "v": VERSION,
        "program": made.program,
        "model": made.model,
        "sha256": made.sha256,
        "clock_ok": record.clock_ok,
        "gate": dict(zip(_names(GatePolicy), plain(record.policy), strict=True)),
        "fields": field_names(VisitorLook),
        "looks": [plain(look) for look in record.looks] if rows is None else rows,
        "weights": record.weights,
        **({"left": True} if record.has_left else {}),
        **({"before": record.before, "memory": record.memory} if record.before else {}),
    }
    return squeezed(content)


def squeezed(content: Any) -> bytes:
    """Compressed JSON."""
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)


def unpack(data: bytes) -> Record:
    """Raises Unreadable."""
    content = _content(data)
    if content.get("v") != VERSION:
        raise Unreadable(
            f"the record has version {content.get('v')!r}, this program knows {VERSION}:"
            " it was written by a newer edge-mask"
        )
    try:
        gate, looks = content["gate"], content["looks"]
        names = {**content["fields"], GatePolicy.__name__: list(gate)}
        return Record(
            made_by=MadeBy(str(content["program"]), str(content["model"]), str(content["sha256"])),
            clock_ok=bool(content["clock_ok"]),
            policy=rebuilt(GatePolicy, list(gate.values()), names),
            looks=tuple(rebuilt(VisitorLook, each, names) for each in looks),
            weights=_weights(content.get("weights", []), len(looks)),
            has_left=bool(content.get("left", False)),
            before=int(content.get("before", 0)),
            memory=content.get("memory"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # valid JSON of any shape
        raise Unreadable(f"the record does not fit: {type(error).__name__}: {error}") from error


def _weights(found: list[Any], count: int) -> tuple[float, ...]:
    """None, or one for each look."""
    if len(found) not in (0, count):
        raise ValueError(f"{len(found)} weights of {count} looks")
    return tuple(map(float, found))


def _content(data: bytes) -> dict[str, Any]:
    try:
        opened = zlib.decompressobj()
        content = json.loads(opened.decompress(data, _MOST_TEXT))
    except (zlib.error, ValueError, RecursionError) as error:
        raise Unreadable(f"the record is damaged: {error}") from error
    if not opened.eof or opened.unused_data:
        raise Unreadable("the record is damaged: it does not end where it should")
    if not isinstance(content, dict):
        raise Unreadable("the record is damaged: it is no JSON object")
    return content


def _names(kind: Any) -> list[str]:
    return [each.name for each in fields(kind)]
