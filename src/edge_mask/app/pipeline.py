"""Builds the cameras, sensors and lanes of a house.

meters ──reading──▶ CameraState ──▶ Vision ◀── lanes ◀── Tray ◀── cameras
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge_mask.act.album import Album
from edge_mask.app.drivers import source_of
from edge_mask.app.instruments import Instruments
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.decide.cctv import CctvPolicy, CctvWatch
from edge_mask.decide.gate import GateWatch
from edge_mask.decide.visitor import GatePolicy
from edge_mask.detect.detector import Detector
from edge_mask.messages import Event, Frame, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import HandOff, Latest, Line, Tray
from edge_mask.settings.cameras import Camera as CameraSettings
from edge_mask.settings.cameras import Cctv
from edge_mask.settings.model import Settings
from edge_mask.track.tracker import Tracker
from edge_mask.units import Moment, Seconds
from edge_mask.vision.evidence import Examiner
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Seen, Vision
from edge_mask.vision.shots import Shots


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """Makes these parts from what they share."""

    settings: Settings
    clock: Clock
    emit: Callable[[Event], None]
    album: Album
    frames: Tray[Frame] = field(default_factory=Tray)
    seen: Seen = field(default_factory=Seen)

    def camera(self, camera: CameraSettings) -> Camera:
        """The worker of one camera. Raises Refused."""
        live = is_live(camera.source)
        frames: HandOff[Frame] = Latest(self.frames, camera.name) if live else Line(self.frames, camera.name)
        source = source_of(camera, self.clock)
        return Camera(camera.name, source, frames, self.clock, self.emit, is_live=live, interval=camera.interval)

    def vision(self, instruments: Instruments) -> Vision:
        """The trackers and decisions of all cameras."""
        cameras = {camera.name: self._state_of(camera, instruments) for camera in self.settings.cameras}
        publish = "all" if self.settings.topics.tflite_results else self.settings.detections
        return Vision(
            self.frames, cameras, self.emit, self.clock,
            seen=self.seen, publish=publish, pictured=self.album.pictured,
        )  # fmt: skip

    def lane(self, vision: Vision, detector: Detector, number: int) -> Lane:
        """The worker of one detector."""
        return Lane(vision, self.frames, detector, number)

    def _state_of(self, camera: CameraSettings, instruments: Instruments) -> CameraState:
        if camera.role == "cctv":
            return CameraState(Tracker(), CctvWatch(camera.name, cctv_policy(self.settings.cctv, camera), camera.zone))
        gate = self.settings.gate
        policy = GatePolicy(
            votes=gate.votes,
            window=gate.window,
            min_face=gate.min_face,
            fever_above=None if gate.temperature_sensor is None else gate.fever_above,
            pass_score=gate.pass_score,
            still=gate.still,
        )
        watch = GateWatch(camera.name, policy, camera.zone)
        shots = Shots(people=self.settings.snapshots.visits != "none")
        return CameraState(Tracker(votes=policy.vote_policy), watch, self._thermometer(instruments), Examiner(), shots)

    def _thermometer(self, instruments: Instruments) -> Callable[[Moment], Reading | None]:
        name = self.settings.gate.temperature_sensor
        return (lambda _now: None) if name is None else instruments.latest(name, "temperature")


_LONGEST_GAP = 300.0
_INTERVALS = 5


def cctv_policy(cctv: Cctv, camera: CameraSettings) -> CctvPolicy:
    """Looks further apart than some of the camera's own intervals are not in a row."""
    gap = Seconds(max(_LONGEST_GAP, _INTERVALS * camera.interval))
    return CctvPolicy(cctv.streak, cctv.rearm_after, cctv.empty_looks, gap)
