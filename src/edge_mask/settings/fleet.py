"""The section about the other devices: who this one is to them, and what they do for one another."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field, field_serializer, field_validator

from edge_mask.quantities import duration, size
from edge_mask.redact import redact
from edge_mask.settings.base import FilePath, Section, allowed, read_whole
from edge_mask.units import Bytes, Seconds

THING: Final = r"^[A-Za-z0-9:_-]{1,128}$"
Thing = Annotated[
    str, Field(pattern=THING, json_schema_extra=allowed("the thing name of another device, such as gate-02"))
]
MOST_NEIGHBOURS: Final = 32
MOST_BYTES: Final = 200_000_000
"""Of a package that can be installed."""
FAINT: Final = 0.15
"""The model says nothing of faces of which it is less certain (detect/model.py)."""
NO_STREAM: Final = "none"
_STREAM: Final = "an rtsp, rtsps, http or https address, or none"


class Watch(Section):
    """What the alert of a neighbour changes here, for a while."""

    interval: Annotated[Seconds, duration(at_least=0, at_most=86400)] = Field(
        default=Seconds(0.2), description="Time between looks meanwhile, where it is shorter than the camera's own."
    )
    votes: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Looks that decide about a visitor meanwhile, where there are more than usual."
    )
    threshold: Annotated[float, Field(ge=FAINT, le=1)] | None = Field(
        default=None, description="`detector.score_threshold` meanwhile, where it is lower than the usual one."
    )
    lasts: Annotated[Seconds, duration(at_least=1, at_most=86400)] = Field(
        default=Seconds(60.0), alias="for", description="How long; another alert of a neighbour begins it again."
    )


class SecondLook(Section):
    """Who is asked about a visit that was decided narrowly; `privacy.second_look` has to allow it."""

    band: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.12, description="A visit whose mask score is nearer to 0.5 than this is looked at again."
    )
    to: str = Field(
        min_length=1,
        max_length=1024,
        description="Thing name of an analyser on the same broker, or the http(s) address of its `/mask/`.",
        json_schema_extra=allowed("a thing name such as analyser-01, or an address such as https://analyser/mask/"),
    )
    token_file: FilePath | None = Field(default=None, description="Holds the token for an http(s) address.")
    ca: FilePath | None = Field(default=None, description="Certificates that an https address is checked with.")
    per_hour: Annotated[int, Field(ge=1, le=100_000)] = Field(default=60, description="Most looks in an hour.")
    timeout: Annotated[Seconds, duration(at_least=0.1, at_most=600)] = Field(
        default=Seconds(10.0), description="An answer that takes longer is not waited for."
    )

    @property
    def is_address(self) -> bool:
        """Whether an http(s) address is asked, and not a thing."""
        return "://" in self.to


class Peers(Section):
    """Frames that this device gives to others with room, and takes from them."""

    offer: bool = Field(default=False, description="Give frames to peers while this device cannot keep up.")
    accept: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Frames of others that this device takes at a time; 0 takes none."
    )
    group: str = Field(
        default="", max_length=64, description="Only devices whose `fleet.group` is the same; empty: `fleet.group`."
    )


class FleetPackages(Section):
    """Model packages from outside, as `model/desired` wants them."""

    keys: tuple[FilePath, ...] = Field(
        default=(), description="Public keys (minisign). With one, a package needs the signature of one of them."
    )
    sources: tuple[str, ...] = Field(
        default=(),
        description="Where packages may come from: beginnings of oci://, https:// or file:// addresses."
        " Empty: wherever `model/desired` says, as long as `keys` are set.",
        json_schema_extra=allowed("addresses that begin with oci://, https:// or file://"),
    )
    username: str = Field(default="", max_length=256, description="User of the registry.")
    password_file: FilePath | None = Field(default=None, description="Holds the password of that user.")
    ca: FilePath | None = Field(default=None, description="Certificates that the registry is checked with.")
    max_bytes: Annotated[Bytes, size(at_least=1_000_000, at_most=MOST_BYTES)] = Field(
        default=Bytes(MOST_BYTES), description="Largest package that is fetched."
    )
    trial: Annotated[Seconds, duration(at_least=0, at_most=86400)] = Field(
        default=Seconds(60.0), description="How long a new model looks beside the old one before it is active."
    )
    slower: Annotated[float, Field(ge=1, le=100)] = Field(
        default=2.0, description="A new model that takes so many times as long as the old one is not activated."
    )

    def secrets(self) -> tuple[str, ...]:
        """The password, where it can be read now; whoever needs it says so otherwise."""
        try:
            return (self.read_password(),)
        except (OSError, ValueError):
            return ()

    def read_password(self) -> str:
        """The password, read anew from its file; empty without one. Raises OSError, ValueError."""
        return "" if self.password_file is None else read_whole(self.password_file).decode().rstrip("\r\n")


class FleetPictures(Section):
    """Pictures of visits for the central store; `privacy.send_pictures` has to allow it."""

    to: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Beginnings of the addresses that pictures may be put to, such as https://store.example/pictures/.",
        json_schema_extra=allowed("addresses that begin with https:// or http://"),
    )
    ca: FilePath | None = Field(default=None, description="Certificates that the store is checked with.")


class Fleet(Section):
    """This device among others on the same broker. With this section it is announced on `about` and `room`."""

    type: Literal["gate", "cctv", "analysis"] | None = Field(
        default=None, description="What it is to others; by default what its first camera is for."
    )
    group: str = Field(default="", max_length=64, description="Devices that belong together.")
    ip: str = Field(default="", max_length=64, description="Its address; by default that towards the broker.")
    stream_url: str = Field(
        default="",
        max_length=1024,
        description="Where its picture can be watched; by default the first camera's rtsp address. User and password"
        " are cut out; `none` tells no address.",
        repr=False,
        json_schema_extra=allowed(_STREAM),
    )
    neighbours: Annotated[tuple[Thing, ...], Field(max_length=MOST_NEIGHBOURS)] = Field(
        default=(), description="Devices whose alerts make this one look more closely."
    )
    watch: Watch = Field(default=Watch(), description="How it looks more closely.")
    second_look: SecondLook | None = Field(default=None, description="Who is asked about narrow decisions.")
    peers: Peers = Field(default=Peers(), description="Frames given to others, and taken from them.")
    packages: FleetPackages = Field(default=FleetPackages(), description="Model packages that are wished from outside.")
    pictures: FleetPictures | None = Field(default=None, description="Pictures for the central store.")

    @field_validator("stream_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        is_address = re.fullmatch(r"(rtsps?|https?)://[^\s\x00-\x1f\x7f-\x9f]+", value, re.IGNORECASE)
        if value not in ("", NO_STREAM) and is_address is None:
            raise ValueError(f'"{redact(value.rpartition("@")[2])}" is none; allowed: {_STREAM}')
        return value

    @field_serializer("stream_url")
    def _without_password(self, value: str) -> str:
        return redact(value)

    @property
    def looks_for_others(self) -> bool:
        """Whether it needs a model also without a camera."""
        return self.peers.accept > 0 or self.type == "analysis"
