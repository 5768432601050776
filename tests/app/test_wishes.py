"""A wish from outside, through the door, becomes the overlay in force: or nothing changes and the answer says why."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_mask.app.plan import Plan
from edge_mask.errors import ConfigurationError, DatabaseError
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.door import Blueprint
from edge_mask.runtime.supervisor import Supervisor
from edge_mask.settings.load import load, load_with_overlay
from edge_mask.settings.overlay import keep

CLOCK = SystemClock(lambda: True)


class Site:
    """A daemon's main thread over one configuration file, and what it has planned so far."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        readings = folder / "readings.csv"
        readings.write_text("seconds,value\n0,36.5\n")
        self.config.write_text(
            f"device: {{thing_name: t1}}\nmqtt: {{transport: none}}\noutbox: {{path: {folder / 'edge-mask.db'}}}\n"
            f"sensors: [{{name: hall, kind: replay, path: {readings}, loop: true}}]\n"
        )
        self.supervisor = Supervisor(self.plan, CLOCK)

    def plan(self) -> Blueprint:
        return Plan(load_with_overlay(self.config, {}).settings, CLOCK)

    def ask(self, wish: dict[str, Any]) -> None:
        """What a room for control does with a wish; raises what came of it."""
        now = load_with_overlay(self.config, {})
        new = now.overlay.changed(wish, "command configure")

        def plan() -> Blueprint:
            return Plan(load(self.config, {}, new), CLOCK)

        self.supervisor.door.rebuild(plan, lambda: keep(now.kept_at, new)).result(30)

    def kept(self) -> Any:
        path = load_with_overlay(self.config, {}).kept_at
        return json.loads(path.read_text()) if path.exists() else None

    def interval(self) -> float:
        return load_with_overlay(self.config, {}).settings.health.interval


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    site = Site(folder)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(site.supervisor.run)
        try:
            yield site
        finally:
            site.supervisor.door.stop()
            assert ended.result(30) == 0


def test_a_wish_is_in_force_and_is_found_again_at_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        before = site.config.read_bytes()
        site.ask({"health": {"interval": "7s"}})
        assert site.interval() == 7.0
        assert site.config.read_bytes() == before
    assert Site(tmp_path).interval() == 7.0


def test_a_null_takes_a_wish_back(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        site.ask({"health": {"interval": "7s"}})
        site.ask({"health": {"interval": None}})
        assert site.interval() == 30.0


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"health": {"interval": "soon"}}, "health.interval"),
        ({"outbox": {"path": "elsewhere.db"}}, "cannot be set from outside"),
        ({"mqtt": {"host": "elsewhere"}}, "cannot be set from outside"),
        ({"helth": {}}, 'did you mean "health"'),
    ],
)
def test_a_wish_that_is_wrong_changes_nothing(tmp_path: Path, wish: dict[str, Any], sentence: str) -> None:
    with running(tmp_path) as site:
        with pytest.raises(ConfigurationError) as refused:
            site.ask(wish)
        assert sentence in str(refused.value)
        assert (site.kept(), site.interval()) == (None, 30.0)


def test_a_wish_whose_house_cannot_be_built_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as site:
        site.ask({"health": {"interval": "7s"}})
        fails = iter([True])

        def build(self: Plan, door: Any, _real: Any = Plan.build) -> Any:
            if next(fails, False):
                raise DatabaseError("the disk went away")
            return _real(self, door)

        monkeypatch.setattr(Plan, "build", build)
        with pytest.raises(DatabaseError, match="went away"):
            site.ask({"health": {"interval": "9s"}})
        assert site.interval() == 7.0
