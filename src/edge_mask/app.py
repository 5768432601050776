"""The composition root: from Settings to a House. The only file that sees every room.

transport ◀─ courier ◀─ recorder ◀─ vision ◀─ cameras          (built and started in this order,
                           ▲───────── meters, health            stopped the other way round)
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack

from edge_mask import __version__
from edge_mask.act.actions import Actions
from edge_mask.act.line import line_for
from edge_mask.act.outputs import Outputs
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.decide.cctv import CctvPolicy, CctvWatch
from edge_mask.decide.gate import GateWatch
from edge_mask.decide.sight import Watch
from edge_mask.decide.visitor import GatePolicy
from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Broker
from edge_mask.deliver.factory import transport_for
from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.model import ModelDetector
from edge_mask.health import HealthFigures, HealthReporter
from edge_mask.idle import Idleness
from edge_mask.kinds import STATUS
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.inspection import Inspection
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Face, Fault, Frame, Message, Reading
from edge_mask.parts import (
    detectors_of,
    quality_of,
    rule_files,
    sensor_of,
    source_of,
    sysfs_root,
    what_runs,
)
from edge_mask.recording.inspector import Inspector
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Inbox
from edge_mask.recording.recorder import Recorder
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.door import Door
from edge_mask.runtime.handoff import HandOff, Latest, Line, Tray
from edge_mask.runtime.house import House
from edge_mask.runtime.timesync import boot_id
from edge_mask.runtime.worker import Job, Worker
from edge_mask.sense.meter import Meter
from edge_mask.settings.cameras import Camera as CameraSettings
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import SensorSettings
from edge_mask.track.tracker import Tracker
from edge_mask.units import Moment, Seconds
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Seen, Vision
from edge_mask.wire import status
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

log = logging.getLogger(__name__)

_READING_MAX_AGE = Seconds(10.0)
"""A reading older than this decides nothing; for a slow sensor, than two of its intervals."""


class Plan:
    """A configuration that was found right; `build` makes its house, any number of times."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        before_build: Callable[[], object] = lambda: None,
        refused: Iterable[str] = (),
    ) -> None:
        """`refused` says, once, why an overlay of the configuration is not in force.

        Raises ConfigurationError for a rule file that cannot be used.
        """
        self.settings = settings
        self._refused = list(refused)
        self._before_build = before_build
        self._clock = clock
        self._rules = RuleSet.load(rule_files(settings.rules))

    def build(self, door: Door) -> House:
        """Every part made, none started. Raises ModelError, DatabaseError or Refused; then nothing is left open."""
        self._before_build()
        with ExitStack() as undo:
            house = Assembly(self.settings, self._rules, self._clock, door, undo).house()
            undo.pop_all()
        while self._refused:
            house.complain("configuration", "overlay_refused", self._refused.pop(0))
        log.info("%s", what_runs(self.settings))
        return house


