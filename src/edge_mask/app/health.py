"""The periodic `health` message."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from edge_mask.app.connection import certificate_watch
from edge_mask.app.ground import Ground
from edge_mask.app.part_states import PartStates
from edge_mask.errors import DatabaseError
from edge_mask.ledger.reader import Reader
from edge_mask.messages import Event, Frame, Health
from edge_mask.observe.machine import Machine, Probe
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Tray
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds
from edge_mask.vision.shared import Seen

log = logging.getLogger(__name__)


_LONGEST_WAIT = Seconds(10.0)
"""Longest wait of a step: with a long interval it would count as stuck."""


class HealthReporter(Job):
    """Emits a `health` event at its interval."""

    name = "health"

    def __init__(
        self,
        measure: Callable[[float], Mapping[str, Any]],
        emit: Callable[[Event], object],
        clock: Clock,
        interval: Seconds,
    ) -> None:
        """`measure(seconds)` returns the values; `seconds` is the time since the previous call."""
        self._measure = measure
        self._emit = emit
        self._clock = clock
        self._interval = interval
        self._last = clock.now().mono
        self._due: float = self._last
        self._wake = threading.Event()
        self._is_asked = False

    def report_now(self) -> None:
        """Report soon, for a new listener; may be called from any thread."""
        self._is_asked = True
        self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def step(self, stop: threading.Event) -> None:
        now = self._clock.now()
        if now.mono < self._due and not self._is_asked:
            if self._clock.wait(self._wake, Seconds(min(_LONGEST_WAIT, self._due - now.mono))) and not stop.is_set():
                self._wake.clear()
            return
        self._is_asked = False  # before measuring: a request from now on needs the next report
        self._emit(Health(at=now, values=self._measure(max(1e-3, now.mono - self._last))))
        self._last = now.mono
        self._due = now.mono + self._interval


class HealthFigures:
    """Collects the values of a `health` message."""

    def __init__(
        self,
        seen: Seen | None,
        frames: Tray[Frame],
        outbox: Path,
        boot: str,
        clock: Clock,
        rules: RuleSet,
        *,
        live_dropped: Callable[[], int | None] = lambda: None,
        certificate: Callable[[Moment], int | None] = lambda _now: None,
        parts: Callable[[float], Mapping[str, Any]] = lambda _seconds: {},
        zone: tzinfo = UTC,
    ) -> None:
        """`seen`: the analysed frames, None without cameras; `frames`: the tray to vision; `outbox`: the database;
        `live_dropped`: live messages that were not sent, None without a broker; `certificate`: days that the device's
        own certificate still holds, None without one; `parts(seconds)`: how each part is; `zone`: the site's, in which
        days begin."""
        self._seen, self.tray, self._outbox, self.boot, self._clock, self.rules = (
            seen, frames, outbox, boot, clock, rules,
        )  # fmt: skip
        self.live_dropped = live_dropped
        self._certificate = certificate
        self._parts = parts
        self._zone = zone
        self._machine = Probe()
        self._frames = 0

    def __call__(self, seconds: float) -> dict[str, Any]:
        """`seconds`: since it was last asked."""
        seen = self._seen
        frames = seen.frames if seen is not None else 0
        fps, self._frames = (frames - self._frames) / seconds, frames
        now = self._clock.now()
        waiting = self._waiting(now)
        values = health_values(
            self._machine.read(),
            fps=None if seen is None else fps,
            inference_ms=None if seen is None or not frames else seen.inference_ms,
            frames_replaced=None if seen is None else self.tray.replaced,
            outbox=waiting,
            clock_synced=now.synced,
        )
        values["visits_today"] = None if seen is None else self._judged_today(now)
        values["time_to_verdict_ms"] = None if seen is None else seen.time_to_verdict
        values |= self._parts(seconds)
        counts = {name: asdict(count) for name, count in self.rules.counts.items()}
        values["live_dropped"] = self.live_dropped()
        values["certificate_days"] = self._certificate(now)
        values |= {"not_told": waiting["not_told"]} if "not_told" in waiting else {}
        return {**values, "rules": counts} if counts else values

    def _waiting(self, now: Moment) -> dict[str, Any]:
        """None while the database cannot be read; the rest is reported all the same."""
        try:
            return {**Reader(self._outbox).outbox_status(now, self.boot)}
        except DatabaseError as error:
            log.debug("health: no figures of the outbox: %s", error)
            return {}

    def _judged_today(self, now: Moment) -> dict[str, int] | None:
        """Since the site's midnight; None while the database cannot be read."""
        local = datetime.fromtimestamp(now.wall, self._zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        try:
            return Reader(self._outbox).judged(midnight.timestamp())
        except DatabaseError as error:
            log.debug("health: no figures of visits: %s", error)
            return None


def health_figures(ground: Ground, seen: Seen, frames: Tray[Frame], parts: PartStates) -> HealthFigures:
    """The figures of a house; each caller's count from its own last question."""
    settings = ground.settings
    return HealthFigures(
        seen if settings.cameras else None,
        frames,
        settings.outbox.path,
        ground.boot,
        ground.clock,
        ground.rules,
        live_dropped=lambda: ground.couriers.live_dropped,
        certificate=certificate_watch(settings, ground.inbox.emit),
        parts=parts,
        zone=settings.device.zone,
    )


def health_values(
    machine: Machine,
    *,
    fps: float | None,
    inference_ms: float | None,
    frames_replaced: int | None,
    outbox: Mapping[str, Any],
    clock_synced: bool,
) -> dict[str, Any]:
    """The fields of the `health` message. `outbox` holds pending, bytes, oldest_s and dropped."""
    return {
        "cpu": machine.cpu,
        "memory": machine.memory,
        "rss": machine.rss,
        "soc_temperature": machine.soc_temperature,
        "uptime_s": machine.uptime_s,
        "fps": None if fps is None else round(fps, 2),
        "inference_ms": None if inference_ms is None else round(inference_ms, 2),
        "frames_replaced": frames_replaced,
        "outbox": {key: outbox.get(key) for key in ("pending", "bytes", "oldest_s", "dropped")},
        "clock_synced": clock_synced,
    }
