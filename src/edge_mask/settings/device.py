"""The sections about the device itself: device, log, health."""

import re
import socket
from datetime import UTC, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from edge_mask.quantities import duration
from edge_mask.settings.base import Section, allowed
from edge_mask.units import Seconds


def _host_name() -> str:
    """The machine's name as a thing name; what AWS IoT does not allow in one becomes a dash."""
    return re.sub(r"[^A-Za-z0-9:_-]+", "-", socket.gethostname()).strip("-")[:128] or "edge-mask"


class Labels(Section):
    """What a person, or a video management server, wants to know about this device."""

    name: str = Field(
        default="", max_length=256, description="Name on displays and in the registration with a management server."
    )
    type: str = Field(default="", max_length=256, description="Kind of device, for instance `dome camera`.")
    address: str = Field(default="", max_length=256, description="Where it hangs, in words.")
    latitude: float | None = Field(default=None, ge=-90, le=90, description="Degrees north.")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="Degrees east.")
    description: str = Field(default="", max_length=1024, description="Anything else.")

    def given(self) -> dict[str, str | float]:
        """The labels that are set, by name."""
        return self.model_dump(exclude_defaults=True)


class Device(Section):
    """Who this device is."""

    thing_name: str = Field(
        default_factory=_host_name,
        pattern=r"^[A-Za-z0-9:_-]{1,128}$",
        description="MQTT client id, `thing` in every message and `{thing}` in topics; by default the host name.",
        json_schema_extra=allowed("1 to 128 letters, digits, ':', '_' or '-'"),
    )
    timezone: str = Field(
        default="UTC",
        description="Zone for hours of day and local dates, for instance `Asia/Seoul`; times on the wire are UTC.",
        json_schema_extra=allowed("a zone of the IANA database such as Asia/Seoul, or UTC"),
    )
    labels: Labels = Field(
        default=Labels(), description="What people and management servers call this device; stands in its `status`."
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            if value != "UTC":
                ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f'there is no time zone "{value}" on this machine; allowed: a zone such as Asia/Seoul, or UTC'
            ) from error
        return value

    @property
    def zone(self) -> tzinfo:
        """The site's zone; UTC needs no zone database."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class Log(Section):
    """What is logged on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Lowest level logged.")
    format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="`console` is text for people, `json` one object per line; `auto` decides by the terminal.",
    )


class HealthReport(Section):
    """The `health` messages."""

    interval: Annotated[Seconds, duration(at_least=1, at_most=86400)] = Field(
        default=Seconds(30.0), description="Time between two `health` messages."
    )
