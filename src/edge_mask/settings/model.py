"""The whole configuration as one frozen object."""

from typing import Annotated, Final, Literal
from urllib.parse import unquote

from pydantic import BeforeValidator, Field

from edge_mask.settings.actuators import OutputSettings
from edge_mask.settings.aws import Aws
from edge_mask.settings.base import Place, Section
from edge_mask.settings.cameras import Camera, Cctv, DetectorSettings, Gate
from edge_mask.settings.device import Device, HealthReport, Log
from edge_mask.settings.fleet import Fleet
from edge_mask.settings.homeassistant import HomeAssistant
from edge_mask.settings.notify import Notify
from edge_mask.settings.panels import MOST as MOST_PANELS
from edge_mask.settings.panels import Panel
from edge_mask.settings.privacy import Privacy
from edge_mask.settings.sending import History, Mqtt, Outbox, TopicNames
from edge_mask.settings.sensors import AnySensor
from edge_mask.settings.series import Series
from edge_mask.settings.sink import Sink
from edge_mask.settings.snapshots import Snapshots
from edge_mask.settings.web import Web

Publish = Annotated[
    Literal["faces", "all", "off"],
    BeforeValidator(lambda value: "off" if value is False else value),  # what YAML 1.1 makes of `off`
]

_MOST_CLIENT_ID: Final = 128
"""Characters, in AWS IoT."""
_CHECK: Final = "-check"
_FLEET: Final = "-fleet"


class Settings(Section):
    """Everything a person can choose."""

    device: Device = Field(default_factory=Device, description="Who this device is.")
    cameras: tuple[Camera, ...] = Field(default=(), description="What looks; at least one camera or sensor is needed.")
    detector: DetectorSettings = Field(default=DetectorSettings(), description="The mask model.")
    sensors: tuple[AnySensor, ...] = Field(default=(), description="What measures.")
    outputs: tuple[OutputSettings, ...] = Field(default=(), description="What rules can switch: lamps, buzzers, gates.")
    gate: Gate = Field(default=Gate(), description="How a person at a `gate` camera is judged.")
    cctv: Cctv = Field(default=Cctv(), description="When a `cctv` camera raises an alert.")
    mqtt: Mqtt = Field(default=Mqtt(), description="The broker.")
    aws: Aws = Field(default=Aws(), description="What belongs to AWS alone.")
    topics: TopicNames = Field(default=TopicNames.model_validate({}), description="Where each kind of message goes.")
    outbox: Outbox = Field(default=Outbox(), description="What waits on disk for the broker.")
    history: History = Field(default=History(), description="Retention of what was seen and measured.")
    rules: Annotated[tuple[str, ...], Place()] = Field(
        default=(), description="Rule files, or patterns such as `config/rules/*.yaml`."
    )
    forward: Literal["all", "rules-only"] = Field(
        default="all", description="`rules-only` sends nothing but what a rule republishes."
    )
    detections: Publish = Field(
        default="faces",
        description="Which analysed frames make a `detections` message: those with a face, all, or none.",
    )
    snapshots: Snapshots = Field(default=Snapshots(), description="Pictures kept on the device.")
    privacy: Privacy = Field(default=Privacy(), description="What may leave the device of the people whom it sees.")
    series: Series | None = Field(
        default=None,
        description="Readings over months. Without it they are kept where a sensor has `outliers`, as by default.",
    )
    homeassistant: HomeAssistant = Field(
        default=HomeAssistant(), description="Home Assistant finds this device by itself."
    )
    notify: Notify = Field(default=Notify(), description="Who is told on their telephones.")
    web: Web = Field(default=Web(), description="The operator's page, the HTTP API and metrics.")
    panels: tuple[Panel, ...] = Field(
        default=(), max_length=MOST_PANELS, description="Public figures that the page shows, read once a day."
    )
    fleet: Fleet | None = Field(default=None, description="This device among others; without it nobody hears of it.")
    sink: Sink | None = Field(default=None, description="The central store, for `edge-mask sink` alone.")
    log: Log = Field(default=Log(), description="What is logged on stderr.")
    health: HealthReport = Field(default=HealthReport(), description="The `health` messages.")

    @property
    def kept_series(self) -> Series | None:
        """The section in force; None while no series are kept."""
        if self.series is None and any(sensor.outliers is not None for sensor in self.sensors):
            return Series()
        return self.series

    @property
    def is_only_a_sink(self) -> bool:
        """Whether it is for `edge-mask sink` alone: no device."""
        return self.sink is not None and not self.cameras and not self.sensors

    @property
    def uses_shadow(self) -> bool:
        """Whether the cloud's shadows are spoken with."""
        return self._is_on(self.aws.shadow)

    @property
    def uses_jobs(self) -> bool:
        """Whether the cloud's jobs are carried out."""
        return self._is_on(self.aws.jobs)

    def _is_on(self, choice: bool | None) -> bool:
        return self.mqtt.transport in ("aws-iot", "greengrass") if choice is None else choice

    @property
    def client_id(self) -> str:
        """The MQTT client id of the daemon."""
        return self.mqtt.client_id or self.device.thing_name

    @property
    def check_client_id(self) -> str:
        """That of `edge-mask check`: another, since a broker would hang up on the daemon for its sake."""
        return self._beside(_CHECK)

    @property
    def fleet_client_id(self) -> str:
        """That of `edge-mask fleet`, likewise."""
        return self._beside(_FLEET)

    def _beside(self, name: str) -> str:
        return f"{self.client_id[: _MOST_CLIENT_ID - len(name)]}{name}"

    def secrets(self) -> tuple[str, ...]:
        """Every secret in it, for the redactor of the logs. Raises OSError for an unreadable password or PIN file."""
        pin = None if self.aws.pkcs11 is None else self.aws.pkcs11.read_pin()
        found = [self.mqtt.read_password() or "", pin or "", *(_url_password(camera.source) for camera in self.cameras)]
        found += [secret for target in self.notify.targets for secret in target.secrets()]
        found += [] if self.fleet is None else [_url_password(self.fleet.stream_url)]
        found += [] if self.sink is None else self.sink.secrets()
        found += [] if self.fleet is None else self.fleet.packages.secrets()
        return tuple(dict.fromkeys(text for secret in found if secret for text in (secret, unquote(secret))))


def _url_password(url: str) -> str:
    """The password of an address: up to the last '@', because it may contain '@' or '/'."""
    return url.partition("://")[2].rpartition("@")[0].partition(":")[2]
