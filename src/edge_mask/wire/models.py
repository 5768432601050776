"""The shape of every message, as pydantic models: for the schemas and for subscribers; the daemon needs none of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Percent = Annotated[float, Field(ge=0, le=100)]
Score = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
OutlierKind = Literal["system", "value", "forecast", "quiet"]
Reason = Literal["silent", "stuck", "out_of_range", "spike", "step", "level", "drift", "leak"]


class Part(BaseModel):
    """A part of a message; what a later version adds may stand in it too."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class Envelope(Part):
    """What stands in every message."""

    id: str = Field(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        description="UUIDv7, made where the event is born. A message that is sent again has the same id.",
    )
    seq: int = Field(
        ge=1, description="Counts up by one per topic, over restarts; a gap says that messages were dropped."
    )
    thing: str = Field(description="The device.")
    ts: str = Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        description="When it was seen, not when it was sent: RFC 3339, UTC, milliseconds.",
        json_schema_extra={"format": "date-time"},
    )
    v: Literal[1] = Field(description="Version of this schema.")
    late: Literal[True] = Field(
        default=True, description="It left the device more than ten seconds after it was seen; absent otherwise."
    )
    clock_ok: Literal[False] = Field(
        default=False, description="The clock of the device was not set when this was seen; absent otherwise."
    )


class Box(Part):
    """A rectangle in pixels of the input picture."""

    x: float = Field(description="Left.")
    y: float = Field(description="Top.")
    w: float = Field(description="Width.")
    h: float = Field(description="Height.")


class Face(Part):
    """One detected face."""

    label: str = Field(description="`mask`, `no_mask`, `incorrect`, or a label of another model.")
    score: Score | None = Field(description="How sure the model is.")
    box: Box
    track: int = Field(description="The same person has the same number in the next frames.")


class Counts(Part):
    """Faces by label."""

    mask: Count
    no_mask: Count
    incorrect: Count


class Detections(Envelope):
    """One analysed frame. Sent now or not at all."""

    camera: str
    frame: Count = Field(description="Counts up per camera.")
    faces: list[Face]
    counts: Counts
    inference_ms: float | None = Field(description="Time the model took.")
    model: str = Field(description="Name and version of the model.")


class Visit(Envelope):
    """One judged person at a gate."""

    camera: str
    verdict: Literal["pass", "no_pass"]
    ispass: Literal[0, 1] = Field(description="1 for pass, 0 for no_pass.")
    mask: str | None = Field(description="The label that most looks agreed on; null when none was sure.")
    mask_score: Score | None
    temperature: float | None = Field(description="In the unit of the gate's thermometer; null without one.")
    reasons: list[str] = Field(description="Why not, in words of the contract such as `no_mask` or `fever`.")
    passed_through: bool | None = Field(description="Whether the person went through; null without a passage sensor.")
    snapshot: str | None = Field(description="File name of the picture on the device; null without one.")
    time_to_verdict_ms: Count | None = Field(
        description="From the first look that showed the face in place to the verdict."
    )


class Amendment(Envelope):
    """What a second look says of a visit that was decided narrowly."""

    amends: str = Field(description="The `id` of the visit.")
    camera: str
    was: Literal["pass", "no_pass"] = Field(description="The verdict of the visit.")
    verdict: Literal["pass", "no_pass"] = Field(description="What it would be by the second look.")
    ispass: Literal[0, 1] = Field(description="1 for pass, 0 for no_pass.")
    reasons: list[str] = Field(
        description="Why not. What the visit was refused for beside its mask, such as `fever`, stays."
    )
    mask: str = Field(description="`mask`, `no_mask` or `incorrect`.")
    mask_score: Score | None
    by: str = Field(description="Who looked: a thing name, or the host of an address.")
    model: str = Field(description="Name and version of its model.")
    delay_ms: Count = Field(description="From the verdict of the visit to this answer.")


