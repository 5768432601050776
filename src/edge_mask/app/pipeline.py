"""Builds the cameras, sensors and lanes of a house.

meters ──reading──▶ CameraState ──▶ Vision ◀── lanes ◀── Tray ◀── cameras
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from edge_mask import __version__
from edge_mask.act.album import Album
from edge_mask.app.drivers import source_of
from edge_mask.app.instruments import Instruments
from edge_mask.app.pace import PaceWatch
from edge_mask.app.thermometer import Suspicion, readings_for, thermometer_of, with_thermometer
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.decide.cctv import CctvPolicy, CctvWatch
from edge_mask.decide.gate import GateWatch
from edge_mask.decide.record import MadeBy
from edge_mask.decide.visitor import FORGET_AFTER, GatePolicy
from edge_mask.detect.detector import Detector
from edge_mask.detect.model import ModelDetector
from edge_mask.messages import Event, Frame, Shot
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import HandOff, Latest, Line, Tray
from edge_mask.settings.cameras import Camera as CameraSettings
from edge_mask.settings.cameras import Cctv
from edge_mask.settings.model import Settings
from edge_mask.track.tracker import Tracker
from edge_mask.units import Seconds
from edge_mask.vision.evidence import Examiner
from edge_mask.vision.given import Given
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Seen, Vision
from edge_mask.vision.shots import Shots

if TYPE_CHECKING:  # what is not wanted is not imported
    from edge_mask.fleet.closer import CloserLook


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """Makes these parts from what they share."""

    settings: Settings
    clock: Clock
    emit: Callable[[Event], None]
    album: Album
    frames: Tray[Frame] = field(default_factory=Tray)
    seen: Seen = field(default_factory=Seen)
    offered: Callable[[Event, Shot | None], Event] | None = None
    """Takes note of a visit that is to be looked at again, and returns at once; None where none is."""
    closer: "CloserLook | None" = None
    """Where this device looks more closely when a neighbour raises an alert."""

    def camera(self, camera: CameraSettings) -> Camera:
        """The worker of one camera. Raises Refused."""
        live = is_live(camera.source)
        frames: HandOff[Frame] = Latest(self.frames, camera.name) if live else Line(self.frames, camera.name)
        source = source_of(camera, self.clock)
        made = partial(
            Camera, camera.name, source, frames, self.clock, self.emit, is_live=live, interval=camera.interval
        )
        is_film = camera.source.lower().startswith("file:")  # its pictures have the times at which they were taken
        return made() if self.closer is None or is_film else made(interval_now=self.closer.interval)

    def pace(self, cameras: Mapping[str, Camera]) -> PaceWatch:
        """What notices intervals that cannot be kept, of the cameras that are looked at."""
        kept = {
            c.name: c.interval for c in self.settings.cameras if c.name in cameras and c.interval and is_live(c.source)
        }
        return PaceWatch(self.seen, cameras, kept)

    def vision(self, instruments: Instruments, detector: ModelDetector | None) -> Vision:
        """The trackers and decisions of all cameras, which decide on what this detector sees; without one, on what
        other devices see."""
        made_by = MadeBy(__version__, *(("none", "") if detector is None else (detector.name, detector.sha256)))
        cameras = {camera.name: self._state_of(camera, instruments, made_by) for camera in self.settings.cameras}
        publish = "all" if self.settings.topics.tflite_results else self.settings.detections
        made = partial(
            Vision, self.frames, cameras, self.emit, self.clock, seen=self.seen, publish=publish, given=self._given()
        )
        if self.closer is None:
            return made(pictured=self.album.pictured if self.offered is None else self._pictured)
        return made(pictured=self._pictured, counted=self.closer.faces)

    def _given(self) -> Given | None:
        fleet = self.settings.fleet
        return Given() if fleet is not None and fleet.peers.offer else None

    def pictured_now(self, event: Event) -> Event:
        """For what other parts have to say of a camera: with the picture of that moment, if there is one."""
        camera = getattr(event, "camera", None)
        shot = None if camera is None else self.seen.newest.get(camera)
        is_fresh = shot is not None and abs(event.at.mono - shot.frame.at.mono) <= _THAT_MOMENT
        return self._pictured(event, shot if is_fresh else None)

    def _pictured(self, event: Event, shot: Shot | None) -> Event:
        marked = event if self.closer is None else self.closer.marked(event)
        pictured = marked if shot is None else self.album.pictured(marked, shot)
        return pictured if self.offered is None else self.offered(pictured, shot)

    def lane(self, vision: Vision, detector: Detector, number: int) -> Lane:
        """The worker of one detector."""
        return Lane(vision, self.frames, detector, number)

    def _state_of(self, camera: CameraSettings, instruments: Instruments, made_by: MadeBy) -> CameraState:
        if camera.role == "cctv":
            return CameraState(Tracker(), CctvWatch(camera.name, cctv_policy(self.settings.cctv, camera), camera.zone))
        gate = self.settings.gate
        policy = GatePolicy(
            votes=gate.votes,
            window=gate.window,
            min_face=gate.min_face,
            pass_score=gate.pass_score,
            still=gate.still,
            forget_after=Seconds(max(FORGET_AFTER, _MISSED * camera.interval)),
        )
        sensor = thermometer_of(self.settings, camera)
        policy = with_thermometer(policy, self.settings, sensor)
        suspicion = Suspicion(gate.temperature_sensor or "", policy, self.emit, self.clock)
        watch = GateWatch(camera.name, policy, camera.zone, made_by, suspicion.note, self._policy_now)
        readings = readings_for(self.settings, sensor, instruments)
        shots = Shots(people=self.offered is not None or self.settings.snapshots.visits != "none")
        return CameraState(Tracker(votes=policy.vote_policy), watch, readings, Examiner(gate.window), shots)

    def _policy_now(self, usual: GatePolicy) -> GatePolicy:
        if self.closer is None or (votes := self.closer.votes(usual.votes)) == usual.votes:
            return usual
        return replace(usual, votes=votes)


_MISSED = 2.5
"""Intervals: one look may miss a face without its person having left."""
_THAT_MOMENT = 5.0
"""Seconds; what a camera saw earlier shows something else."""
_LONGEST_GAP = 300.0
_INTERVALS = 5


def cctv_policy(cctv: Cctv, camera: CameraSettings) -> CctvPolicy:
    """Looks further apart than some of the camera's own intervals are not in a row."""
    gap = Seconds(max(_LONGEST_GAP, _INTERVALS * camera.interval))
    return CctvPolicy(cctv.streak, cctv.rearm_after, cctv.empty_looks, gap)
