"""What is wished of a device's model and what became of it, as pydantic models."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_mask.errors import Refused
from edge_mask.plural import counted
from edge_mask.redact import redact
from edge_mask.suggest import did_you_mean

MOST_BYTES = 128_000
"""Of one document: what MQTT at AWS carries."""
_MOST_TOLD = 8
"""Sentences about one document; it may have thousands of mistakes."""
_LONGEST_KEY = 60
_EXPECTED = {
    "name": "up to 64 letters, digits and _.+-",
    "version": "up to 64 letters, digits and _.+-",
    "digest": "sha256: and 64 digits in small letters",
    "window": "a time such as 02:00",
}
"""For people, where a pattern says it for machines."""
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
Named = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
State = Literal["pulling", "verifying", "trial", "active", "refused", "rolled_back", "restored"]


class Desired(BaseModel):
    """The model that a device is to have: retained on `model/desired`, in a shadow or in a job's document."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    revision: int = Field(
        ge=1,
        le=2**53 - 1,
        description="Another number is another wish, also for a digest that was refused. `package deploy` counts up.",
    )
    name: Named = Field(description="Of the package, as its card says.")
    version: Named = Field(description="Of the package, as its card says.")
    digest: Digest = Field(description="Of the package's manifest.")
    sources: list[Annotated[str, Field(min_length=1, max_length=1024)]] = Field(
        default=[],
        max_length=16,
        description="Where it can be fetched, tried in this order: oci://, https:// or file:// addresses.",
    )
    signature: str = Field(
        default="", max_length=4096, description="The four lines of minisign over the manifest; empty: at the source."
    )
    window: Annotated[list[Clock], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="Only between these times of the device's clock, such as 02:00 and 05:00."
    )


class Reported(BaseModel):
    """How far the device has come with a wish; it stands on `model/reported` beside the envelope."""

    model_config = ConfigDict(extra="allow", frozen=True)

    revision: int | None = Field(description="Of the wish; null for what the device did by itself.")
    state: State
    name: str
    version: str
    digest: str | None = Field(description="Null for a package that was installed by hand.")
    previous: str | None = Field(default=None, description="Name and version that looked before.")
    attempt: int = Field(default=1, ge=1)
    error: str | None = Field(default=None, description="Why it was refused or taken back, for people.")


def read_desired(payload: bytes) -> Desired:
    """Raises Refused with a sentence that names the key."""
    if len(payload) > MOST_BYTES:
        raise Refused(f"model/desired: is larger than {MOST_BYTES // 1000} kB")
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        raise Refused("model/desired: is no JSON") from None
    return desired_of(content)


def desired_of(content: object) -> Desired:
    """The same of a document that is JSON already."""
    if not isinstance(content, dict):
        raise Refused(f"model/desired: expected an object, found {type(content).__name__}")
    try:
        return Desired.model_validate(content)
    except ValidationError as error:
        told = [_sentence(problem) for problem in error.errors()[:_MOST_TOLD]]
        if (more := error.error_count() - len(told)) > 0:
            told.append(f"model/desired: and {counted(more, 'more mistake')}")
        raise Refused("\n".join(told)) from None


def _sentence(problem: object) -> str:
    assert isinstance(problem, dict)
    where = ".".join(map(str, problem["loc"]))[:_LONGEST_KEY]
    key = str(problem["loc"][0])[:_LONGEST_KEY] if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"model/desired: {where}: unknown key{did_you_mean(key, list(Desired.model_fields))}"
    if problem["type"] == "missing":
        return f"model/desired: {where}: is missing"
    if problem["type"] == "string_pattern_mismatch":
        return f"model/desired: {where}: expected {_EXPECTED[key]}, found {redact(str(problem['input']))[:60]!r}"
    found = problem.get("input")
    shown = f", found {redact(str(found))[:60]!r}" if isinstance(found, str | int | float) else ""
    message = str(problem["msg"])
    return f"model/desired: {where}: {message[:1].lower()}{message[1:]}{shown}"
