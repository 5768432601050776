"""One house in the making: the only file that sees every room.

transport ◀─ couriers ◀─ recorder ◀─ vision ◀─ cameras          (built and started in this order,
                            ▲───────── meters, health            stopped the other way round)
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge_mask.act.actions import Actions
from edge_mask.act.outputs import Outputs
from edge_mask.app.connection import certificate_watch, connection_for
from edge_mask.app.control import Lent
from edge_mask.app.couriers import CourierGroup
from edge_mask.app.drivers import detectors_of
from edge_mask.app.gate_devices import GateDevices, output_line
from edge_mask.app.health import HealthFigures, HealthReporter
from edge_mask.app.home import announcer_for
from edge_mask.app.idle import IdleCheck
from edge_mask.app.instruments import Instruments
from edge_mask.app.latest import latest_for
from edge_mask.app.notify import Notifying
from edge_mask.app.part_states import PartStates
from edge_mask.app.pictures import album_for
from edge_mask.app.pipeline import PipelineParts
from edge_mask.app.sensors import topics_heard
from edge_mask.app.web import Page
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.courier import Courier
from edge_mask.deliver.factory import broker_for
from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.detector import Detector
from edge_mask.detect.model import ModelDetector
from edge_mask.detect.shared_detector import SharedDetector
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.inspection import Inspection
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault
from edge_mask.recording.inspector import Inspector
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Inbox
from edge_mask.recording.recorder import Recorder
from edge_mask.rules.echoes import Echoes
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock, boot_id
from edge_mask.runtime.door import Door
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Job, Worker
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision
from edge_mask.wire.tflite_component import TfliteResults
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

if TYPE_CHECKING:  # drags the connection to the nucleus in
    from edge_mask.control.component import Component


class Assembly:
    """Builds the parts of a house in order, from what they share."""

    def __init__(
        self,
        settings: Settings,
        rules: RuleSet,
        clock: Clock,
        door: Door,
        undo: ExitStack,
        wishes: Wishes | None = None,
        component: "Component | None" = None,
    ) -> None:
        """`undo` closes everything again when a later part fails."""
        self._settings = settings
        self._rules = rules
        self._clock = clock
        self._door = door
        self._undo = undo
        self._wishes = wishes
        self._component = component
        self._boot = boot_id()
        self._topics = Topics(settings.topics.root, settings.device.thing_name, settings.topics.renames)
        self._inbox = Inbox()
        self._echoes = Echoes(topics_heard(settings.sensors))
        self._couriers = CourierGroup()
        self._besides: list[Job] = []
        """Jobs that use the connection to the broker beside its courier."""
        self._connection: BrokerTransport | None = None
        self._shared: SharedDetector | None = None
        self._inspector = Inspector(Inspection(settings.outbox.path), self._inbox.ask, clock)
        self._ids = IdMaker()
        self._gate = GateDevices(settings, self._inbox, self._ids.make, clock)
        self._couriers.listeners += self._gate.on_connection
        self._notifying = Notifying(settings, clock, self._boot)
        self._parts = PipelineParts(settings, clock, self._gate.emit, album_for(settings, self._inbox.emit, clock))
        self._gate.pictured = self._parts.pictured_now
        self._page = Page(settings, wishes, self._inbox.emit, clock, self._notifying.push)
        self._page.watch(self._parts.seen)
        self._states: list[PartStates] = []
        """One for each that counts frames by itself."""

    def house(self) -> House:
        """The workers, sink first."""
        settings, parts = self._settings, self._parts
        detectors = self._detectors()
        health, actions = self._health(), self._actions()
        instruments = self._instruments()
        recorder = self._recorder(actions)
        if settings.mqtt.transport != "none":
            self._couriers.add(self._broker_courier(recorder, health, detectors, instruments))
        self._couriers.add(self._http_couriers(recorder))
        for courier in self._notifying.couriers(recorder.settle, self._inbox.emit_at_once, self._inspector.look_now):
            self._couriers.add(courier)
        vision = parts.vision(instruments, detectors[0]) if detectors else None
        lanes = [] if vision is None else [parts.lane(vision, each, n) for n, each in enumerate(self._lent(detectors))]
        cameras = {camera.name: parts.camera(camera) for camera in settings.cameras}
        self._lend(actions, cameras, instruments)
        self._attend_to_the_nucleus(vision)
        for states in self._states:
            states.cameras, states.sensors = cameras, instruments.states
        self._besides += latest_for(settings, parts.seen.newest.get, self._inbox.emit, self._clock)
        sinks: list[Job] = [actions, recorder, *self._couriers.all, *self._besides, self._inspector, health]
        sinks += self._gate.jobs
        senders = [self._worker(meter) for meter in instruments.jobs]
        minds = [self._worker(lane) for lane in lanes]
        lenses = {name: self._worker(camera) for name, camera in cameras.items()}
        finite = [
            *(sender for sender in senders if sender.job in instruments.finite),
            *(lenses[camera.name] for camera in settings.cameras if not is_live(camera.source) and not camera.loop),
        ]
        idleness = IdleCheck(
            finite, vision, self._inbox.ask, self._couriers.all, self._inspector.has_looked, self._gate
        )
        is_endless = any(not is_live(camera.source) and camera.loop for camera in settings.cameras)
        watched = [each.check for each in (*cameras.values(), *instruments.jobs, parts.pace(cameras))]

        def check(now: Seconds) -> None:
            for judge in watched:
                judge(now)

        return House(
            [*map(self._worker, sinks), *senders, *minds, *lenses.values(), *map(self._worker, self._gate.last(minds))],
            check=check,
            is_idle=lambda now: not is_endless and idleness.is_complete(now),
            complain=self._complain,
        )

    # -- one part after the other ------------------------------------------------------------------------

    def _worker(self, job: Job) -> Worker:
        return Worker(job, self._clock, self._door.failed)

    def _complain(self, component: str, code: str, text: str) -> None:
        self._inbox.emit(Fault(at=self._clock.now(), component=component, code=code, text=text))

    def _detectors(self) -> list[ModelDetector]:
        """None without cameras: then no model is loaded."""
        detectors = detectors_of(self._settings) if self._settings.cameras else []
        for detector in detectors:
            self._undo.callback(detector.close)
        if self._wishes is not None:
            card = detectors[0].card if detectors else None
            self._wishes.looks_with(None if card is None else (card.name, card.version))
        return detectors

    def _recorder(self, actions: Actions) -> Recorder:
        outbox, history = self._settings.outbox, self._settings.history
        bounds = Bounds(outbox.max_bytes, outbox.max_age, history.keep, history.max_bytes)
        ledger = Ledger(outbox.path, bounds, self._boot)
        ledger.open()
        self._undo.callback(ledger.close)
        intake = Intake(
            thing=self._settings.device.thing_name,
            topics=self._topics,
            sequences=ledger.sequences,
            shadows=ledger.shadows,
            boot=self._boot,
            new_id=self._ids.make,
            destination=None if self._settings.mqtt.transport == "none" else "mqtt",
            rules=self._rules,
            forward=self._settings.forward,
            secrets=self._settings.secrets(),
            tflite_results=self._tflite_results(),
            echoes=self._echoes,
            notices=self._notifying.desk(ledger, self._ids.make),
            on_admit=self._page.on_admit,
        )
        return Recorder(
            ledger,
            intake,
            self._inbox.mailbox,
            self._clock,
            commit_interval=outbox.commit_interval,
            on_live=self._couriers.offer_live,
            on_commit=self._couriers.poke,
            on_erase=self._couriers.read_again,
            on_action=actions.perform,
            on_event=self._page.on_event,
        )

    def _instruments(self) -> Instruments:
        has_rules = bool(self._rules.rules)
        on_heard = self._inbox.emit if has_rules else None
        emit, depth_of = self._inbox.emit, self._echoes.depth_of
        return Instruments(self._settings, self._clock, emit, on_heard, depth_of, self._gate.listeners)

    def _attend_to_the_nucleus(self, vision: Vision | None) -> None:
        def is_occupied() -> bool:
            return (vision is not None and vision.is_occupied) or not self._gate.is_settled

        if self._component is not None:
            self._besides.append(self._component.worker(is_occupied, self._clock))

    def _tflite_results(self) -> TfliteResults | None:
        if self._settings.topics.tflite_results is None:
            return None
        return TfliteResults(self._topics.of("tflite_results"), self._settings.detections)

    def _actions(self) -> Actions:
        owned = self._gate.switches
        lines = {each.name: output_line(each) for each in self._settings.outputs if each.name not in owned}
        newest = self._parts.seen.newest.get
        return Actions(self._parts.album, Outputs(lines), newest, self._inbox.emit, self._clock, owned)

    def _broker_courier(
        self,
        recorder: Recorder,
        health: HealthReporter,
        detectors: Sequence[ModelDetector],
        instruments: Instruments,
    ) -> Courier:
        outbox = self._settings.outbox
        broker = broker_for(self._settings.mqtt, outbox, self._boot)
        rows = Outbox(outbox.path, broker.name, self._inspector.look_now)
        model = detectors[0].name if detectors else None
        transport = self._connection = self._transport(health, model)
        self._announce(transport, health, model, instruments)
        instruments.subscribe_with(transport.subscribe)
        self._listen_to_the_cloud(transport)
        return Courier(broker, transport, rows, recorder.settle, self._inbox.emit_at_once, self._clock)

    def _listen_to_the_cloud(self, transport: BrokerTransport) -> None:
        """Shadows and jobs of AWS IoT, where they are wanted."""
        settings = self._settings
        if self._wishes is None or not (settings.uses_shadow or settings.uses_jobs):
            return
        from edge_mask.app.cloud import cloud_for  # what is not wanted is not imported

        cloud = cloud_for(settings, transport, self._wishes, self._inbox, self._clock)
        self._couriers.listeners.append(cloud.state_changed)
        self._couriers.watchers.append(cloud.recorded)
        self._besides.append(cloud)

    def _announce(
        self, transport: BrokerTransport, health: HealthReporter, model: str | None, instruments: Instruments
    ) -> None:
        """Tell Home Assistant of this device, where that is wanted."""
        emit, refresh = self._inbox.emit, health.report_now
        announcer = announcer_for(self._settings, self._topics, model, transport, self._clock, emit, refresh)
        if announcer is not None:
            self._couriers.listeners.append(announcer.state_changed)
            self._besides.append(announcer)
            instruments.tell_of_newcomers(announcer.met)

    def _http_couriers(self, recorder: Recorder) -> HttpCouriers:
        return HttpCouriers(
            self._settings.outbox.path,
            recorder.settle,
            self._inbox.emit_at_once,
            self._clock,
            boot=self._boot,
            on_damage=self._inspector.look_now,
        )

    def _transport(self, health: HealthReporter, model: str | None) -> BrokerTransport:
        def on_state(connected: bool, reason: str) -> None:
            self._couriers.state_changed(connected, reason)
            if connected:
                health.report_now()

        return connection_for(self._settings, self._topics, model, self._clock, on_state)

    def _lent(self, detectors: Sequence[ModelDetector]) -> list[Detector]:
        """Where commands are taken, the first lane shares its model with pictures that are sent along."""
        is_asked = self._connection is not None or self._settings.web.enabled
        if not is_asked or self._wishes is None or not detectors:
            return list(detectors)
        self._shared = SharedDetector(detectors[0])
        return [self._shared, *detectors[1:]]

    def _lend(self, actions: Actions, cameras: Mapping[str, Camera], instruments: Instruments) -> None:
        """To those who ask from outside: over the broker, and over HTTP."""
        if self._wishes is None or (self._connection is None and not self._settings.web.enabled):
            return
        lent = Lent(
            settings=self._settings,
            topics=self._topics,
            clock=self._clock,
            wishes=self._wishes,
            transport=self._connection,
            inbox=self._inbox,
            perform=actions.perform,
            pictures=self._parts.album.store,
            seen=self._parts.seen,
            cameras=cameras,
            sensors=instruments.states,
            shared=self._shared,
            figures=self._figures(),
        )
        look = lent.look()
        clerk = lent.clerk(look)
        self._couriers.listeners.append(clerk.connected)
        self._besides.append(clerk)
        self._besides += self._page.jobs(lent, look)

    def _health(self) -> HealthReporter:
        return HealthReporter(self._figures(), self._inbox.emit, self._clock, self._settings.health.interval)

    def _figures(self) -> HealthFigures:
        settings, parts = self._settings, self._parts
        states = PartStates(parts.seen, self._clock)
        self._states.append(states)
        return HealthFigures(
            parts.seen if settings.cameras else None,
            parts.frames,
            settings.outbox.path,
            self._boot,
            self._clock,
            self._rules,
            live_dropped=lambda: self._couriers.live_dropped,
            certificate=certificate_watch(settings, self._inbox.emit),
            parts=states,
            zone=settings.device.zone,
        )
