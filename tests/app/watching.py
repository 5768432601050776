"""The worker of series on a clock that is turned by hand, with a real database under it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_mask.app.series.worker import SeriesWorker
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.series_rows import SeriesRows
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Fault, Reading
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Post
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.load import parse
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

BOOT = "boot"
STOP = threading.Event()
NOON = datetime.fromisoformat("2026-11-20T12:00:00+01:00").timestamp()
ZONE = "Europe/Berlin"
Value = float | None | Callable[[float], float | None]
"""Of each reading; None for none. A function gets Unix seconds."""


class Turned(ManualClock):
    """Waits no longer than until the next reading."""

    longest = 60.0

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return super().wait(stop, Seconds(min(seconds, self.longest)))


@dataclass
class Site:
    """One device whose daemon may be started, stopped and killed."""

    folder: Path
    name: str = "main"
    """Of its sensor."""
    outliers: str = "{}"
    series: str = "{}"
    unit: str = "m3/h"
    pattern: str = ""
    """Where it is not a topic but a port: what a line looks like."""
    clock: "Turned" = field(default_factory=lambda: Turned(wall=NOON))
    together: int = 1
    """Rows of a commit; more make long days short."""
    events: list[Event] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "edge-mask.db"

    def said(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if type(event) is kind]

    def alerts(self) -> list[tuple[str, str]]:
        """Each as its reason and its state."""
        return [(found.deviation.reason, found.deviation.state) for found in self.said(Alert)]

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()

    def settings(self) -> Settings:
        """Its configuration."""
        text = (
            f"device: {{timezone: {ZONE}}}\noutbox: {{path: {self.database}}}\nseries: {self.series}\n"
            "mqtt: {host: h}\nsensors:\n"
            f"- {{name: {self.name}, outliers: {self.outliers}, "
        )
        limits = f"unit: {self.unit}, min: 0, max: 500"
        if self.pattern:
            text += f"kind: serial, path: /dev/x, pattern: '{self.pattern}', quantities: {{flow: {{{limits}}}}}}}\n"
        else:
            text += f"kind: mqtt, topic: a/b, quantity: flow, {limits}}}\n"
        return parse(text, "test.yaml", {})

    @contextmanager
    def daemon(self, *, killed: bool = False) -> Iterator["Watching"]:
        """A run of the daemon, as far as series go; `killed`: it does not end by itself."""
        ledger = Ledger(self.database, Bounds(), BOOT)
        ledger.open()
        ids = IdMaker()
        intake = Intake(
            thing="t", topics=Topics("edge-mask/{thing}", "t"), sequences=ledger.sequences, shadows=ledger.shadows,
            boot=BOOT, new_id=ids.make,
        )  # fmt: skip

        batch = Batch()

        def emit(post: Post) -> None:
            """Readings wait for what follows: each commit waits for the disk."""
            nonlocal batch
            assert isinstance(post, SeriesRows | Fault | Reading)
            for event in post.events if isinstance(post, SeriesRows) else (post,):
                self.events.append(event)
                admitted = intake.admit(event)
                batch.events += admitted.events
                batch.outgoing += admitted.outgoing
            if isinstance(post, SeriesRows):
                batch.series += post.rows
                if len(batch.series) >= self.together:
                    ledger.commit(batch, self.clock.now())
                    batch = Batch()

        worker = SeriesWorker(self.settings(), self.clock, emit)
        worker.begin()
        try:
            yield Watching(self, worker, emit)
        finally:
            if not killed:
                worker.end()
                ledger.commit(batch, self.clock.now())
            ledger.close()


@dataclass
class Watching:
    """A running one."""

    site: Site
    worker: SeriesWorker
    emit: Callable[[Post], None]

    def live(self, minutes: float, value: Value, every: float = 20.0, sensor: str = "main") -> list[bool]:
        """Minutes of readings; which of them were outliers."""
        doubted: list[bool] = []
        clock = self.site.clock
        end, due = clock.now().mono + minutes * 60.0, clock.now().mono
        while clock.now().mono < end:
            now = clock.now()
            if now.mono >= due:
                due = Seconds(due + every)
                said = value(now.wall) if callable(value) else value
                if said is not None:
                    reading = Reading(sensor, "flow", said, self.site.unit, now)
                    doubted.append(self.worker.doubts(reading))
                    self.emit(reading)
            else:
                until_due = due - now.mono if value is not None else 60.0
                clock.longest = min(until_due, end - now.mono)
                self.worker.step(STOP)
        return doubted


def waving(low: float = 10.0, high: float = 12.0) -> Callable[[float], float]:
    """A value that is never the same twice in a row, within bounds."""
    return lambda at: low + (high - low) * ((at * 0.618034) % 1.0)
