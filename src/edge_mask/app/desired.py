"""The model of a house: loaded, or not, and who looks after it. What is not wanted of that is not imported."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from edge_mask.app.drivers import detectors_of
from edge_mask.app.ground import Ground
from edge_mask.control.wishes import Model, Wishes
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.detect.detector import Detector
from edge_mask.detect.model import ModelDetector
from edge_mask.errors import ModelError
from edge_mask.messages import Message, Priority
from edge_mask.packages.location import GRAPH, find_package
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.settings.fleet import FleetPackages
from edge_mask.settings.model import Settings
from edge_mask.units import Moment
from edge_mask.wire.topics import MODEL_DESIRED, MODEL_REPORTED

if TYPE_CHECKING:
    from edge_mask.fleet.model.caretaker import Caretaker
    from edge_mask.fleet.model.desk import Desk
    from edge_mask.fleet.model.memory import Report
    from edge_mask.fleet.model.trial import Trial
    from edge_mask.wire.fleet_models import Desired

log = logging.getLogger(__name__)


class ModelCare:
    """Made first in a house: `load` gives it its detectors, `worker` looks after them."""

    def __init__(self, ground: Ground, wishes: Wishes | None, *, may_do_without: bool) -> None:
        """`may_do_without`: a package that cannot be loaded is no reason not to build the house, if there is anything
        else to do, or anything that could mend it."""
        self._ground = ground
        self._settings = ground.settings
        self._wishes = wishes
        self._may_do_without = may_do_without and wishes is not None
        self._model: Model | None = None
        self.broken = ""
        """Why no model looks, though there are cameras."""
        self.desk: Desk | None = None
        if wishes is not None and (ground.settings.fleet is not None or wishes.known(self._key) is not None):
            self.desk = self._desk()
        if wishes is not None:
            is_wanted = self.desk is not None and ground.settings.fleet is not None
            wishes.package = self.desk.wish if is_wanted and self.desk is not None else None

    def load(self) -> list[ModelDetector]:
        """One for each lane; none where nothing is looked at, and while the package is broken. Raises ModelError."""
        fleet = self._settings.fleet
        if not self._settings.cameras and (fleet is None or not fleet.looks_for_others):
            return []
        try:
            detectors = self._loaded()
        except ModelError as error:
            if not self._may_do_without or not self._can_do_without():
                raise
            self.broken = str(error)
            self._outage().begin("package_broken", f"{error}; nothing is looked at until another one can be loaded")
            self.desk = self._desk()
            return []
        self._model = detectors[0].card.name, detectors[0].card.version
        if self._wishes is not None and (known := self._wishes.known(_OUTAGE)) is not None:
            known.outage.end()
        return detectors

    def tapped(self, detector: Detector) -> Detector:
        """A lane's detector, as the others may need it."""
        if self.desk is None:
            return detector
        from edge_mask.fleet.model.tap import Tapped

        return Tapped(detector, self.desk.tap)

    def worker(self, connection: BrokerTransport | None) -> "list[Caretaker]":
        """Where wishes are heard, or something is to be mended."""
        if self.desk is None or self._wishes is None:
            return []
        from edge_mask.fleet.model.caretaker import Caretaker
        from edge_mask.fleet.model.hands import Hands
        from edge_mask.fleet.model.reconcile import Stands

        settings, wishes = self._settings, self._wishes
        packages = _packages(settings)
        here = Stands(
            self._model,
            self.broken,
            can_try=packages.trial > 0 and self._model is not None,
            digest=partial(_digest, settings.detector.model),
        )
        self.desk.reconciler.is_open = partial(_is_open, self._ground.clock, settings.device.zone)
        hands = Hands(
            settings.detector.model, packages, packages.slower, partial(_choose, wishes), partial(_reload, wishes)
        )
        say = partial(_say, self._ground, connection)
        trial = partial(_trial, settings, hands.place, self._ground.clock)
        worker = Caretaker(self.desk, hands, here, say, self._ground.clock, open_trial=trial)
        if connection is not None and settings.fleet is not None:
            connection.subscribe(self._ground.topics.of(MODEL_DESIRED), lambda message: worker.heard(message.payload))
        self._ground.couriers.listeners.append(worker.state_changed)
        return [worker]

    # -- small parts -------------------------------------------------------------------------------------

    def _loaded(self) -> list[ModelDetector]:
        if self.desk is not None:
            from edge_mask.fleet.model.reconcile import MOST_STARTS

            probation = self.desk.reconciler.probation
            if probation is not None and probation.starts > MOST_STARTS:
                raise ModelError(
                    f"{probation.name} {probation.version}: the daemon ended {probation.starts - 1} times within the"
                    " first minutes with it"
                )
        return detectors_of(self._settings)

    def _can_do_without(self) -> bool:
        settings, package = self._settings, _package(self._settings.detector.model)
        fleet = settings.fleet
        has_work = bool(settings.sensors) or settings.mqtt.transport != "none" or settings.web.enabled
        if fleet is not None and (fleet.packages.keys or fleet.packages.sources) and has_work:
            return True  # a wish may bring one, also the first
        if not _was_there(settings.detector.model):
            return False
        known = Path(f"{settings.outbox.path}.packages.json")
        return has_work or os.path.lexists(package.parent / "previous") or known.exists()

    def _desk(self) -> "Desk":
        assert self._wishes is not None
        _, database, packages = self._key
        return self._wishes.lasting(self._key, partial(_made, database, packages))

    @property
    def _key(self) -> tuple[str, Path, Path]:
        return "packages", self._settings.outbox.path, _package(self._settings.detector.model).parent

    def _outage(self) -> Outage:
        assert self._wishes is not None
        lasting = self._wishes.lasting(_OUTAGE, partial(_ModelOutage, self._ground.clock))
        lasting.outage.report = self._ground.inbox.emit
        return lasting.outage


