"""The device as a thing in the registry of AWS IoT, its labels as attributes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

THING_TYPE: Final = "edge-mask"
"""The thing type of a device that has more attributes than a thing without a type may have."""

MOST_WITHOUT_TYPE: Final = 3
MOST_CHARACTERS: Final = 800
"""Of the value of one attribute."""

_NOT_ALLOWED: Final = re.compile(r"[^a-zA-Z0-9_.,@/:#-]")


@dataclass(slots=True)
class Thing:
    """What is registered, and a sentence for each label that AWS cannot hold as it is."""

    name: str
    type: str | None
    attributes: dict[str, str]
    remarks: list[str] = field(default_factory=list)

    def payload(self) -> dict[str, Any]:
        """The input of `aws iot create-thing --cli-input-json`."""
        made: dict[str, Any] = {"thingName": self.name}
        if self.type is not None:
            made["thingTypeName"] = self.type
        if self.attributes:
            made["attributePayload"] = {"attributes": self.attributes}
        return made


def thing_of(name: str, labels: Mapping[str, str | float], thing_type: str | None) -> Thing:
    """The thing with these labels; with more than three attributes it needs a type."""
    thing = Thing(name, thing_type, {})
    for label, value in labels.items():
        text = _attribute(label, f"{value:.7f}".rstrip("0").rstrip(".") if isinstance(value, float) else value, thing)
        if text:
            thing.attributes[label] = text
    if thing.type is None and len(thing.attributes) > MOST_WITHOUT_TYPE:
        thing.type = THING_TYPE
    return thing


def _attribute(label: str, value: str, thing: Thing) -> str:
    """The label as AWS can hold it; empty when it cannot."""
    text = re.sub(r"\s+", "_", value.strip())
    if _NOT_ALLOWED.search(text):
        thing.remarks.append(
            f"device.labels.{label}: is left out; an attribute of a thing holds letters, digits and _.,@/:#- only."
            " The device's status message has it"
        )
        return ""
    if len(text) > MOST_CHARACTERS:
        thing.remarks.append(
            f"device.labels.{label}: is left out; an attribute of a thing has at most {MOST_CHARACTERS} characters."
            " The device's status message has it"
        )
        return ""
    if text != value:
        thing.remarks.append(f"device.labels.{label}: an attribute of a thing holds no spaces; it becomes {text}")
    return text
