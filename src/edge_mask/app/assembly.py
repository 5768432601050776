"""One house in the making: the only file that sees every room.

transport ◀─ couriers ◀─ recorder ◀─ vision ◀─ cameras          (built and started in this order,
                            ▲───────── meters, health            stopped the other way round)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_mask.act.actions import Actions
from edge_mask.act.outputs import Outputs
from edge_mask.app.control import Lent
from edge_mask.app.desired import ModelCare
from edge_mask.app.gate_devices import GateDevices, output_line
from edge_mask.app.ground import ground_of
from edge_mask.app.health import HealthFigures, HealthReporter, health_figures
from edge_mask.app.instruments import Instruments
from edge_mask.app.latest import latest_for
from edge_mask.app.notify import Notifying
from edge_mask.app.part_states import PartStates
from edge_mask.app.pictures import album_for
from edge_mask.app.pipeline import PipelineParts
from edge_mask.app.recording import intake_for, open_ledger, recorder_for
from edge_mask.app.second_look import SecondLooking
from edge_mask.app.sending import (
    announcement_taken_back,
    broker_connection,
    broker_courier,
    cloud_listener,
    home_announcer,
    http_couriers,
)
from edge_mask.app.series import series_for
from edge_mask.app.web import Page
from edge_mask.app.workers import Built, house_of
from edge_mask.capture.camera import Camera
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.detector import Detector
from edge_mask.detect.model import ModelDetector
from edge_mask.detect.shared_detector import SharedDetector
from edge_mask.ledger.inspection import Inspection
from edge_mask.recording.inspector import Inspector
from edge_mask.recording.recorder import Recorder
from edge_mask.recording.what_waits import WhatWaits
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.door import Door
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Job
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision

if TYPE_CHECKING:  # what is not wanted is not imported
    from edge_mask.app.fleet import AmongOthers
    from edge_mask.app.peers import Sharing
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
        *,
        may_do_without_model: bool = False,
    ) -> None:
        """`undo` closes everything again when a later part fails."""
        self._settings = settings
        self._clock = clock
        self._door = door
        self._undo = undo
        self._wishes = wishes
        self._component = component
        self._ground = ground = ground_of(settings, rules, clock)
        self._care = ModelCare(ground, wishes, may_do_without=may_do_without_model)
        self._inbox = ground.inbox
        self._couriers = ground.couriers
        self._inspector = Inspector(Inspection(settings.outbox.path), ground.inbox.ask, clock)
        self._gate = GateDevices(settings, ground.inbox, ground.new_id, clock)
        self._couriers.listeners += self._gate.on_connection
        self._notifying = Notifying(settings, clock, ground.boot)
        self._second = SecondLooking(ground, wishes)
        self._fleet = self._among_others()
        self._parts = PipelineParts(
            settings, clock, self._gate.emit, album_for(settings, self._inbox.emit, clock),
            closer=None if self._fleet is None else self._fleet.closer, offered=self._second.offered,
        )  # fmt: skip
        self._gate.pictured = self._parts.pictured_now
        self._page = Page(settings, wishes, self._inbox.emit, clock, self._notifying.push)
        self._page.watch(self._parts.seen)
        self._series = series_for(settings, clock, self._inbox.emit)
        self._states: list[PartStates] = []
        """One for each that counts frames by itself."""
        self._checks: list[Callable[[Seconds], None]] = []
        """Called every second or two."""

    def house(self) -> House:
        """The workers, sink first."""
        settings, parts = self._settings, self._parts
        detectors = self._detectors()
        health, actions = self._health(), self._actions()
        instruments = self._instruments()
        recorder = self._recorder(actions)

        model = detectors[0].name if detectors else None
        connection = broker_connection(self._ground, model, health.report_now)
        besides = self._send(recorder, connection, model, health, instruments)

        asked = self._wishes if connection is not None or settings.web.enabled else None
        # Where commands are taken, the first lane shares its model with pictures that are sent along.
        shared = SharedDetector(detectors[0]) if asked is not None and detectors else None
        looks = bool(settings.cameras) and (bool(detectors) or self._gives_away)
        vision = parts.vision(instruments, detectors[0] if detectors else None) if looks else None
        working: list[Detector] = [*detectors] if shared is None else [shared, *detectors[1:]]
        tapped = map(self._care.tapped, working)
        lanes: list[Job] = [] if vision is None else [parts.lane(vision, each, n) for n, each in enumerate(tapped)]
        cameras = {camera.name: parts.camera(camera) for camera in settings.cameras}

        sharing = self._sharing(connection)
        if sharing is not None:
            besides.append(sharing.look_for_others(shared, owns_model=vision is None))
        if sharing is not None and vision is not None and self._gives_away:
            lanes.append(sharing.give_away(parts.frames, vision, cameras, len(lanes)))
        besides += self._announce(connection, detectors, cameras.values(), sharing)
        if asked is not None:
            besides += self._lend(asked, connection, shared, actions, cameras, instruments, sharing)
        besides += self._attend_to_the_nucleus(vision)
        besides += self._care.worker(connection)
        for states in self._states:
            states.cameras, states.sensors = cameras, instruments.states
        besides += latest_for(settings, parts.seen.newest.get, self._inbox.emit, self._clock)

        series = [] if self._series is None else [self._series]
        sinks = [actions, recorder, *self._couriers.all, *besides, self._inspector, health, *self._gate.jobs, *series]
        checks = [parts.pace(cameras if vision else {}).check, *self._checks]
        built = Built(sinks, instruments, lanes, cameras, vision, self._gate, checks)
        return house_of(
            built,
            self._ground,
            self._door,
            self._inspector.has_looked,
            WhatWaits(recorder.why_waiting, self._inbox.ask),
        )

    # -- one part after the other ------------------------------------------------------------------------

    def _among_others(self) -> "AmongOthers | None":
        """None while it is nobody's neighbour."""
        if (fleet := self._settings.fleet) is None:
            return None
        from edge_mask.app.fleet import AmongOthers  # what is not wanted is not imported

        return AmongOthers(self._ground, fleet)

    def _detectors(self) -> list[ModelDetector]:
        """None where nothing is looked at: then no model is loaded."""
        detectors = self._care.load()
        for detector in detectors:
            self._undo.callback(detector.close)
        if self._wishes is not None:
            card = detectors[0].card if detectors else None
            self._wishes.looks_with(None if card is None else (card.name, card.version))
        return detectors

    def _health(self) -> HealthReporter:
        return HealthReporter(self._figures(), self._inbox.emit, self._clock, self._settings.health.interval)

    def _figures(self) -> HealthFigures:
        states = PartStates(self._parts.seen, self._clock)
        self._states.append(states)
        return health_figures(self._ground, self._parts.seen, self._parts.frames, states)

    def _actions(self) -> Actions:
        owned = self._gate.switches
        lines = {each.name: output_line(each) for each in self._settings.outputs if each.name not in owned}
        newest = self._parts.seen.newest.get
        return Actions(self._parts.album, Outputs(lines), newest, self._inbox.emit, self._clock, owned)

    def _instruments(self) -> Instruments:
        on_heard = self._inbox.emit if self._ground.rules.rules else None
        emit, depth_of = self._inbox.emit, self._ground.echoes.depth_of
        is_outlier = None if self._series is None else self._series.doubts
        return Instruments(self._settings, self._clock, emit, on_heard, depth_of, self._gate.listeners, is_outlier)

    def _recorder(self, actions: Actions) -> Recorder:
        ledger = open_ledger(self._ground)
        self._undo.callback(ledger.close)
        notices = self._notifying.desk(ledger, self._ground.new_id)
        intake = intake_for(self._ground, ledger, notices, self._page.on_admit)
        on_event, on_erase = self._second.on_event(self._page.on_event), self._second.on_erase(self._page.on_erase)
        return recorder_for(self._ground, ledger, intake, actions.perform, on_event, on_erase)

    def _send(
        self,
        recorder: Recorder,
        connection: BrokerTransport | None,
        model: str | None,
        health: HealthReporter,
        instruments: Instruments,
    ) -> list[Job]:
        """Adds the couriers; returns who uses the connection to the broker beside its courier."""
        ground, settle, on_damage = self._ground, recorder.settle, self._inspector.look_now
        besides: list[Job] = []
        if connection is not None:
            besides += home_announcer(ground, connection, model, health.report_now, instruments)
            instruments.subscribe_with(connection.subscribe)
            besides += cloud_listener(ground, connection, self._wishes)
            self._couriers.add(broker_courier(ground, connection, settle, on_damage))
        besides += self._second.jobs(connection)
        self._couriers.add(http_couriers(ground, settle, on_damage))
        for courier in self._notifying.couriers(settle, self._inbox.emit_at_once, on_damage):
            self._couriers.add(courier)
        return besides

    def _announce(
        self,
        connection: BrokerTransport | None,
        detectors: Sequence[ModelDetector],
        cameras: Iterable[Camera],
        sharing: "Sharing | None",
    ) -> list[Job]:
        """To other devices on the same broker."""
        if connection is None:
            return []
        if self._fleet is None or sharing is None:
            return announcement_taken_back(self._ground, connection)

        def hurry() -> None:
            for camera in cameras:
                camera.look_now()

        self._fleet.looks_with(detectors[0].card if detectors else None, self._parts.seen, sharing.serve)
        return self._fleet.jobs(connection, hurry)

    def _lend(
        self,
        wishes: Wishes,
        connection: BrokerTransport | None,
        shared: SharedDetector | None,
        actions: Actions,
        cameras: Mapping[str, Camera],
        instruments: Instruments,
        sharing: "Sharing | None",
    ) -> list[Job]:
        """To those who ask from outside: over the broker, and over HTTP."""
        lent = Lent(
            ground=self._ground,
            wishes=wishes,
            transport=connection,
            perform=actions.perform,
            pictures=self._parts.album.store,
            seen=self._parts.seen,
            cameras=cameras,
            sensors=instruments.states,
            shared=shared,
            figures=self._figures(),
            second_looks=lambda: self._second.counts,
            broken=self._care.broken,
        )
        if sharing is not None:
            lent = replace(lent, first=sharing.first, frames_shared=sharing.counts)
        look = lent.look()
        clerk = lent.clerk(look)
        self._couriers.listeners.append(clerk.connected)
        return [clerk, *self._page.jobs(lent, look)]

    @property
    def _gives_away(self) -> bool:
        """Whether frames may go to other devices."""
        fleet = self._settings.fleet
        return fleet is not None and fleet.peers.offer and self._settings.mqtt.transport != "none"

    def _sharing(self, connection: BrokerTransport | None) -> "Sharing | None":
        fleet = self._settings.fleet
        if fleet is None or connection is None:
            return None
        from edge_mask.app.peers import Sharing  # what is not wanted is not imported

        sharing = Sharing(self._ground, fleet, connection)
        for states in self._states:
            states.besides = sharing.figures
        self._checks.append(sharing.check)
        return sharing

    def _attend_to_the_nucleus(self, vision: Vision | None) -> list[Job]:
        def is_occupied() -> bool:
            return (vision is not None and vision.is_occupied) or not self._gate.is_settled

        return [] if self._component is None else [self._component.worker(is_occupied, self._clock)]
