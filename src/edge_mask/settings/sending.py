"""Where messages go: mqtt, topics, outbox."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from edge_mask.redact import HIDDEN, redact
from edge_mask.settings.base import Port, Section, allowed
from edge_mask.settings.quantities import duration, rate, size
from edge_mask.units import Bytes, Seconds

LATER_TRANSPORTS = ("aws-iot", "greengrass")


_HOST = "a name or an address alone, such as broker.example or 192.168.1.10; its port is a key of its own, mqtt.port"


def _runs_now(value: object) -> object:
    if value in LATER_TRANSPORTS:
        raise ValueError(f"transport {value} comes with a later version; allowed now: mqtt, none")
    return value


class Tls(Section):
    """Encryption, and who the device is to the broker."""

    ca: Path | None = Field(
        default=None, description="Certificates the broker is checked against; without it the system's."
    )
    cert: Path | None = Field(default=None, description="The device's own certificate, for brokers that ask for one.")
    key: Path | None = Field(default=None, description="Private key of `cert`.")


class Mqtt(Section):
    """The broker."""

    transport: Annotated[Literal["mqtt", "none"], BeforeValidator(_runs_now)] = Field(
        default="mqtt", description="`mqtt` is any broker; `none` sends nothing and keeps everything on the device."
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Name or address of the broker.",
        json_schema_extra={**allowed(_HOST), "pattern": "^[^/@]+$"},
    )
    port: Port = Field(default=1883, description="Port of the broker; 8883 when `tls` is there and no port is given.")
    protocol: Annotated[
        Literal["5", "3.1.1"], BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value)
    ] = Field(default="5", description="Version of MQTT that the broker speaks.")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=128, description="MQTT client id, when it must not be the thing name."
    )
    keepalive: Annotated[Seconds, duration(at_least=5, at_most=1200)] = Field(
        default=Seconds(30.0), description="A dead connection is noticed after about twice this time."
    )
    tls: Tls | None = Field(default=None, description="Use TLS; `tls: {}` with the system's certificates.")
    username: str | None = Field(default=None, min_length=1, description="User name for the broker.")
    password_file: Path | None = Field(default=None, description="File that holds the password, and nothing else.")
    password: SecretStr | None = Field(
        default=None, description="The password, only as a variable of the environment: `${MQTT_PASSWORD}`."
    )

    @model_validator(mode="before")
    @classmethod
    def _tls_port(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("tls") is not None and "port" not in value:
            return {**value, "port": 8883}
        return value

    @field_validator("host")
    @classmethod
    def _is_no_url(cls, value: str) -> str:
        if "/" in value or "@" in value:  # a URL has both slashes and, perhaps, a password before its '@'
            _, at, rest = value.rpartition("@")
            raise ValueError(f'found "{HIDDEN + at if at else ""}{rest}"; allowed: {_HOST}')
        return value

    def read_password(self) -> str | None:
        """The password, read anew from its file; None without one. Raises OSError."""
        if self.password_file is not None:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        return None if self.password is None else self.password.get_secret_value()


class TopicNames(Section):
    """The topics; what is not renamed here stands below the root under its own name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    root: str = Field(
        default="edge-mask/{thing}", description="What every topic begins with; `{thing}` is the thing name."
    )
    detections: str | None = Field(default=None, description="Topic of `detections`, when it is not below the root.")
    visits: str | None = Field(default=None, description="Topic of `visits`, when it is not below the root.")
    looks: str | None = Field(default=None, description="Topic of `looks`, when it is not below the root.")
    alerts: str | None = Field(default=None, description="Topic of `alerts`, when it is not below the root.")
    health: str | None = Field(default=None, description="Topic of `health`, when it is not below the root.")
    status: str | None = Field(default=None, description="Topic of `status`, when it is not below the root.")
    errors: str | None = Field(default=None, description="Topic of `errors`, when it is not below the root.")
    commands: str | None = Field(
        default=None, description="What command topics begin with, when it is not below the root."
    )
    temperature: str | None = Field(
        default=None,
        description="Topic of `temperature`; every other quantity of a sensor can be renamed the same way.",
    )

    @property
    def renames(self) -> dict[str, str]:
        """The topics that are not below the root, by kind or quantity."""
        return {name: topic for name, topic in self if name != "root" and topic is not None}


class History(Section):
    """What was seen and measured, in the same database: visits, looks, alerts, readings, faults."""

    keep: Annotated[Seconds, duration(at_least=3600)] = Field(
        default=Seconds(365 * 86400.0), description="How long it is kept."
    )
    max_bytes: Annotated[Bytes, size(at_least=10**6)] = Field(
        default=Bytes(10**9),
        description="Space it may take; the oldest looks and readings go first, then visits and faults, then alerts.",
    )


class Outbox(Section):
    """The messages on disk that have not reached the broker."""

    path: Path = Field(default=Path("edge-mask.db"), description="The database; it also holds the history.")
    max_bytes: Annotated[Bytes, size(at_least=10**6)] = Field(
        default=Bytes(256 * 10**6), description="Space that waiting messages may take; the oldest telemetry goes first."
    )
    max_age: Annotated[Seconds, duration(at_least=60)] = Field(
        default=Seconds(30 * 86400.0), description="A message that has waited longer is dropped, and counted."
    )
    drain_rate: Annotated[float, rate(at_least=0.1, at_most=10000)] = Field(
        default=100.0, description="Waiting messages sent per second, beside live ones."
    )
    commit_interval: Annotated[Seconds, duration(at_most=10)] = Field(
        default=Seconds(0.05),
        description="Telemetry is written to disk in groups of so long; visits and alerts at once."
        " A power cut loses at most this.",
    )
    window: int = Field(default=50, ge=1, le=1000, description="Messages under way whose arrival is not confirmed yet.")

    @field_validator("path")
    @classmethod
    def _is_a_file(cls, value: Path) -> Path:
        """To SQLite some names are no files: each connection would have a database of its own."""
        text = str(value)
        if text.startswith((":memory:", "file:")) or value.name in ("", ".."):
            raise ValueError(
                f'found "{redact(text)}"; allowed: the name of a file on this device, such as /var/lib/edge-mask/db'
            )
        return value
