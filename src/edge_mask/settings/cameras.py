"""The sections about vision: cameras, detector, gate, cctv."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_serializer, field_validator

from edge_mask.quantities import duration
from edge_mask.redact import HIDDEN, redact
from edge_mask.settings.base import FilePath, Fraction, Name, Place, Section, allowed
from edge_mask.units import Seconds

SOURCES = (
    "picamera2, usb:0, usb:/dev/v4l/by-id/NAME, rtsp://HOST/PATH, file:CLIP.mp4 or images:FOLDER"
    " (also rtsps://, http://, https:// and picamera2:NUMBER)"
)
_SOURCE = re.compile(r"picamera2(:\d+)?|usb:(\d+|/dev/\S+)|(rtsps?|https?)://[^\s/]+.*|(file|images):.+", re.IGNORECASE)

_ENCODING = (
    "allowed: a host, and a port from 1 to 65535; blanks are written as %20; in user and password, # is written as %23,"
    " / as %2F, ? as %3F, @ as %40 and % as %25; what a variable such as ${CAMERA_PASSWORD} puts there needs none of it"
)
_CAMERA = Place(
    re.compile(r"(?!file:|images:|usb:/).*|usb:/dev/(video\d+|v4l/by-(id|path)/[^/]+)", re.IGNORECASE | re.DOTALL),
    "a camera (picamera2, usb:0, usb:/dev/v4l/by-id/NAME), or an address",
)
_PACKAGE = Place(
    re.compile(r"models/(?!\.)[A-Za-z0-9._-]+"),
    "another package in its folder, or one that came along (models/NAME)",
    has_neighbours=True,
)
_NETWORK = re.compile(r"(rtsps?|https?)://", re.IGNORECASE)

Point = tuple[Fraction, Fraction]


def _degrees(value: object) -> object:
    """Accept a number in quotes or from the environment; refuse `false` and `180.5`."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return str(value).lower() if isinstance(value, bool) else value


Degrees = Annotated[Literal[0, 90, 180, 270], BeforeValidator(_degrees)]


class Camera(Section):
    """One camera, stream, file or folder of pictures."""

    name: Name = Field(description="How messages and logs call it.")
    source: Annotated[str, _CAMERA] = Field(
        description="Where the pictures come from. A USB camera is best called by its name in /dev/v4l/by-id: its"
        " number changes. Files and folders are looked at picture by picture, a folder sorted by name.",
        repr=False,
        json_schema_extra=allowed(SOURCES),
    )
    role: Literal["gate", "cctv"] = Field(default="gate", description="`gate` judges visitors, `cctv` looks at a room.")
    interval: Annotated[Seconds, duration(at_most=86400)] = Field(
        default=Seconds(0.2), description="Time between two looks; 0s is as fast as it goes."
    )
    rotate: Degrees = Field(
        default=0,
        description="Degrees by which each picture is turned clockwise until heads are up: 180 for a camera that hangs"
        " upside down.",
    )
    mirror: bool = Field(
        default=False,
        description="Each picture is mirrored, left to right, after it was turned: for a camera that mirrors its own.",
    )
    zone: tuple[Point, ...] | None = Field(
        default=None,
        min_length=3,
        description="Polygon of [x, y] points in 0..1 (left to right, top to bottom, in the picture as it was turned);"
        " faces outside are not judged.",
        json_schema_extra=allowed("at least three [x, y] points, each number from 0 to 1"),
    )
    loop: bool = Field(default=False, description="Files and folders only: start again at the end.")

    @field_validator("source")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if not _SOURCE.fullmatch(value):
            user, at, rest = redact(value).rpartition("@")
            raise ValueError(f'"{HIDDEN + at + rest if user else rest}" is not a source; allowed: {SOURCES}')
        if _NETWORK.match(value) and not _is_address(value):
            raise ValueError(f"holds no proper address; {_ENCODING}")
        return value

    @field_serializer("source")
    def _without_password(self, value: str) -> str:
        return redact(value)

    @property
    def shown_source(self) -> str:
        """The source without user name and password: the only form to print."""
        return redact(self.source)


