"""The sections about sending: mqtt, topics, history, outbox."""

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from edge_mask.quantities import duration, rate, size
from edge_mask.redact import HIDDEN, redact
from edge_mask.settings.base import FilePath, Port, Section, allowed, read_whole
from edge_mask.units import Bytes, Seconds

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""Refuse control characters: MQTT does not allow them, and brokers hang up."""
_DATABASE = "the name of a file on this device, such as /var/lib/edge-mask/edge-mask.db"
_HOST = "a name or an address alone, such as broker.example or 192.168.1.10; its port is a key of its own, mqtt.port"


def _is_database(value: object) -> object:
    """Refuse names with a special meaning in SQLite: `:memory:` is a new database for each connection."""
    if isinstance(value, str) and (
        value.startswith((":", "file:")) or value.endswith("/") or Path(value).name in ("", "..")
    ):
        raise ValueError(f'found "{redact(value)}"; allowed: {_DATABASE}')
    return value


class Tls(Section):
    """Encryption, and who the device is to the broker."""

    ca: FilePath | None = Field(
        default=None, description="CA certificates that verify the broker; by default the system's."
    )
    cert: FilePath | None = Field(
        default=None, description="The device's own certificate, for brokers that ask for one."
    )
    key: FilePath | None = Field(default=None, description="Private key of `cert`.")


class Mqtt(Section):
    """The broker."""

    transport: Literal["mqtt", "aws-iot", "greengrass", "none"] = Field(
        default="mqtt",
        description="`mqtt` is any broker; `aws-iot` is AWS IoT Core with a certificate; `greengrass` goes through the"
        " nucleus that runs this component; `none` sends nothing and keeps everything on the device.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Name or address of the broker.",
        json_schema_extra={**allowed(_HOST), "pattern": r"^[^\s/@?#\[\]]+$"},
    )
    port: Port = Field(
        default=1883, description="Port of the broker; 8883 with `tls` or `aws-iot` when no port is given."
    )
    protocol: Annotated[
        Literal["5", "3.1.1"], BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value)
    ] = Field(default="5", description="Version of MQTT that the broker speaks.")
    client_id: str | None = Field(
        default=None,
        pattern=_PRINTABLE,
        min_length=1,
        max_length=128,
        description="MQTT client id, when it must not be the thing name.",
        json_schema_extra=allowed("1 to 128 characters that can be printed"),
    )
    keepalive: Annotated[Seconds, duration(at_least=5, at_most=1200)] = Field(
        default=Seconds(30.0), description="MQTT keepalive: a dead connection is noticed after about twice this time."
    )
    require_subscriber: bool = Field(
        default=False,
        description="A stored message that nobody subscribes to counts as not delivered: it waits until somebody does."
        " Needs MQTT 5. Brokers acknowledge such a message and throw it away.",
    )
    tls: Tls | None = Field(default=None, description="Use TLS; `tls: {}` with the system's certificates.")
    username: str | None = Field(
        default=None,
        pattern=_PRINTABLE,
        min_length=1,
        max_length=1024,
        description="User name for the broker.",
        json_schema_extra=allowed("1 to 1024 characters that can be printed"),
    )
    password_file: FilePath | None = Field(default=None, description="File that holds the password, and nothing else.")
    password: SecretStr | None = Field(
        default=None, description="The password, only as a variable of the environment: `${MQTT_PASSWORD}`."
    )

    @model_validator(mode="before")
    @classmethod
    def _tls_port(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "port" in value:
            return value
        if value.get("tls") is not None or value.get("transport") == "aws-iot":
            return {**value, "port": 8883}
        return value

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if not _can_be_a_host(value):
            _, at, rest = value.rpartition("@")  # a URL may have a password before its '@'
            raise ValueError(f'found "{HIDDEN + at if at else ""}{rest}"; allowed: {_HOST}')
        return value

    def read_password(self) -> str | None:
        """The password, read anew from its file; None without one. Raises OSError."""
        if self.password_file is not None:
            return read_whole(self.password_file).decode().rstrip("\r\n")
        return None if self.password is None else self.password.get_secret_value()


def _can_be_a_host(value: str) -> bool:
    """Whether it can be a host name: no URL, no port, no empty part, not too long."""
    if ":" in value:
        try:
            return isinstance(ip_address(value), IPv6Address)
        except ValueError:
            return False
    parts = value.removesuffix(".").split(".")
    return (
        not re.search(r"[\s\0-\x1f/@?#\[\]]", value)
        and all(0 < len(part) <= 63 for part in parts)
        and len(value) <= 253
    )


class TopicNames(Section):
    """The topics; what is not renamed here stands below the root under its own name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    root: str = Field(
        default="edge-mask/{thing}", description="What every topic begins with; `{thing}` is the thing name."
    )
    detections: str | None = Field(default=None, description="Topic of `detections`, when it is not below the root.")
    visits: str | None = Field(default=None, description="Topic of `visits`, when it is not below the root.")
    amendments: str | None = Field(default=None, description="Topic of `amendments`, when it is not below the root.")
    looks: str | None = Field(default=None, description="Topic of `looks`, when it is not below the root.")
    alerts: str | None = Field(default=None, description="Topic of `alerts`, when it is not below the root.")
    health: str | None = Field(default=None, description="Topic of `health`, when it is not below the root.")
    status: str | None = Field(default=None, description="Topic of `status`, when it is not below the root.")
    errors: str | None = Field(default=None, description="Topic of `errors`, when it is not below the root.")
    summaries: str | None = Field(default=None, description="Topic of `summaries`, when it is not below the root.")
    records: str | None = Field(default=None, description="Topic of `records`, when it is not below the root.")
    forecasts: str | None = Field(default=None, description="Topic of `forecasts`, when it is not below the root.")
    about: str | None = Field(default=None, description="Topic of `about`, when it is not below the root.")
    room: str | None = Field(default=None, description="Topic of `room`, when it is not below the root.")
    commands: str | None = Field(
        default=None, description="What the topics of commands begin with, when they are not below the root."
    )
    tflite_results: str | None = Field(
        default=None,
        description="Topic for each look in the shape of AWS's TensorFlow Lite object detection component, for"
        " subscribers of that one; without it nothing is published so.",
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
    """Retention of visits, looks, alerts, readings and faults, which are stored in the same database."""

    keep: Annotated[Seconds, duration(at_least=3600)] = Field(
        default=Seconds(365 * 86400.0), description="Retention by age: older events are deleted."
    )
    max_bytes: Annotated[Bytes, size(at_least=10**6)] = Field(
        default=Bytes(10**9),
        description="Retention by size. Over it the oldest looks and readings are deleted first, then"
        " minutes of series, then visits and faults, then alerts.",
    )


class Outbox(Section):
    """The messages on disk that have not reached the broker."""

    path: Annotated[FilePath, BeforeValidator(_is_database)] = Field(
        default=Path("edge-mask.db"),
        description="The database; it also holds the history. What is wished from outside is kept beside it.",
        json_schema_extra=allowed(_DATABASE),
    )
    max_bytes: Annotated[Bytes, size(at_least=10**6)] = Field(
        default=Bytes(256 * 10**6),
        description="Limit for what waits. Over it the oldest telemetry is dropped.",
    )
    max_age: Annotated[Seconds, duration(at_least=60)] = Field(
        default=Seconds(30 * 86400.0), description="A message that has waited longer is dropped and counted."
    )
    drain_rate: Annotated[float, rate(at_least=0.1, at_most=10000)] = Field(
        default=100.0, description="Limit for waiting messages sent per second."
    )
    commit_interval: Annotated[Seconds, duration(at_most=10)] = Field(
        default=Seconds(0.05),
        description="Time between two commits of telemetry; visits and alerts are committed at once."
        " A power cut loses at most this.",
    )
    window: int = Field(default=50, ge=1, le=1000, description="Limit for messages sent and not acknowledged yet.")
