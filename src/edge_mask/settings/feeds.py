"""Sensors that speak by themselves: lines on a serial port, messages on a topic, edges on a GPIO line."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from edge_mask import json_path
from edge_mask.quantities import duration
from edge_mask.settings.actuators import NumberOrName
from edge_mask.settings.base import CHIP, Place, allowed
from edge_mask.settings.measures import WORD, WORDS, OneQuantity, Quantity, SensorSettings, Value, free
from edge_mask.units import Seconds

_Silence = Annotated[Seconds, duration(at_most=30 * 86400)]
_Pause = Annotated[Seconds, duration(at_most=86400)]

_PARITIES = {"n": "none", "e": "even", "o": "odd", "m": "mark", "s": "space"}


def _parity(value: object) -> object:
    """`N` and `8N1`'s other letters are as usual as the words."""
    return _PARITIES.get(value.lower(), value.lower()) if isinstance(value, str) else value


_PORT = Place(re.compile(r"/dev/(tty(S|USB|ACM|AMA)\d+|serial\d+|serial/by-(id|path)/[^/]+)"), "a serial port of /dev")


class SerialSensor(SensorSettings):
    """Lines on a serial port."""

    kind: Literal["serial"] = Field(description="Lines on a serial port.")
    path: Annotated[str, _PORT] = Field(
        min_length=1,
        pattern=r"^/[^\x00]*$",
        description="The port, best by its stable name: /dev/serial/by-id/usb-… (needs `pip install"
        " 'edge-mask[serial]'`). Several sensors may share a port.",
        json_schema_extra=allowed("a device such as /dev/serial/by-id/usb-… or /dev/ttyAMA0"),
    )
    baud: int = Field(default=9600, ge=50, le=4_000_000, description="Bits per second.")
    bytesize: Literal[5, 6, 7, 8] = Field(default=8, description="Data bits.")
    parity: Annotated[Literal["none", "even", "odd", "mark", "space"], BeforeValidator(_parity)] = Field(
        default="none", description="Parity bit; N, E, O, M and S mean the same."
    )
    stopbits: float = Field(default=1.0, description="Stop bits.", json_schema_extra=allowed("1, 1.5 or 2"))
    pattern: str = Field(
        min_length=1,
        max_length=1000,
        description="Regular expression that is searched in each line; a group named like each quantity holds its"
        " value. A group `id` becomes part of the sensor's name: line-001.",
    )
    quantities: dict[str, Quantity] = Field(
        min_length=1,
        max_length=32,
        description="What a line holds: by quantity its `unit`, `min`, `max` and `calibration`.",
        json_schema_extra=allowed("a mapping such as {flow: {unit: m3/h, min: 0, max: 500}}"),
    )
    decimal: Literal[".", ","] = Field(default=".", description="What stands before the decimals.")
    checksum: Literal["nmea", "xor", "sum8", "crc16-modbus"] | None = Field(
        default=None,
        description="Hex digits at the end of each line that prove it: `nmea` ($…*hh) and `xor`, `sum8` have two,"
        " `crc16-modbus` has four. Lines with wrong ones are left out.",
    )
    ask: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description='What is written to get a line, in double quotes: "R\\r\\n"; without it the sensor speaks by'
        " itself.",
    )
    interval: _Pause | None = Field(
        default=None,
        description="With `ask`: time between two questions, 2s without a value. Otherwise the least time between two"
        " readings of a quantity that are kept, 0s without a value: each one.",
    )
    silent_after: _Silence = Field(
        default=Seconds(30.0), description="Without a reading for so long it counts as lost; 0s is never."
    )
    stuck_after: Annotated[Seconds, duration()] = Field(
        default=Seconds(3600.0), description="The very same value for so long is not believed; 0s is never."
    )

    @field_validator("quantities")
    @classmethod
    def _are_words(cls, value: dict[str, Quantity]) -> dict[str, Quantity]:
        for name in value:
            if not re.fullmatch(WORD, name):
                raise ValueError(f'found "{name}"; allowed: {WORDS}')
            free(name)
        return value

    @field_validator("stopbits")
    @classmethod
    def _are_a_ports(cls, value: float) -> float:
        if value not in (1.0, 1.5, 2.0):
            raise ValueError(f"found {value:g}; allowed: 1, 1.5 or 2")
        return value

    @field_validator("pattern")
    @classmethod
    def _can_be_used(cls, value: str) -> str:
        from edge_mask.sql import regex as bounded  # the library is not loaded without such a sensor

        if problem := bounded.objection(value):
            raise ValueError(problem)
        try:
            bounded.ascii_only(value)
        except bounded.NO_EXPRESSION as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value

    @field_validator("ask")
    @classmethod
    def _can_be_written(cls, value: str | None) -> str | None:
        if value is not None and ("\\r" in value or "\\n" in value):
            raise ValueError('holds a backslash; in double quotes, as "R\\r\\n", it means the end of a line')
        if value is not None and any(ord(sign) > 0xFF for sign in value):
            raise ValueError("holds a character of more than one byte; allowed: characters up to \\xff")
        return value

    @property
    def measured(self) -> Mapping[str, Quantity]:
        """A correction beside the only quantity is that quantity's."""
        if len(self.quantities) > 1 or self.calibration == type(self.calibration)():
            return self.quantities
        own = {"calibration": self.calibration}
        return {name: each.model_copy(update=own) for name, each in self.quantities.items()}

    @property
    def pause(self) -> Seconds | None:
        return self.interval or Seconds(2.0) if self.ask else None

    @property
    def groups(self) -> frozenset[str]:
        """The named groups of the pattern."""
        from edge_mask.sql import regex as bounded

        return frozenset(bounded.ascii_only(self.pattern).groupindex)

    @property
    def has_ids(self) -> bool:
        """Whether a line says which sensor it is from."""
        return "id" in self.groups

    def speaks_as(self, name: str) -> bool:
        return name.startswith(f"{self.name}-") if self.has_ids else name == self.name


