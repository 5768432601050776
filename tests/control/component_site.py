"""A component in this process: its main thread over a file that watches nothing, beside a nucleus that says what to."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.control.site import CLOCK
from tests.nucleus.fake import FakeNucleus
from tests.waiting import PATIENCE

from edge_mask.app.plan import Plan
from edge_mask.control.component import Component
from edge_mask.control.wishes import Wishes
from edge_mask.errors import EdgeMaskError
from edge_mask.runtime.door import Blueprint
from edge_mask.runtime.house import House
from edge_mask.runtime.supervisor import Supervisor
from edge_mask.settings.load import LoadedSettings
from edge_mask.units import Seconds


class ComponentSite:
    """One start of the program after the other, over one work folder. The environment must be the nucleus's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "device": {"thing_name": "gate-01"},
                    "mqtt": {"transport": "none"},
                    "outbox": {"path": str(folder / "edge-mask.db")},
                }
            )
        )
        self.readings = folder / "readings.csv"
        self.readings.write_text("seconds,value\n0,36.5\n")
        self.complaints: list[str] = []
        self.wishes: Wishes
        self.supervisor: Supervisor
        self.component: Component

    def document(self, **more: Any) -> dict[str, Any]:
        """What makes the smallest house, and `more`."""
        sensor = {"name": "hall", "kind": "replay", "path": str(self.readings), "loop": True}
        return {"accessControl": {}, "sensors": [sensor], **more}

    def complain(self, component: str, code: str, text: str) -> None:
        self.complaints.append(f"{component} {code} {text}")

    def _blueprint(self, found: LoadedSettings) -> Blueprint:
        return Overheard(Plan(found.settings, CLOCK, wishes=self.wishes, component=self.component), self)

    def _start(self, patience: float) -> None:
        self.supervisor = Supervisor(lambda: self.component.plan(), CLOCK)
        self.wishes = Wishes(self.config, {}, self._blueprint)
        self.wishes.serve(self.supervisor.door)
        self.component = Component(self.config, {}, self.wishes, Seconds(patience))

    def fails_to_start(self, patience: float = PATIENCE) -> EdgeMaskError:
        """What the program would end with."""
        self._start(patience)
        try:
            self.supervisor.run()
        except EdgeMaskError as error:
            self.component.errored()
            return error
        finally:
            self.component.close()
        raise AssertionError("it has started")

    @contextmanager
    def running(self, patience: float = PATIENCE) -> Iterator["ComponentSite"]:
        """One run of the program, from its first house to the end of the block."""
        self._start(patience)
        ended: Future[int] = Future()
        main = threading.Thread(target=lambda: ended.set_result(self.supervisor.run()))
        main.start()
        try:
            self.supervisor.door.rebuild(self.wishes.plan).result(2 * PATIENCE)  # it runs
            yield self
        finally:
            self.supervisor.door.stop()
            main.join(PATIENCE)
            self.component.close()
        assert ended.result(0) == 0

    @property
    def overlay(self) -> Any:
        """What is in force beside the file."""
        return self.wishes.in_force().config

    def wait(self, nucleus: FakeNucleus, predicate: Any) -> None:
        """Until the component has worked off what happened at the nucleus."""
        done = threading.Event()
        for _ in range(round(PATIENCE * 100)):
            if predicate():
                return
            done.wait(0.01)
        raise AssertionError(f"{self.overlay}, {self.complaints}, {nucleus.asked}")


class Overheard:
    """A blueprint whose houses complain to the site."""

    def __init__(self, plan: Plan, site: ComponentSite) -> None:
        self._plan = plan
        self._site = site

    def build(self, door: Any) -> House:
        house = self._plan.build(door)
        house.complain = self._site.complain
        return house
