"""The main thread of a daemon over one configuration file, without a process of its own."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.waiting import PATIENCE

from edge_mask.app.plan import Plan
from edge_mask.control.wishes import Wishes
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.door import Blueprint
from edge_mask.runtime.supervisor import Supervisor
from edge_mask.settings.load import LoadedSettings, load_with_overlay

CLOCK = SystemClock(lambda: True)


class Site:
    """A configuration file, and who runs it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        readings = folder / "readings.csv"
        readings.write_text("seconds,value\n0,36.5\n")
        self.write(
            {
                "device": {"thing_name": "t1"},
                "mqtt": {"transport": "none"},
                "outbox": {"path": str(folder / "edge-mask.db")},
                "sensors": [{"name": "hall", "kind": "replay", "path": str(readings), "loop": True}],
                **changes,
            }
        )
        self.supervisor = Supervisor(lambda: self.wishes.plan(), CLOCK)
        self.wishes = Wishes(self.config, {}, self._blueprint)
        self.wishes.serve(self.supervisor.door)

    def write(self, config: Mapping[str, Any]) -> None:
        self.config.write_text(yaml.safe_dump(dict(config)))

    def _blueprint(self, found: LoadedSettings) -> Blueprint:
        return Plan(found.settings, CLOCK, wishes=self.wishes)

    @property
    def kept(self) -> Any:
        """What lies beside the database."""
        path = load_with_overlay(self.config, {}).kept_at
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def interval(self) -> float:
        """One value of the configuration that the next start would use."""
        return load_with_overlay(self.config, {}).settings.health.interval


@contextmanager
def running(site: Site) -> Iterator[Site]:
    """The site's main loop, in a thread, until the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(site.supervisor.run)
        try:
            site.wishes.reload().result(PATIENCE)  # it runs
            yield site
        finally:
            site.supervisor.door.stop()
            assert ended.result(PATIENCE) == 0