class _ModelOutage:
    """It outlives the houses: one of them goes without a model, another comes with one."""

    def __init__(self, clock: Clock) -> None:
        self.outage = Outage("model", log, lambda _fault: None, clock)

    def stopped(self) -> None:
        """Nothing is left to say."""


_OUTAGE: Final = "the model's outage"


def _made(database: Path, packages: Path) -> "Desk":
    """Once in the life of the process: what an interrupted installation left is swept."""
    from edge_mask.fleet.model.desk import Desk
    from edge_mask.fleet.model.hands import sweep
    from edge_mask.fleet.model.memory import Memory, place_of
    from edge_mask.fleet.model.reconcile import Reconciler
    from edge_mask.packages.store import Store

    sweep(packages)
    Store(packages).clean()
    return Desk(Reconciler(Memory(place_of(database))))


def _packages(settings: Settings) -> FleetPackages:
    return FleetPackages() if settings.fleet is None else settings.fleet.packages


def _digest(model: Path) -> str | None:
    from edge_mask.app.fleet import digest_of

    return digest_of(model)


def _package(model: Path) -> Path:
    return model.parent if model.suffix == GRAPH and not model.is_dir() else model


def _was_there(model: Path) -> bool:
    """A name that nothing ever stood under is a slip of the pen."""
    try:
        find_package(model)
    except ModelError:
        return os.path.lexists(_package(model))
    return True


def _choose(
    wishes: Wishes, action: Literal["activate", "rollback"], name: str | None, version: str | None
) -> Model | None:
    return wishes.model(action, name, version).result().active


def _reload(wishes: Wishes) -> Any:
    return wishes.reload().result()


def _say(ground: Ground, connection: BrokerTransport | None, report: "Report") -> None:
    if connection is None:
        return
    from dataclasses import asdict

    from edge_mask.wire.envelope import VERSION, timestamp, to_bytes

    told = {"thing": ground.settings.device.thing_name, "ts": timestamp(ground.clock.now().wall), "v": VERSION}
    payload = to_bytes({**told, **asdict(report)})
    topic = ground.topics.of(MODEL_REPORTED)
    connection.send(Message(topic=topic, payload=payload, priority=Priority.LIVE, qos=1, retain=True))


def _trial(settings: Settings, place: "Callable[[Desired], Path]", clock: Clock, wanted: "Desired") -> "Trial":
    from edge_mask.fleet.model.trial import Trial
    from edge_mask.packages.load import load_package

    packages, threshold = _packages(settings), settings.detector.score_threshold
    load = partial(load_package, threads=1, score_threshold=threshold, verify=False)
    new, old = load(place(wanted)), None
    with suppress(ModelError):
        old = load(find_package(settings.detector.model))
    return Trial(new, old, clock.now().mono, packages.trial, packages.slower)


def _is_open(clock: Clock, zone: tzinfo, wanted: "Desired") -> bool:
    return wanted.window is None or in_window(wanted.window, clock.now(), zone)


def in_window(window: list[str], now: Moment, zone: tzinfo) -> bool:
    """Whether it is between two times of the site's day; one that begins after it ends goes over midnight. Without a
    clock that is set it is not."""
    if not now.synced:
        return False
    here = datetime.fromtimestamp(now.wall, zone).strftime("%H:%M")
    begin, end = window
    return begin <= here < end if begin <= end else here >= begin or here < end
