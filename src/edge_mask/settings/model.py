"""The whole configuration as one frozen object."""

from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import BeforeValidator, Field

from edge_mask.settings.actuators import OutputSettings
from edge_mask.settings.aws import Aws
from edge_mask.settings.base import Section
from edge_mask.settings.cameras import Camera, Cctv, DetectorSettings, Gate, Snapshots
from edge_mask.settings.device import Device, HealthReport, Log, Web
from edge_mask.settings.privacy import Privacy
from edge_mask.settings.sending import History, Mqtt, Outbox, TopicNames
from edge_mask.settings.sensors import SensorSettings

Publish = Annotated[
    Literal["faces", "all", "off"],
    BeforeValidator(lambda value: "off" if value is False else value),  # what YAML 1.1 makes of `off`
]


class Settings(Section):
    """Everything a person can choose."""

    device: Device = Field(default_factory=Device, description="Who this device is.")
    cameras: tuple[Camera, ...] = Field(default=(), description="What looks; at least one camera or sensor is needed.")
    detector: DetectorSettings = Field(default=DetectorSettings(), description="The mask model.")
    sensors: tuple[SensorSettings, ...] = Field(default=(), description="What measures.")
    outputs: tuple[OutputSettings, ...] = Field(default=(), description="What rules can switch: lamps, buzzers, gates.")
    gate: Gate = Field(default=Gate(), description="How a person at a `gate` camera is judged.")
    cctv: Cctv = Field(default=Cctv(), description="When a `cctv` camera raises an alert.")
    mqtt: Mqtt = Field(default=Mqtt(), description="The broker.")
    aws: Aws = Field(default=Aws(), description="What belongs to AWS alone.")
    topics: TopicNames = Field(default=TopicNames.model_validate({}), description="Where each kind of message goes.")
    outbox: Outbox = Field(default=Outbox(), description="What waits on disk for the broker.")
    history: History = Field(default=History(), description="Retention of what was seen and measured.")
    rules: tuple[str, ...] = Field(default=(), description="Rule files, or patterns such as `config/rules/*.yaml`.")
    forward: Literal["all", "rules-only"] = Field(
        default="all", description="`rules-only` sends nothing but what a rule republishes."
    )
    detections: Publish = Field(
        default="faces",
        description="Which analysed frames make a `detections` message: those with a face, all, or none.",
    )
    snapshots: Snapshots = Field(default=Snapshots(), description="Pictures kept on the device.")
    privacy: Privacy = Field(default=Privacy(), description="What may leave the device of the people whom it sees.")
    web: Web = Field(default=Web(), description="The local dashboard.")
    log: Log = Field(default=Log(), description="What is logged on stderr.")
    health: HealthReport = Field(default=HealthReport(), description="The `health` messages.")

    def secrets(self) -> tuple[str, ...]:
        """Every secret in it, for the redactor of the logs. Raises OSError for an unreadable password or PIN file."""
        pin = None if self.aws.pkcs11 is None else self.aws.pkcs11.read_pin()
        found = [self.mqtt.read_password() or "", pin or "", *(_url_password(camera.source) for camera in self.cameras)]
        return tuple(dict.fromkeys(text for secret in found if secret for text in (secret, unquote(secret))))


def _url_password(url: str) -> str:
    """The password of an address: up to the last '@', because it may contain '@' or '/'."""
    return url.partition("://")[2].rpartition("@")[0].partition(":")[2]