def _is_address(value: str) -> bool:
    """Whether host and port can be parsed; a raw `#` or `/` in a password would end them early."""
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0 and value.isprintable() and " " not in value
    except ValueError:
        return False


class DetectorSettings(Section):
    """The mask model."""

    model: Annotated[FilePath, _PACKAGE] = Field(
        default=Path("models/mask-detector"), description="Folder of the model package, or one of its files."
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Processor cores for inference: all for one picture, or,"
        " where a camera has `interval: 0s`, one for each of up to four pictures that are looked at side by side.",
    )
    score_threshold: Fraction | None = Field(
        default=None, description="Faces the model believes in less are not seen; without it the model card's own."
    )


class Gate(Section):
    """How a person at a `gate` camera is judged."""

    votes: int = Field(default=5, ge=1, le=100, description="Looks by which one verdict must be ahead of the other.")
    window: Annotated[Seconds, duration(at_least=0.1, at_most=60)] = Field(
        default=Seconds(2.0),
        description="Time after which a lead of three is enough; after two of them the verdict is `unsure`.",
    )
    min_face: float = Field(
        default=0.12,
        ge=0,
        le=0.8,
        description="Smallest face to be judged: its longer side as a share of the picture's shorter side.",
    )
    pass_score: float = Field(
        default=0.6,
        ge=0,
        le=0.95,
        description="Mean score that the looks with a mask must have for a pass; a less certain one is `unsure`.",
    )
    still: Literal["refuse", "ignore"] = Field(
        default="refuse",
        description="A masked face that neither moves nor changes (a poster, a frozen camera) is refused, or let pass.",
    )
    fever_above: float = Field(
        default=37.5,
        description="Temperature above which nobody passes, in the unit of the temperature sensor.",
        json_schema_extra=allowed("a number that means 25 to 45 °C in the unit of the sensor"),
    )
    temperature_sensor: str | None = Field(
        default=None,
        description="Name of the sensor whose temperature counts, also with an id of its lines: line-001.",
    )
    temperature_camera: str | None = Field(
        default=None,
        description="With several gate cameras: the name of the one whose visitors stand before `temperature_sensor`.",
    )
    without_temperature: Literal["refuse", "ignore"] = Field(
        default="refuse",
        description="A visitor of whom no temperature was taken: refused with `temperature_missing`, or judged by the"
        " mask alone.",
    )
    temperature_range: tuple[float, float] | None = Field(
        default=None,
        description="What the skin of a person may have, `[28, 43]` °C unless told otherwise, in the unit of the"
        " temperature sensor; a reading outside is of the air or a wall, and measures nobody.",
        json_schema_extra=allowed("two numbers around fever_above, such as [28, 43]"),
    )
    passage_sensor: str | None = Field(
        default=None,
        description="Name of the sensor that sees somebody go through: of kind gpio, mqtt or replay, and a state such"
        " as passage, contact or motion. Visits are then published when it is known who went through.",
    )
    passage_window: Annotated[Seconds, duration(at_least=0.5, at_most=60)] = Field(
        default=Seconds(5.0), description="How long after a verdict a passage belongs to it."
    )
    output: str | None = Field(
        default=None, description="Name of the output that opens the gate: switched on for each `pass`, at once."
    )
    open_for: Annotated[Seconds, duration(at_least=0.1, at_most=60)] = Field(
        default=Seconds(3.0), description="How long `output` is on for one pass."
    )
    open_at_most: Annotated[Seconds, duration(at_least=0.1, at_most=600)] = Field(
        default=Seconds(30.0), description="Longest time that `output` is on when one pass follows the other."
    )


class Cctv(Section):
    """When a `cctv` camera raises an alert."""

    streak: int = Field(
        default=6, ge=1, le=10000, description="Looks in a row with a no-mask face that raise one alert."
    )
    rearm_after: Annotated[Seconds, duration()] = Field(
        default=Seconds(60.0), description="Time after an alert before the same camera may raise the next one."
    )
    empty_looks: Literal["end", "ignore"] = Field(
        default="end",
        description="What a look without a face does to a streak: `end` it, or nothing (`ignore`). One that shows only"
        " masked faces always ends it.",
    )
