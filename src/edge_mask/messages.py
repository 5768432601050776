"""The nouns of the house: what is seen, what is decided, what is sent.

Everything here is frozen and small; a value is made where it is born and never changed afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from edge_mask import kinds
from edge_mask.kinds import Priority as Priority  # noqa: PLC0414 (one of the nouns, passed on)
from edge_mask.units import Moment, Unix

Image = NDArray[np.uint8]
"""A picture, height x width x 3, 8 bit, channels blue-green-red as OpenCV keeps them."""

MASK, NO_MASK, INCORRECT = "mask", "no_mask", "incorrect"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from one camera, with the moment it was taken."""

    camera: str
    number: int
    image: Image
    at: Moment
    source: str = ""
    """The file it came from, empty for a live camera."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the input picture: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face. `label` is one of the model card's labels, `score` lies in 0..1."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Track:
    """A face followed over frames; `votes` counts what each frame said of it, per label."""

    id: int
    face: Face
    votes: Mapping[str, int]
    first: Moment
    last: Moment


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One look of one camera, for whoever wants its picture."""

    frame: Frame
    faces: Sequence[Face]
    """What decisions are made of."""
    perhaps: Sequence[Face] = ()
    """What may be faces besides: faint ones, and those of the last moment, which this frame may have missed."""
    tracks: Sequence[Track] = ()
    """Whose the faces are."""

    @property
    def hidden(self) -> list[Face]:
        """Everything that a picture with blurred faces must not show."""
        return [*self.faces, *self.perhaps]


class Quality(StrEnum):
    """Whether a reading may take part in a decision."""

    GOOD = "good"
    STUCK = "stuck"
    OUT_OF_RANGE = "out_of_range"
    OUTLIER = "outlier"
    """Possible, but not what this series says at other times."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one sensor, in the sensor's configured unit."""

    sensor: str
    quantity: str
    value: float
    unit: str
    at: Moment
    quality: Quality = Quality.GOOD
    depth: int = 0
    """How many rules in a row have led to it: a sensor may hear what a rule publishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """One analysed frame (live: sent now or not at all)."""

    at: Moment
    camera: str
    frame: int
    tracks: tuple[Track, ...]
    inference_ms: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One judged person at a gate."""

    at: Moment
    camera: str
    verdict: Literal["pass", "no_pass"]
    mask: str | None
    """The voted label, None when no face gave one."""
    mask_score: float | None
    temperature: float | None
    reasons: tuple[str, ...] = ()
    passed_through: bool | None = None
    snapshot: str | None = None
    time_to_verdict_ms: int | None = None
    """From the first look that showed the face in place to the one that decided."""
    track: int | None = None
    record: bytes | None = field(default=None, repr=False)
    """What it was decided on; stays in the database."""
    id: str = ""
    """Where somebody has to know it before it is recorded; it gets one then otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a second look says of a visit that was decided narrowly; the visit itself stays as it was said."""

    at: Moment
    amends: str
    """The id of the visit."""
    camera: str
    was: Literal["pass", "no_pass"]
    """Its verdict."""
    verdict: Literal["pass", "no_pass"]
    """What it would be by the second look. All that the visit was refused for beside its mask still holds."""
    reasons: tuple[str, ...]
    mask: str
    mask_score: float
    by: str
    """Who looked: a thing name, or the host of an address."""
    model: str
    delay_ms: int
    """From the verdict to the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A visit that is judged; whether its person goes through is not known yet. Nothing of it is sent so far."""

    id: str
    visit: Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A visit that was held, as it is published: with `passed_through`, or with null when nobody can know."""

    id: str
    visit: Visit | None
    """None when it was erased while it was held."""
    boot: str | None = None
    """The boot that its moment belongs to; None is this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of a CCTV camera at its room."""

    at: Moment
    camera: str
    faces: int
    no_mask: int
    streak: int
    snapshot: str | None = None


Expected = tuple[float | None, float | None]
"""From and to; None is no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Of a series from what is usual of it: what an alert of the kind `outlier` is about."""

    quantity: str
    outlier: str
    """`system`, `value`, `forecast`, `quiet`."""
    reason: str
    began: Unix
    expected: Expected | None = None
    state: Literal["begun", "ended"] = "begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person should act on now."""

    at: Moment
    kind: str
    """`no_mask`, `fever`, `tailgating`, `outlier`."""
    text: str
    camera: str | None = None
    sensor: str | None = None
    streak: int | None = None
    value: float | None = None
    above: float | None = None
    """The limit of then, which `value` is above."""
    unit: str | None = None
    """Of both."""
    snapshot: str | None = None
    deviation: Deviation | None = None
    watching: bool = False
    """It was raised while this device looked more closely because of a neighbour. Told, and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a series said between two moments."""

    at: Moment
    """When it was over."""
    sensor: str
    quantity: str
    unit: str
    begin: Unix
    end: Unix
    count: int
    min: float | None
    mean: float | None
    max: float | None
    last: float | None
    deviations: tuple[Deviation, ...] = ()
    """What lasted in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Summary):
    """A minute in which something was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a series is going to say, as far as it is like before."""

    at: Moment
    sensor: str
    quantity: str
    unit: str
    origin: Unix
    """The end of what is known; the first value is that of the step which begins here."""
    step_s: int
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A part failed (an `errors` message)."""

    at: Moment
    component: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the device is doing (live)."""

    at: Moment
    values: Mapping[str, Any]


Event = Detections | Visit | Amendment | Look | Alert | Reading | Fault | Health | Summary | Record | Forecast


def kind_of(event: Event) -> kinds.Kind:
    """The kind of message that tells of `event`."""
    match event:
        case Detections():
            return kinds.DETECTIONS
        case Visit():
            return kinds.VISITS
        case Amendment():
            return kinds.AMENDMENTS
        case Look():
            return kinds.LOOKS
        case Alert():
            return kinds.ALERTS
        case Reading():
            return kinds.READINGS
        case Health():
            return kinds.HEALTH
        case Fault():
            return kinds.FAULTS
        case Record():  # before what it also is
            return kinds.RECORDS
        case Summary():
            return kinds.SUMMARIES
        case Forecast():
            return kinds.FORECASTS
        case _:
            assert_never(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is offered to a destination: a topic and the exact bytes of its payload."""

    topic: str
    payload: bytes
    priority: Priority
    qos: Literal[0, 1]
    id: str = ""
    retain: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    """MQTT 5 publish properties (content_type, response_topic, correlation_data, user_properties …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What somebody else published: rules see it, nothing of it is stored."""

    at: Moment
    message: Message


class Outcome(Enum):
    """How a send ended."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The end of one send. Unknown means: it may or may not have arrived, send it again under the same id. Stale means:
    nobody wants it any more, so that it is deleted and counted."""

    outcome: Outcome
    reason: str = ""
    is_suspect: bool = False
    """Unknown, though the destination was there and failed on it: perhaps it will always fail on this message."""
    retry_after: float = 0.0
    """Seconds that the other side wants to be left alone."""
    counted_as: str = ""
    """Of a stale one: the counter that tells of it."""
    is_unheard: bool = False
    """Unknown, as the broker took it and threw it away: nobody subscribes to its topic."""
