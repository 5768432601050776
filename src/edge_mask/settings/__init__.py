"""The configuration: one frozen object, or sentences."""

from edge_mask.settings.cameras import Camera, Cctv, DetectorSettings, Gate
from edge_mask.settings.device import Device, HealthReport, Labels, Log
from edge_mask.settings.load import LoadedSettings, load, load_with_overlay, parse
from edge_mask.settings.measures import SensorSettings
from edge_mask.settings.model import Settings
from edge_mask.settings.overlay import Overlay
from edge_mask.settings.schema import schema
from edge_mask.settings.sending import Mqtt, Outbox, Tls, TopicNames
from edge_mask.settings.snapshots import Snapshots
from edge_mask.settings.web import Web

__all__ = [
    "Camera",
    "Cctv",
    "DetectorSettings",
    "Device",
    "Gate",
    "HealthReport",
    "Labels",
    "LoadedSettings",
    "Log",
    "Mqtt",
    "Outbox",
    "Overlay",
    "SensorSettings",
    "Settings",
    "Snapshots",
    "Tls",
    "TopicNames",
    "Web",
    "load",
    "load_with_overlay",
    "parse",
    "schema",
]  # fmt: skip