class Look(Envelope):
    """One look of a CCTV camera at its room."""

    camera: str
    faces: Count
    no_mask: Count = Field(description="Faces without a mask.")
    streak: Count = Field(description="Looks in a row with such a face, this one included.")
    snapshot: str | None = Field(description="File name of the picture on the device; null without one.")


class Alert(Envelope):
    """Something a person should act on now."""

    kind: str = Field(description="`no_mask`, `fever`, `tailgating` or `outlier`.")
    text: str = Field(description="A sentence for a person.")
    camera: str = Field(default="", description="Which camera saw it; absent for a sensor.")
    sensor: str = Field(default="", description="Which sensor measured it; absent for a camera.")
    streak: Count = Field(default=0, description="Looks in a row; only for `no_mask`.")
    value: float = Field(default=0.0, description="What was measured; absent where nothing was.")
    unit: str = Field(default="", description="Of an outlier: the unit of `value` and `expected`.")
    quantity: str = Field(default="", description="Of an outlier: what is measured. It has these six fields beside.")
    outlier: OutlierKind = Field(
        default="system",
        description="`system`: the sensor itself; `value`: outside of the criteria; `forecast`: not what was"
        " forecast; `quiet`: in the quiet hours.",
    )
    reason: Reason = Field(default="silent", description="What is wrong.")
    expected: list[float | None] | None = Field(
        default=None,
        min_length=2,
        max_length=2,
        description="From and to, what would have been usual; null for no bound, and where there is none at all.",
    )
    began: str = Field(default="", json_schema_extra={"format": "date-time"}, description="When it began.")
    state: Literal["begun", "ended"] = Field(
        default="begun", description="One message says that it has begun, another one that it has ended."
    )
    snapshot: str | None = Field(description="File name of the picture on the device; null without one.")
    watching: Literal[True] = Field(
        default=True,
        description="It was raised while the device looked more closely because of a neighbour's alert; absent"
        " otherwise. Neighbours do not look more closely for its sake.",
    )


class Lasting(Part):
    """An outlier that lasts."""

    outlier: OutlierKind
    reason: Reason
    began: str = Field(json_schema_extra={"format": "date-time"}, description="When it began.")


class OfSeries(Envelope):
    """What is said of the readings of one quantity of one sensor."""

    sensor: str
    quantity: str
    unit: str


class Summary(OfSeries):
    """What the readings of ten minutes were; `ts` is their end."""

    begin: str = Field(alias="from", json_schema_extra={"format": "date-time"}, description="Their begin.")
    to: str = Field(json_schema_extra={"format": "date-time"}, description="Their end.")
    count: Count = Field(description="Readings that the sensor can have measured.")
    min: float | None = Field(description="Null without readings, as the next three.")
    mean: float | None
    max: float | None
    last: float | None
    outliers: list[Lasting] = Field(description="What was wrong in that time.")


class Record(Summary):
    """A minute in which something is wrong: a summary of one minute."""


class Forecast(OfSeries):
    """What is expected of the coming week."""

    origin: str = Field(
        json_schema_extra={"format": "date-time"}, description="When the first step begins: up to then all is known."
    )
    step_s: Count = Field(description="Seconds of one step.")
    values: list[float | None] = Field(description="The mean that is expected of each step.")
    low: list[float | None] = Field(description="Less is unusual.")
    high: list[float | None] = Field(description="More is unusual.")


class Reading(Envelope):
    """One value of one sensor, in the field that is called like the quantity."""

    sensor: str
    unit: str
    quality: Literal["stuck", "out_of_range", "outlier"] = Field(
        default="stuck", description="Why the value should not be believed; absent when it can be."
    )


class Temperature(Reading):
    """One temperature. A reading of another quantity has a field of that name in the place of `temperature`."""

    temperature: float | None


class Dropped(Part):
    """Messages given up so far, by reason."""

    age: Count = Field(description="Waited too long.")
    space: Count = Field(description="No room left.")
    refused: Count = Field(description="The broker said no.")