class Assembly:
    """One house in the making."""

    def __init__(
        self,
        settings: Settings,
        rules: RuleSet,
        clock: Clock,
        door: Door,
        undo: ExitStack,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._clock = clock
        self._door = door
        self._undo = undo
        self._boot = boot_id()
        device = settings.device
        self._topics = Topics(settings.topics.root, device.thing_name, settings.topics.renames)
        self._mail = Inbox()
        self._frames: Tray[Frame] = Tray()
        self._seen = Seen()
        self._meters: dict[str, Meter] = {}
        self._courier: Courier | None = None
        self._vision: Vision | None = None
        self._health = self._make_health()
        self._actions = self._make_actions()
        self._http: HttpCouriers | None = None
        self._inspector = Inspector(Inspection(settings.outbox.path), self._mail.ask, clock)

    def house(self) -> House:
        """The workers, sink first."""
        detectors = self._detectors() if self._settings.cameras else []
        recorder = self._make_recorder()
        sinks: list[Job] = [self._actions, recorder]
        if self._settings.mqtt.transport != "none":
            self._courier = self._make_courier(recorder, detectors[0].name if detectors else None)
            sinks.append(self._courier)
        self._http = HttpCouriers(
            self._settings.outbox.path,
            recorder.settle,
            self._mail.emit_at_once,
            self._clock,
            boot=self._boot,
            on_damage=self._inspector.look_now,
        )
        sinks.append(self._http)
        meters = [(self._meter(sensor), sensor) for sensor in self._settings.sensors]
        self._meters = {sensor.name: meter for meter, sensor in meters}
        lanes = self._make_lanes(detectors) if detectors else []
        cameras = [(self._camera(camera), camera) for camera in self._settings.cameras]
        workers = [self._worker(job) for job in sinks]
        workers += [self._worker(self._inspector), self._worker(self._health)]
        senders = [self._worker(meter) for meter, _ in meters]
        eyes = [self._worker(lane) for lane in lanes]
        lenses = [self._worker(camera) for camera, _ in cameras]
        finite = [
            *(w for w, (_, s) in zip(senders, meters, strict=True) if s.kind == "replay" and not s.loop),
            *(w for w, (_, c) in zip(lenses, cameras, strict=True) if not is_live(c.source) and not c.loop),
        ]
        endless = [c.name for c in self._settings.cameras if not is_live(c.source) and c.loop]
        carriers = [carrier for carrier in (self._courier, self._http) if carrier is not None]
        idleness = Idleness(finite, self._vision, self._mail.ask, carriers, self._inspector.has_looked)
        watched: list[Camera | Meter] = [*(camera for camera, _ in cameras), *(meter for meter, _ in meters)]

        def check(now: Seconds) -> None:
            for each in watched:
                each.check(now)

        return House(
            [*workers, *senders, *eyes, *lenses],
            check=check,
            is_idle=lambda now: not endless and idleness.is_complete(now),
            complain=self._complain,
        )

    # -- one part after the other ------------------------------------------------------------------------

    def _worker(self, job: Job) -> Worker:
        return Worker(job, self._clock, self._door.failed)

    def _complain(self, component: str, code: str, text: str) -> None:
        self._mail.emit(Fault(at=self._clock.now(), component=component, code=code, text=text))

    def _detectors(self) -> list[ModelDetector]:
        detectors = detectors_of(self._settings)
        for detector in detectors:
            self._undo.callback(detector.close)
        return detectors

    def _make_recorder(self) -> Recorder:
        outbox, history = self._settings.outbox, self._settings.history
        bounds = Bounds(outbox.max_bytes, outbox.max_age, history.keep, history.max_bytes)
        ledger = Ledger(outbox.path, bounds, self._boot)
        ledger.open()
        self._undo.callback(ledger.close)
        ids = IdMaker()
        intake = Intake(
            thing=self._settings.device.thing_name,
            topics=self._topics,
            sequences=ledger.sequences,
            shadows=ledger.shadows,
            boot=self._boot,
            new_id=ids.make,
            destination=None if self._settings.mqtt.transport == "none" else "mqtt",
            rules=self._rules,
            forward=self._settings.forward,
            secrets=self._settings.secrets(),
        )
        return Recorder(
            ledger,
            intake,
            self._mail.mailbox,
            self._clock,
            commit_interval=outbox.commit_interval,
            on_live=self._on_live,
            on_commit=self._on_commit,
            on_action=self._actions.perform,
        )

    def _make_actions(self) -> Actions:
        pictures = self._settings.snapshots
        store = SnapshotStore(
            pictures.dir, pictures.keep, pictures.max_bytes, pictures.temp_ttl, pictures.blur_faces, self._clock
        )
        outputs = Outputs(
            {
                o.name: line_for(
                    o.kind, path=o.path, chip=o.chip, line=o.line, active_low=o.active_low, sysfs=sysfs_root()
                )
                for o in self._settings.outputs
            }
        )
        return Actions(store, outputs, self._newest, self._mail.emit, self._clock)

    def _newest(self, camera: str) -> tuple[Frame, Sequence[Face]] | None:
        return self._seen.newest.get(camera)

    def _on_live(self, message: Message) -> None:
        if self._courier is not None:
            self._courier.offer_live(message)

    def _on_commit(self) -> None:
        if self._courier is not None:
            self._courier.poke()
        if self._http is not None:
            self._http.poke()

    def _make_courier(self, recorder: Recorder, model: str | None) -> Courier:
        outbox = self._settings.outbox
        broker = Broker(name="mqtt", boot=self._boot, window=outbox.window, drain_rate=outbox.drain_rate)
        rows = Outbox(outbox.path, broker.name, self._inspector.look_now)
        return Courier(broker, self._transport(model), rows, recorder.settle, self._mail.emit_at_once, self._clock)

    def _transport(self, model: str | None) -> BrokerTransport:
        topic, thing = self._topics.of(STATUS.name), self._settings.device.thing_name
        labels = self._settings.device.labels.given()

        def retained(payload: bytes) -> Message:
            return Message(
                topic=topic, payload=payload, priority=STATUS.priority, qos=STATUS.qos, retain=STATUS.is_retained
            )

        def birth() -> Message:
            more = {"labels": labels} if labels else {}
            return retained(status.birth(thing=thing, version=__version__, model=model, at=self._clock.now(), **more))

        return transport_for(
            self._settings.mqtt,
            client_id=thing,
            clock=self._clock,
            on_state=self._on_state,
            will=retained(status.will()),
            birth=birth,
        )

    def _on_state(self, connected: bool, reason: str) -> None:
        if self._courier is not None:
            self._courier.state_changed(connected, reason)
        if connected:
            self._health.report_now()

    def _meter(self, sensor: SensorSettings) -> Meter:
        driver = sensor_of(sensor, self._clock, sysfs_root())
        return Meter(driver, self._clock, self._mail.emit, policy=quality_of(sensor))

    def _make_health(self) -> HealthReporter:
        seen = self._seen if self._settings.cameras else None
        measure = HealthFigures(
            seen,
            self._frames,
            self._settings.outbox.path,
            self._boot,
            self._clock,
            self._rules,
            live_dropped=lambda: None if self._courier is None else self._courier.live_dropped,
        )
        return HealthReporter(measure, self._mail.emit, self._clock, self._settings.health.interval)

    def _make_lanes(self, detectors: Sequence[ModelDetector]) -> list[Lane]:
        cameras = {camera.name: self._camera_state(camera) for camera in self._settings.cameras}
        vision = self._vision = Vision(
            self._frames, cameras, self._mail.emit, self._clock, seen=self._seen, publish=self._settings.detections
        )
        return [Lane(vision, self._frames, detector, number) for number, detector in enumerate(detectors)]

    def _camera_state(self, camera: CameraSettings) -> CameraState:
        if camera.role == "cctv":
            cctv = self._settings.cctv
            watch: Watch = CctvWatch(camera.name, CctvPolicy(cctv.streak, cctv.rearm_after), camera.zone)
            return CameraState(Tracker(), watch)
        gate = self._settings.gate
        policy = GatePolicy(
            votes=gate.votes,
            window=gate.window,
            min_face=gate.min_face,
            fever_above=None if gate.temperature_sensor is None else gate.fever_above,
        )
        watch = GateWatch(camera.name, policy, camera.zone)
        return CameraState(Tracker(votes=policy.vote_policy), watch, self._thermometer(gate.temperature_sensor))

    def _thermometer(self, sensor: str | None) -> Callable[[Moment], Reading | None]:
        meter = self._meters.get(sensor or "")
        if meter is None:
            return lambda _now: None
        interval = next(s.interval for s in self._settings.sensors if s.name == sensor)
        max_age = Seconds(max(_READING_MAX_AGE, 2.0 * interval))
        return lambda now: meter.latest(now.mono, max_age)

    def _camera(self, camera: CameraSettings) -> Camera:
        live = is_live(camera.source)
        frames: HandOff[Frame] = Latest(self._frames, camera.name) if live else Line(self._frames, camera.name)
        return Camera(
            camera.name,
            source_of(camera, self._clock),
            frames,
            self._clock,
            self._mail.emit,
            is_live=live,
            interval=camera.interval,
        )
