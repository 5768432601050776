"""Builds the cameras, sensors and lanes of a house.

meters ──reading──▶ CameraState ──▶ Vision ◀── lanes ◀── Tray ◀── cameras
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_mask.app.drivers import quality_of, sensor_of, source_of, sysfs_root
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.decide.cctv import CctvPolicy, CctvWatch
from edge_mask.decide.gate import GateWatch
from edge_mask.decide.visitor import GatePolicy
from edge_mask.detect.detector import Detector
from edge_mask.messages import Event, Frame, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import HandOff, Latest, Line, Tray
from edge_mask.sense.meter import Meter
from edge_mask.settings.cameras import Camera as CameraSettings
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import SensorSettings
from edge_mask.track.tracker import Tracker
from edge_mask.units import Moment, Seconds
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Seen, Vision

_READING_MAX_AGE = Seconds(10.0)
"""An older reading is not used in decisions; a slow sensor gets two of its intervals."""


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """Makes these parts from what they share."""

    settings: Settings
    clock: Clock
    emit: Callable[[Event], None]
    frames: Tray[Frame] = field(default_factory=Tray)
    seen: Seen = field(default_factory=Seen)

    def meter(self, sensor: SensorSettings) -> Meter:
        """The worker of one sensor. Raises Refused."""
        return Meter(sensor_of(sensor, self.clock, sysfs_root()), self.clock, self.emit, policy=quality_of(sensor))

    def camera(self, camera: CameraSettings) -> Camera:
        """The worker of one camera. Raises Refused."""
        live = is_live(camera.source)
        frames: HandOff[Frame] = Latest(self.frames, camera.name) if live else Line(self.frames, camera.name)
        source = source_of(camera, self.clock)
        return Camera(camera.name, source, frames, self.clock, self.emit, is_live=live, interval=camera.interval)

    def vision(self, meters: Mapping[str, Meter]) -> Vision:
        """The trackers and decisions of all cameras; `meters` by the names of their sensors."""
        cameras = {camera.name: self._state_of(camera, meters) for camera in self.settings.cameras}
        publish = "all" if self.settings.topics.tflite_results else self.settings.detections
        return Vision(self.frames, cameras, self.emit, self.clock, seen=self.seen, publish=publish)

    def lane(self, vision: Vision, detector: Detector, number: int) -> Lane:
        """The worker of one detector."""
        return Lane(vision, self.frames, detector, number)

    def _state_of(self, camera: CameraSettings, meters: Mapping[str, Meter]) -> CameraState:
        if camera.role == "cctv":
            cctv = self.settings.cctv
            return CameraState(
                Tracker(), CctvWatch(camera.name, CctvPolicy(cctv.streak, cctv.rearm_after), camera.zone)
            )
        gate = self.settings.gate
        policy = GatePolicy(
            votes=gate.votes,
            window=gate.window,
            min_face=gate.min_face,
            fever_above=None if gate.temperature_sensor is None else gate.fever_above,
        )
        watch = GateWatch(camera.name, policy, camera.zone)
        return CameraState(Tracker(votes=policy.vote_policy), watch, self._thermometer(meters))

    def _thermometer(self, meters: Mapping[str, Meter]) -> Callable[[Moment], Reading | None]:
        name = self.settings.gate.temperature_sensor
        if name is None or name not in meters:
            return lambda _now: None
        meter = meters[name]
        interval = next(sensor.interval for sensor in self.settings.sensors if sensor.name == name)
        max_age = Seconds(max(_READING_MAX_AGE, 2.0 * interval))
        return lambda now: meter.latest(now.mono, max_age)
