"""What the composition root adds: bounds, secrets, and a health message without a database."""

import threading
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from tests.capture.scenes import noise
from tests.capture.test_camera import Stage
from tests.ledger.test_reader import record

from edge_mask.app.assembly import Assembly
from edge_mask.app.health import HealthFigures
from edge_mask.app.part_states import PartStates
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.messages import Fault, Health
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.door import Blueprint, Door
from edge_mask.runtime.handoff import Tray
from edge_mask.settings.load import parse
from edge_mask.units import Bytes, Seconds
from edge_mask.vision.shared import Seen

CLOCK = SystemClock(lambda: True)
T = TypeVar("T")


def no_plan() -> Blueprint:
    raise AssertionError("nobody asks for another house here")


DOOR = Door(no_plan)


def assembly(folder: Path) -> Assembly:
    sensor = f"{{name: forehead, kind: replay, path: {folder / 'readings.csv'}}}"
    text = (
        f"device: {{thing_name: t1}}\nmqtt: {{transport: none}}\nsensors: [{sensor}]\n"
        f"outbox: {{path: {folder / 'edge-mask.db'}}}\n"
    )
    return Assembly(parse(text, "test.yaml", {}), RuleSet.load([]), CLOCK, DOOR, ExitStack())


def test_the_bounds_of_the_database_are_those_of_the_configuration(tmp_path: Path) -> None:
    more = f"outbox: {{path: {tmp_path / 'db'}, max_bytes: 2MB, max_age: 3d}}\nhistory: {{keep: 4d, max_bytes: 5MB}}\n"
    settings = parse(more + "sensors: [{name: t, kind: replay, path: t.csv}]\n", "test.yaml", {})
    with ExitStack() as undo:
        made = Assembly(settings, RuleSet.load([]), CLOCK, DOOR, undo)
        recorder = made._recorder(made._actions())
        assert recorder._ledger._bounds == Bounds(
            Bytes(2_000_000),
            Seconds(3 * 86400.0),
            Seconds(4 * 86400.0),
            Bytes(5_000_000),
            SeriesBounds(sensors=frozenset()),
        )


def test_readings_of_series_are_thinned_only_where_series_are_kept(tmp_path: Path) -> None:
    more = f"outbox: {{path: {tmp_path / 'db'}}}\nseries: {{raw: 2d, keep: 30d}}\n"
    settings = parse(more + "sensors: [{name: t, kind: replay, path: t.csv}]\n", "test.yaml", {})
    with ExitStack() as undo:
        made = Assembly(settings, RuleSet.load([]), CLOCK, DOOR, undo)
        bounds = made._recorder(made._actions())._ledger._bounds.series
    assert bounds == SeriesBounds(Seconds(2 * 86400.0), Seconds(30 * 86400.0), frozenset({"t"}))


def test_health_is_told_without_figures_of_the_outbox_while_the_database_cannot_be_read(tmp_path: Path) -> None:
    house = assembly(tmp_path)
    house._health().step(threading.Event())
    [health] = house._ground.inbox.mailbox.take_many(10, 10.0)
    assert isinstance(health, Health)
    assert health.values["outbox"] == {"pending": None, "bytes": None, "oldest_s": None, "dropped": None}
    assert health.values["clock_synced"]
    assert health.values["visits_today"] is None


def test_visitors_of_today_are_those_since_the_sites_midnight(tmp_path: Path) -> None:
    record(tmp_path / "db", ("2026-11-20T14:59:00+00:00", "pass"), ("2026-11-20T15:01:00+00:00", "no_pass"))
    clock = ManualClock(wall=datetime.fromisoformat("2026-11-21T00:30:00+09:00").timestamp())
    seoul = ZoneInfo("Asia/Seoul")
    figures = HealthFigures(Seen(), Tray(), tmp_path / "db", "boot", clock, RuleSet.load([]), zone=seoul)
    assert figures(1.0)["visits_today"] == {"passed": 0, "refused": 1}


def test_each_camera_is_told_with_its_own_frames_per_second(tmp_path: Path) -> None:
    stage = Stage([noise(1)])
    stage.run()
    seen, clock = Seen(), ManualClock(mono=0.0)
    states = PartStates(seen, clock)
    states.cameras = {"front": stage.camera}
    assert states(2.0) == {"cameras": {"front": {"fps": 0.0, "interval_s": None, "state": "ended"}}}
    for _ in range(10):
        seen.note("front", clock.advance(0.25))
    assert states(2.0) == {"cameras": {"front": {"fps": 5.0, "interval_s": 0.25, "state": "ended"}}}
    for _ in range(3):
        seen.note("front", clock.advance(1.5))
    assert states(2.0)["cameras"]["front"] == {"fps": 1.5, "interval_s": 1.5, "state": "ended"}


def test_the_secrets_of_the_configuration_are_kept_out_of_the_texts_of_faults(tmp_path: Path) -> None:
    text = f"mqtt: {{host: h, username: u, password: '${{WORD}}'}}\noutbox: {{path: {tmp_path / 'db'}}}\n"
    settings = parse(text + "sensors: [{name: t, kind: replay, path: t.csv}]\n", "test.yaml", {"WORD": "hunter2"})
    with ExitStack() as undo:
        house = Assembly(settings, RuleSet.load([]), CLOCK, DOOR, undo)
        intake = house._recorder(house._actions())._intake
        admitted = intake.admit(Fault(at=CLOCK.now(), component="mqtt", code="refused", text="no entry with hunter2"))
    assert admitted.events[0].values["text"] == "no entry with ***"
    assert b"hunter2" not in admitted.outgoing[0].message.payload
