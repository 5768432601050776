"""The section of the central store, `edge-mask sink`."""

from typing import Annotated

from pydantic import Field, field_serializer

from edge_mask.quantities import duration
from edge_mask.redact import redact
from edge_mask.settings.base import FilePath, Port, Section, allowed, read_whole
from edge_mask.units import Seconds

TopicFilter = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class SinkPictures(Section):
    """S3-compatible storage for pictures of visits; devices put them there by presigned addresses."""

    endpoint: str = Field(
        pattern=r"^https?://[^/\s]+/?$",
        description="Its address.",
        json_schema_extra=allowed("an address such as https://s3.example.com"),
    )
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Its bucket, which has to exist.",
        json_schema_extra=allowed("3 to 63 lower-case letters, digits, '.' or '-'"),
    )
    region: str = Field(default="us-east-1", min_length=1, max_length=64, description="Its region.")
    access_key_file: FilePath = Field(description="Holds the access key.")
    secret_key_file: FilePath = Field(description="Holds the secret key.")
    valid_for: Annotated[Seconds, duration(at_least=10, at_most=7 * 86400)] = Field(
        default=Seconds(900.0), description="How long a device may use an address."
    )

    def read_keys(self) -> tuple[str, str]:
        """Access key and secret key, read anew from their files. Raises OSError."""
        access, secret = (read_whole(path).decode().strip() for path in (self.access_key_file, self.secret_key_file))
        return access, secret


class SinkPage(Section):
    """`/metrics` and `/healthz` of the sink."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address it listens at.")
    port: Port | None = Field(default=None, description="Its port; without one there is no page.")


class Sink(Section):
    """From the broker into PostgreSQL or MariaDB."""

    database: str = Field(
        repr=False,
        pattern=r"^(postgresql\+psycopg|(mysql|mariadb)\+pymysql)://\S+$",
        description="Where to, as SQLAlchemy writes it: postgresql+psycopg://user@host/name or mysql+pymysql://….",
        json_schema_extra=allowed("an address that begins with postgresql+psycopg:// or mysql+pymysql://"),
    )
    password_file: FilePath | None = Field(default=None, description="Holds the password of the database's user.")
    topics: TopicFilter | tuple[TopicFilter, ...] = Field(
        default="edge-mask/+/+",
        description="What is stored: a filter of topics, or several. Its first `+` stands for the device.",
    )
    live: bool = Field(
        default=False,
        description="Store what devices send at QoS 0 too (`detections`, `health`). It may be dropped on its way.",
    )
    client_id: str = Field(
        default="edge-mask-sink",
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]+$",
        description="MQTT client id. The broker keeps messages for it while it is away; two sinks have two.",
    )
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(default=500, description="Most messages in one commit.")
    wait: Annotated[Seconds, duration(at_least=0, at_most=10)] = Field(
        default=Seconds(0.02), description="How long a commit waits for more messages."
    )
    keep: Annotated[Seconds, duration(at_least=86400)] | None = Field(
        default=None, description="Rows older than this go, a partition at a time; by default none does."
    )
    partition: Annotated[Seconds, duration(at_least=3600, at_most=366 * 86400)] = Field(
        default=Seconds(86400.0), description="What one partition holds."
    )
    refill: bool = Field(default=True, description="Ask devices again for what is missing in their sequences.")
    refill_after: Annotated[Seconds, duration(at_least=0, at_most=86400)] = Field(
        default=Seconds(10.0), description="How long what is missing may take to come by itself."
    )
    page: SinkPage = Field(default=SinkPage(), description="`/metrics` and `/healthz`.")
    pictures: SinkPictures | None = Field(default=None, description="Pictures of visits.")

    @field_serializer("database")
    def _without_password(self, value: str) -> str:
        return redact(value)

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters of topics."""
        return (self.topics,) if isinstance(self.topics, str) else self.topics

    def read_password(self) -> str | None:
        """The password, read anew from its file; None without one. Raises OSError."""
        return None if self.password_file is None else read_whole(self.password_file).decode().rstrip("\r\n")

    def secrets(self) -> tuple[str, ...]:
        """The passwords of the database. Raises OSError."""
        login = self.database.partition("://")[2].rpartition("@")[0]
        keys = () if self.pictures is None else self.pictures.read_keys()[1:]
        return tuple(filter(None, (login.partition(":")[2], self.read_password(), *keys)))