class OutboxHealth(Part):
    """What waits for the broker."""

    pending: Count | None = Field(description="Messages.")
    bytes: Count | None
    oldest_s: float | None = Field(description="Age of the oldest in seconds.")
    dropped: Dropped | None


class NotTold(Part):
    """Notifications to people that were not sent, by reason, since the database was made."""

    expired: Count = Field(description="Older than `max_age` of their target before they could leave.")
    cool_down: Count = Field(description="Soon after another one of the same camera and kind.")
    same_event: Count = Field(description="For a target that had been told of the same event.")
    quiet: Count = Field(description="In the quiet hours of their target.")
    nobody: Count = Field(description="For web push, while no browser had asked.")
    unsubscribed: Count = Field(description="For a browser that does not want to be told any more.")
    no_target: Count = Field(description="For a target that is not configured.")


class VisitsToday(Part):
    """Visitors judged since the site's midnight."""

    passed: Count
    refused: Count


class CameraHealth(Part):
    """How one camera is."""

    fps: float = Field(description="Frames of it analysed per second.")
    interval_s: float | None = Field(
        description="Time between two looks that was reached, on average since the last report; null before the second."
    )
    state: Literal["opening", "ok", "away", "black", "frozen", "ended"] = Field(
        description="`away`: lost, refused or hung; `black` and `frozen`: nothing is judged on its pictures;"
        " `ended`: the file or folder is finished."
    )


class SensorHealth(Part):
    """How one sensor is."""

    state: Literal["ok", "away", "out_of_range", "stuck"]


class RuleHealth(Part):
    """How one rule fares since it was loaded."""

    matched: Count = Field(description="Messages that it acted on.")
    failed: Count
    is_set_aside: bool = Field(description="It failed too often and is not evaluated until rules are loaded again.")


class PeersHealth(Part):
    """Frames between this device and others, since its parts were built."""

    offered: Count | None = Field(default=None, description="Frames that others were given; absent without `offer`.")
    answered: Count | None = Field(default=None, description="Those of them that were judged.")
    lost: Count | None = Field(default=None, description="No answer in time, or none that could be believed.")
    taken: Count | None = Field(default=None, description="Frames of others that were looked at here.")
    refused: Count | None = Field(default=None, description="Frames of others that were answered with an error.")


class Health(Envelope):
    """How the device is doing; null where it does not say."""

    cpu: Percent | None
    memory: Percent | None
    rss: Count | None = Field(default=None, description="Bytes of memory that the daemon holds.")
    soc_temperature: float | None = Field(description="Degrees Celsius of the processor.")
    uptime_s: float | None = Field(description="Seconds since the machine was started.")
    fps: float | None = Field(description="Frames analysed per second.")
    inference_ms: float | None = Field(description="Time the model takes.")
    frames_replaced: Count | None = Field(
        default=None, description="Frames of live cameras that a newer one replaced before the model was free."
    )
    live_dropped: Count | None = Field(
        default=None, description="Live messages that were not sent: no connection, a slow one, or a refusal."
    )
    certificate_days: int | None = Field(
        default=None, description="Days that the device's own certificate still holds; null without one."
    )
    time_to_verdict_ms: Count | None = Field(
        default=None, description="Median over the last hundred visits since the start; null before the first one."
    )
    outbox: OutboxHealth
    clock_synced: bool
    not_told: NotTold | None = Field(
        default=None, description="Notifications that were not sent; absent while there are none."
    )
    visits_today: VisitsToday | None = Field(default=None, description="Null without a camera.")
    cameras: dict[str, CameraHealth] | None = Field(default=None, description="By name; absent without cameras.")
    sensors: dict[str, SensorHealth] | None = Field(default=None, description="By name; absent without sensors.")
    peers: PeersHealth | None = Field(default=None, description="Absent without the section `fleet`.")
    rules: dict[str, RuleHealth] | None = Field(default=None, description="By name; absent without rules.")


