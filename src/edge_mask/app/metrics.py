"""What `/metrics` reads of a house; the counters outlive it. Imported only where the page is wanted.

recorder ──event──▶ Tally ◀──look── lanes          Counters: one for the life of the process
house ──counts that begin at zero──▶ Carried
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from edge_mask import __version__
from edge_mask.app.control import Lent
from edge_mask.deliver.certificate import validity_of
from edge_mask.errors import DatabaseError
from edge_mask.ledger.outbox import NOT_TOLD
from edge_mask.ledger.reader import Reader
from edge_mask.observe.machine import Probe
from edge_mask.observe.tally import Carried, Tally
from edge_mask.settings.model import Settings
from edge_mask.units import Moment
from edge_mask.web.metrics.figures import HouseFigures, OutboxFigures, RuleFigures
from edge_mask.web.metrics.requests import Requests

_WAS_SET = 60.0
"""Seconds by which the wall clock must have been moved for the start to be told anew."""


@dataclass(slots=True)
class Counters:
    """Made once for the life of the process."""

    began: float
    """On the monotonic clock."""
    tally: Tally = field(default_factory=Tally)
    requests: Requests = field(default_factory=Requests)
    replaced: Carried = field(default_factory=Carried)
    live_dropped: Carried = field(default_factory=Carried)
    shared: Carried = field(default_factory=Carried)
    matched: Carried = field(default_factory=Carried)
    failed: Carried = field(default_factory=Carried)
    _started: float = 0.0

    def stopped(self) -> None:
        """Nothing of it is kept."""

    def started(self, now: Moment) -> float:
        """When the process began, as the clock says now. The same at each call, unless the clock was set meanwhile."""
        told = now.wall - (now.mono - self.began)
        if abs(told - self._started) > _WAS_SET:
            self._started = told
        return self._started


class Measure:
    """Reads a house whenever it is asked, in any thread."""

    def __init__(self, lent: Lent, counters: Counters) -> None:
        self._lent = lent
        self._counters = counters
        self._probe = Probe()
        tray, rules, live_dropped = lent.figures.tray, lent.figures.rules, lent.figures.live_dropped
        counters.tally.begins_again()
        counters.replaced.follow(tray, lambda: {(camera,): n for camera, n in dict(tray.replaced_by_camera).items()})
        counters.live_dropped.follow(self, lambda: {(): live_dropped() or 0})
        counters.shared.follow(lent, lambda: {(name,): n for name, n in lent.frames_shared().items()})
        counters.matched.follow(rules, lambda: {(name,): each.matched for name, each in rules.counts.items()})
        counters.failed.follow(rules, lambda: {(name,): each.failed for name, each in rules.counts.items()})

    def __call__(self) -> HouseFigures:
        lent, counters, machine = self._lent, self._counters, self._probe.read()
        settings, now = lent.ground.settings, lent.ground.clock.now()
        return HouseFigures(
            now=now,
            started=counters.started(now),
            gates=tuple(camera.name for camera in settings.cameras if camera.role == "gate"),
            rooms=tuple(camera.name for camera in settings.cameras if camera.role == "cctv"),
            cameras={name: camera.state == "ok" for name, camera in lent.cameras.items()},
            sensors={name: state == "ok" for name, state in lent.sensors().items()},
            replaced=counters.replaced(),
            shared=None if settings.fleet is None else counters.shared(),
            outbox=self._outbox(now),
            live_dropped=None if lent.figures.live_dropped() is None else counters.live_dropped()[()],
            is_connected=None if lent.transport is None else lent.transport.is_connected,
            certificates=certificates(settings),
            rules=self._rules(),
            second_looks=lent.second_looks(),
            usage=self._probe.usage(),
            uptime_s=machine.uptime_s,
            soc_temperature=machine.soc_temperature,
            disk=_disk(settings.outbox.path),
            thing=settings.device.thing_name,
            version=__version__,
            model=lent.wishes.in_force().model,
        )

    def _outbox(self, now: Moment) -> OutboxFigures | None:
        """None while the database cannot be read; the rest is told all the same."""
        try:
            reader = Reader(self._lent.ground.settings.outbox.path)
            found = reader.outbox_status(now, self._lent.figures.boot)
        except DatabaseError:
            return None
        return OutboxFigures(
            pending=found["pending"],
            bytes=found["bytes"],
            oldest_s=found["oldest_s"],
            refused=found["refused"],
            dropped=found["dropped"],
            not_told=found.get("not_told", dict.fromkeys(NOT_TOLD, 0)),
        )

    def _rules(self) -> dict[str, RuleFigures]:
        matched, failed = self._counters.matched(), self._counters.failed()
        return {
            name: RuleFigures(matched=matched[name,], failed=failed[name,], is_set_aside=each.is_set_aside)
            for name, each in self._lent.figures.rules.counts.items()
        }


def certificates(settings: Settings) -> dict[str, float]:
    """When each certificate of this device ends; without those that cannot be read."""
    found: dict[str, float] = {}
    mqtt = settings.mqtt.tls if settings.mqtt.transport != "none" else None
    for use, tls in (("mqtt", mqtt), ("web", settings.web.tls)):
        if tls is None or tls.cert is None:
            continue
        try:
            found[use] = validity_of(tls.cert).ends
        except (OSError, ValueError):  # whoever uses it says so
            continue
    return found


def _disk(database: Path) -> tuple[int, int] | None:
    try:
        state = os.statvfs(database.parent)
    except OSError:
        return None
    return state.f_frsize * state.f_blocks, state.f_frsize * state.f_bavail
