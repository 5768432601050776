"""What the device can switch: outputs for rules."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from edge_mask.settings.base import CHIP, Name, Section, allowed


def _as_text(value: object) -> object:
    """A chip or line may be given by its bare number."""
    return str(value) if type(value) is int else value


NumberOrName = Annotated[
    str, BeforeValidator(_as_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]})
]


class OutputSettings(Section):
    """One output line: a lamp, a buzzer, a gate's relay."""

    name: Name = Field(description="How the `output` action of a rule calls it.")
    kind: Literal["led", "gpio"] = Field(
        description="`led` is what the kernel lists in /sys/class/leds, `gpio` a line of a GPIO chip"
        " (needs `pip install 'edge-mask[gpio]'`)."
    )
    path: str | None = Field(
        default=None,
        pattern=r"^[^/\s.][^/\s]*$",
        description="led only: its folder in /sys/class/leds, for instance ACT or green:status.",
        json_schema_extra=allowed("the name of a folder in /sys/class/leds"),
    )
    chip: Annotated[NumberOrName | None, CHIP] = Field(
        default=None,
        pattern=r"^(/dev/)?[A-Za-z0-9_.-]{1,64}$",
        description="gpio only: the chip, for instance gpiochip0 (`gpiodetect` lists them).",
        json_schema_extra=allowed("a chip such as gpiochip0, 0 or /dev/gpiochip0"),
    )
    line: NumberOrName | None = Field(
        default=None,
        pattern=r"^[!-,.-~][!-~]{0,63}$",
        description="gpio only: offset or name of the line, for instance 17 or GPIO17 (`gpioinfo` lists them).",
        json_schema_extra=allowed("the offset or the name of a line, such as 17 or GPIO17"),
    )
    active_low: bool = Field(
        default=False, description="The line is on when its level is low, as on many relay boards."
    )