class Fault(Envelope):
    """A rule, sensor, camera, command or action failed."""

    component: str = Field(description="Which part, for instance `camera front`.")
    code: str = Field(description="A word for programs.")
    text: str = Field(description="A sentence for people.")


class Labels(Part):
    """What people and management servers call the device; only what the configuration gives."""

    name: str = Field(default="", description="Name on displays.")
    type: str = Field(default="", description="Kind of device, for instance `dome camera`.")
    address: str = Field(default="", description="Where it hangs, in words.")
    latitude: float = Field(default=0.0, ge=-90, le=90, description="Degrees north.")
    longitude: float = Field(default=0.0, ge=-180, le=180, description="Degrees east.")
    description: str = Field(default="", description="Anything else.")


class Online(Part):
    """The device is there. Retained."""

    state: Literal["online"]
    thing: str
    ts: str = Field(json_schema_extra={"format": "date-time"}, description="When it connected.")
    v: Literal[1]
    version: str = Field(description="Version of edge-mask.")
    model: str | None = Field(description="Name and version of the model; null without a camera.")
    labels: Labels = Field(default=Labels(), description="`device.labels` of the configuration; absent without any.")


class Offline(Part):
    """The device is gone: stopped, or not heard of. Retained."""

    state: Literal["offline"]


class ModelOfDevice(Part):
    """The model that a device looks with."""

    name: str
    version: str
    digest: str | None = Field(default=None, description="`sha256:…` of its package, as far as it is known.")


class Announced(Part):
    """What stands in messages that are made when they are sent."""

    thing: str
    ts: str = Field(json_schema_extra={"format": "date-time"}, description="When it was said.")
    v: Literal[1]
    clock_ok: Literal[False] = Field(default=False, description="The device's clock was not set; absent otherwise.")


class Watching(Part):
    """Why and until when a device looks more closely."""

    until: str = Field(json_schema_extra={"format": "date-time"})
    because_of: str = Field(description="The neighbour whose alert it was.")


class About(Announced):
    """Who this device is to others. Retained."""

    name: str = Field(description="`device.labels.name`, or the thing name.")
    type: Literal["gate", "cctv", "analysis"] | None = Field(description="Null for a device without cameras.")
    latitude: float | None = Field(ge=-90, le=90, description="Degrees north.")
    longitude: float | None = Field(ge=-180, le=180, description="Degrees east.")
    address: str = Field(description="Where it hangs, in words.")
    ip: str | None = Field(description="Its address towards the broker; null where the nucleus is in between.")
    supports_analysis: bool = Field(description="It takes pictures of others.")
    stream_url: str | None = Field(description="Where its picture can be watched, without user and password.")
    description: str
    software: str = Field(description="Name and version of the program.")
    model: ModelOfDevice | None = Field(description="Null without one.")
    neighbours: list[str] = Field(description="Thing names of the devices whose alerts it hears.")
    group: str = Field(description="Devices with the same belong together.")
    watching: Watching | None = Field(
        default=None, description="While it looks more closely because of a neighbour's alert; absent otherwise."
    )


class Room(Announced):
    """What this device can take over from others now. Retained, and gone when it was not renewed for ten seconds."""

    free: Count = Field(description="Frames of others that it takes at this moment.")
    ms: float | None = Field(description="Milliseconds that a frame takes it, smoothed; null before the first one.")
    model: str | None = Field(description="Name and version of the model; null without one.")
    accepts: list[Literal["peer", "second_look"]] = Field(description="For what it takes them.")


MESSAGES: dict[str, tuple[type[Part], ...]] = {
    "detections": (Detections,),
    "visits": (Visit,),
    "amendments": (Amendment,),
    "looks": (Look,),
    "alerts": (Alert,),
    "temperature": (Temperature,),
    "health": (Health,),
    "errors": (Fault,),
    "status": (Online, Offline),
    "summaries": (Summary,),
    "records": (Record,),
    "forecasts": (Forecast,),
    "about": (About,),
    "room": (Room,),
}
"""Topic below the root → the shapes of what is published there."""