class MqttSensor(Value):
    """What others publish."""

    kind: Literal["mqtt"] = Field(description="What others publish on a topic.")
    topic: str = Field(
        min_length=1,
        max_length=256,
        pattern=r"^[^+#\x00]+$",
        description="Where its values are published, on the broker under `mqtt`.",
        json_schema_extra=allowed("a topic without + and #"),
    )
    value: str | None = Field(
        default=None,
        max_length=256,
        description="Where the value stands in the JSON: temperature, climate.values[0].now; without it the payload"
        " is the value.",
    )
    availability: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        pattern=r"^[^+#\x00]+$",
        description='Topic that says online or offline, also as {"state": "online"}: offline means lost.',
        json_schema_extra=allowed("a topic without + and #"),
    )
    interval: _Pause = Field(
        default=Seconds(0.0), description="The least time between two readings that are kept; 0s keeps each one."
    )
    silent_after: _Silence = Field(
        default=Seconds(7200.0), description="Without a reading for so long it counts as lost; 0s is never."
    )
    stuck_after: Annotated[Seconds, duration()] = Field(
        default=Seconds(0.0), description="The very same value for so long is not believed; 0s is never."
    )

    @field_validator("value")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None:
            json_path.parse(value)
        return value


class GpioSensor(OneQuantity):
    """A contact, a light barrier, a motion sensor on a GPIO line."""

    kind: Literal["gpio"] = Field(description="A contact, a light barrier or a motion sensor on a GPIO line.")
    quantity: str = Field(
        default="passage",
        pattern=f"^{WORD}$",
        description="What its level means, for instance passage, contact or motion: 1 while active, 0 while not.",
        json_schema_extra=allowed(WORDS),
    )
    chip: Annotated[NumberOrName, CHIP] = Field(
        pattern=r"^(/dev/)?[A-Za-z0-9_.-]{1,64}$",
        description="The chip, for instance gpiochip0 (`gpiodetect` lists them); needs `pip install"
        " 'edge-mask[gpio]'`.",
        json_schema_extra=allowed("a chip such as gpiochip0, 0 or /dev/gpiochip0"),
    )
    line: NumberOrName = Field(
        pattern=r"^[!-,.-~][!-~]{0,63}$",
        description="Offset or name of the line, for instance 27 or GPIO27 (`gpioinfo` lists them).",
        json_schema_extra=allowed("the offset or the name of a line, such as 27 or GPIO27"),
    )
    active_low: bool = Field(default=False, description="It is active when its level is low: a contact to ground.")
    bias: Literal["pull-up", "pull-down", "disabled"] | None = Field(
        default=None, description="The chip's own resistor, for a contact that has none; without it as it is."
    )
    debounce: Annotated[Seconds, duration(at_most=10)] = Field(
        default=Seconds(0.05), description="A level counts when it has lasted so long; 0s takes each edge."
    )

    @property
    def measured(self) -> Mapping[str, Quantity]:
        return {self.quantity: Quantity(calibration=self.calibration)}
