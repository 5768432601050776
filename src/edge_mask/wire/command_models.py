"""The shapes of requests and answers of commands, for the schemas and for whoever asks; the daemon needs none of it."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from edge_mask.wire.models import Box, Count, Counts, Part, Score

RequestId = Annotated[str, Field(min_length=1, max_length=128)]
_ID = "Chosen by whoever asks; the same within five minutes is done once and answered once."
_ECHO = "That of the request; absent where it had none."


class Asked(Part):
    """What may stand in every request."""

    model_config = ConfigDict(extra="forbid")

    request_id: RequestId = Field(default="", description=_ID)


class Answered(Part):
    """What stands in the answer to every request that was carried out."""

    ok: Literal[True]
    request_id: RequestId = Field(default="", description=_ECHO)


class Problem(Part):
    """Why a request was not carried out."""

    code: Literal["bad_request", "unknown_command", "not_allowed", "busy", "too_large", "failed"]
    text: str = Field(description="A sentence for people.")


class NotDone(Part):
    """The answer to a request that was not carried out."""

    ok: Literal[False]
    request_id: RequestId = Field(default="", description=_ECHO)
    error: Problem


class InferRequest(Asked):
    """What is to be seen now. Either of the two; or the payload is a picture, with its content type (`image/jpeg`)."""

    camera: str = Field(default="", description="Looks now, without waiting for its interval.")
    picture: str = Field(default="", description="A picture file in base64; it is gone afterwards.")


class SeenFace(Part):
    """One detected face."""

    label: str
    score: Score | None
    box: Box


class InferAnswer(Answered):
    """What the model sees."""

    faces: list[SeenFace]
    counts: Counts
    verdict: Literal["mask", "no_mask", "incorrect", "nobody"] = Field(
        description="One word for all faces: `no_mask` counts before `incorrect`, and that before `mask`."
    )
    inference_ms: float | None
    model: str = Field(description="Name and version of the model.")
    camera: str = Field(default="", description="Absent for a picture that was sent along.")
    frame: Count = Field(default=0, description="Absent for a picture that was sent along.")


class SnapshotRequest(Asked):
    """Keep the newest picture of a camera on the device."""

    camera: str
    reason: str = Field(default="command", description="Stands in the name of the file.")


class SnapshotAnswer(Answered):
    """The picture is on the disk."""

    snapshot: str = Field(description="Name of its file on the device.")
    picture: str = Field(
        default="", description="The JPEG in base64, made small enough; only with `privacy.send_pictures`."
    )


class StatusRequest(Asked):
    """How the device is."""


class PartState(Part):
    """How one part is, as `edge-mask check` says it."""

    part: str
    state: Literal["ok", "warning", "failed"]
    text: str


class StatusAnswer(Answered):
    """What `health` says (see there), and more."""

    version: str = Field(description="Version of edge-mask.")
    model: str | None = Field(description="Name and version of the model; null without a camera.")
    config_version: Count = Field(description="Counts the wishes from outside that were accepted.")
    parts: list[PartState]


class ReloadRequest(Asked):
    """Read the configuration file again."""


class ReloadAnswer(Answered):
    """The house of the new configuration runs."""

    changed: list[str] = Field(description="Key paths whose values differ from before.")


class ConfigureRequest(Asked):
    """Change the configuration."""

    set: dict[str, Any] = Field(description="A part of the configuration; a null takes an earlier wish back.")
    config_version: Count = Field(default=0, description="Only when this one is still in force; absent: whatever is.")


class ConfigureAnswer(Answered):
    """The house of the new configuration runs, and the wish is kept."""

    config_version: Count
    changed: list[str]


class ModelRequest(Asked):
    """See or choose the model that looks."""

    action: Literal["list", "activate", "rollback", "remove"]
    name: str = Field(default="", description="For `activate` and `remove`.")
    version: str = Field(default="", description="Needed where there are several of that name.")


class ModelName(Part):
    """A model package."""

    name: str
    version: str


class ModelAnswer(Answered):
    """The model that looks now, and the others."""

    active: ModelName | None
    installed: list[ModelName]


class EraseRequest(Asked):
    """Delete what is kept of people. Either of the two."""

    visit: str = Field(default="", description="The id of one visit.")
    before: str = Field(default="", description="A time or date; without a zone, the site's.")


class EraseCounts(Part):
    """How many were deleted."""

    visits: Count
    looks: Count = Field(default=0, description="Only with `before`.")
    alerts: Count
    readings: Count = Field(default=0, description="Of the gate's thermometer.")
    messages: Count = Field(description="That still waited.")
    pictures: Count


class EraseAnswer(Answered):
    """It is gone."""

    counts: EraseCounts


Seq = Annotated[int, Field(ge=1, le=2**53)]


class HistoryRequest(Asked):
    """Send messages again that a receiver lacks."""

    topic: str = Field(description="A kind of message such as `visits`, a quantity, or a whole topic.")
    from_seq: Seq
    to_seq: Seq = Field(description="The last one; at most 500 in all.")


class HistoryAnswer(Answered):
    """They are on their way."""

    topic: str = Field(description="The whole topic.")
    sent: Count = Field(description="How many come: under their own `id` and `seq`, with `late`.")
    missing: list[tuple[Seq, Seq]] = Field(
        description="From and to of those that never come: erased, older than the history, or never kept."
    )
    last: Count = Field(description="The newest number of the topic.")


class PictureRequest(Asked):
    """Put the picture of a visit into a store."""

    visit: str = Field(description="Its id.")
    put: str = Field(description="The address for it, signed; it has to begin as `fleet.pictures.to` says.")


class PictureAnswer(Answered):
    """It is there."""

    put: Literal["stored", "there"] = Field(description="`there`: it was there already, and stays as it was.")
    bytes: Count


COMMANDS: dict[str, tuple[type[Asked], type[Answered]]] = {
    "infer": (InferRequest, InferAnswer),
    "snapshot": (SnapshotRequest, SnapshotAnswer),
    "status": (StatusRequest, StatusAnswer),
    "reload": (ReloadRequest, ReloadAnswer),
    "configure": (ConfigureRequest, ConfigureAnswer),
    "model": (ModelRequest, ModelAnswer),
    "erase": (EraseRequest, EraseAnswer),
    "history": (HistoryRequest, HistoryAnswer),
    "picture": (PictureRequest, PictureAnswer),
}
"""Name of the command → what is asked, and what is answered when it was carried out."""
SHAPES: tuple[type[Part], ...] = (*(shape for pair in COMMANDS.values() for shape in pair), NotDone)
