"""When public figures are read: once a day at their hour, again after a failure, and never in the way of anything."""

import json
import stat
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.waiting import until

from edge_mask.errors import TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.panels import Panel
from edge_mask.units import Seconds
from edge_mask.web.panels.keeper import Keeper, next_due
from edge_mask.web.panels.kept import Figures, Kept
from edge_mask.web.panels.points import Point

SEOUL, LISBON = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Lisbon")


def panel(name: str = "dust", **keys: Any) -> Panel:
    return Panel.model_validate({"name": name, "url": "https://example.org/x", "path": "a", **keys})


class Clock(ManualClock):
    """Whoever is woken has not waited."""

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return stop.is_set() or super().wait(stop, seconds)


class House:
    """A keeper that is turned by hand."""

    def __init__(self, folder: Path, answer: Callable[[Panel], bytes], *panels: Panel) -> None:
        self.clock = Clock()
        self.faults: list[Fault] = []
        self.asked: list[str] = []

        def fetch(panel: Panel) -> bytes:
            self.asked.append(panel.name)
            return answer(panel)

        self.panels = panels or (panel(),)
        self.keeper = Keeper(self.panels, Kept(folder / "edge-mask.db"), fetch, SEOUL, self.faults.append, self.clock)
        self.stop = threading.Event()

    def turn(self, turns: int = 6) -> None:
        """Until what is under way has come, and was taken in."""
        for _ in range(turns):
            self.keeper.interrupt()  # so that no step waits
            self.keeper.step(self.stop)
            if (under_way := self.keeper._under_way) is not None:
                until(under_way[1].done)


def test_it_is_read_at_once_and_then_each_day_at_its_hour(tmp_path: Path) -> None:
    house = House(tmp_path, lambda _panel: b'{"a": 7}')
    house.turn()
    assert house.asked == ["dust"]
    [(_, found, why)] = house.keeper.shown()
    assert found is not None
    assert (found.points, why) == ([Point("", 7.0)], "")
    due = next_due(house.panels[0], house.clock.now().wall, SEOUL)
    house.clock.advance(due - house.clock.now().wall - 1.0)
    house.turn()
    assert len(house.asked) == 1
    house.clock.advance(2.0)
    house.turn()
    assert len(house.asked) == 2


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28T11:00+00:00", "2026-03-29T10:00+01:00"),  # the day has 23 hours
        ("2026-10-24T11:00+01:00", "2026-10-25T10:00+00:00"),  # the day has 25 hours
        ("2026-11-29T09:59:59+00:00", "2026-11-29T10:00+00:00"),
        ("2026-11-29T10:00:00+00:00", "2026-11-30T10:00+00:00"),
    ],
)
def test_the_hour_is_that_of_the_site_also_where_clocks_are_changed(after: str, expected: str) -> None:
    found = next_due(panel(), datetime.fromisoformat(after).timestamp(), LISBON)
    assert found == datetime.fromisoformat(expected).timestamp()


def test_an_hour_that_a_day_lacks_is_not_left_out(tmp_path: Path) -> None:
    early = panel(at="01:30")  # from 01:00 on 29 March clocks show 02:00
    first = next_due(early, datetime(2026, 3, 28, 12, tzinfo=LISBON).timestamp(), LISBON)
    assert datetime.fromtimestamp(first, LISBON).date().isoformat() == "2026-03-29"
    assert datetime.fromtimestamp(next_due(early, first, LISBON), LISBON).date().isoformat() == "2026-03-30"


def test_a_panel_that_fails_is_one_message_and_one_recovery_and_the_last_good_stays(tmp_path: Path) -> None:
    answers = [b'{"a": 7}']

    def answer(_panel: Panel) -> bytes:
        if not answers:
            raise TryLater("it is away")
        return answers.pop()

    house = House(tmp_path, answer)
    house.turn()
    house.clock.advance(86_400.0)
    for _ in range(4):
        house.turn()
        house.clock.advance(4000.0)
    assert len(house.asked) >= 4
    assert [(fault.component, fault.code, fault.text) for fault in house.faults] == [
        ("panel dust", "panel_away", "it is away")
    ]
    [(_, found, why)] = house.keeper.shown()
    assert found is not None
    assert (found.points, why) == ([Point("", 7.0)], "it is away")
    answers.append(b'{"a": 8}')
    house.turn()
    [(_, found, why)] = house.keeper.shown()
    assert found is not None
    assert (found.points, why) == ([Point("", 8.0)], "")
    assert len(house.faults) == 1


def test_it_is_not_asked_again_within_a_minute_of_a_failure(tmp_path: Path) -> None:
    house = House(tmp_path, lambda _panel: b"nonsense")
    house.turn()
    house.clock.advance(59.0)
    house.turn()
    assert len(house.asked) == 1


def test_a_fault_of_ours_ends_the_worker_and_is_not_taken_for_an_outage(tmp_path: Path) -> None:
    def broken(_panel: Panel) -> bytes:
        raise KeyError("x")

    with pytest.raises(KeyError):
        House(tmp_path, broken).turn()


def test_a_resolver_that_hangs_holds_up_no_stop(tmp_path: Path) -> None:
    hangs = threading.Event()
    house = House(tmp_path, lambda _panel: str(hangs.wait(30)).encode())
    house.keeper.interrupt()
    house.keeper.step(house.stop)
    house.stop.set()
    house.keeper.interrupt()
    house.keeper.step(house.stop)  # returns
    hangs.set()


def test_one_that_fails_does_not_keep_the_others_from_their_turn(tmp_path: Path) -> None:
    house = House(tmp_path, lambda each: b'{"a": 1}' if each.name == "rain" else b"", panel(), panel("rain"))
    house.turn(8)
    assert house.asked == ["dust", "rain"]


# -- what is kept --------------------------------------------------------------------------------------------


def test_it_outlives_a_restart_for_its_owner_alone(tmp_path: Path) -> None:
    database = tmp_path / "edge-mask.db"
    Kept(database).put(panel(), Figures(1e9, [Point("Mon", 3.0)]), [panel()])
    assert Kept(database).of(panel()) == Figures(1e9, [Point("Mon", 3.0)])
    assert stat.S_IMODE(Path(f"{database}.panels.json").stat().st_mode) == 0o600


def test_what_was_read_elsewhere_is_not_shown_and_what_is_no_more_is_forgotten(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "edge-mask.db")
    kept.put(panel(), Figures(1e9, [Point("", 3.0)]), [panel()])
    assert kept.of(panel(path="b")) is None
    kept.put(panel("rain"), Figures(1e9, [Point("", 3.0)]), [panel("rain")])
    assert list(json.loads((tmp_path / "edge-mask.db.panels.json").read_text())) == ["rain"]


@pytest.mark.parametrize("text", ["", "[]", '{"dust": 1}', '{"dust": {"from": 1}}', "\x00", "[" * 5000])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "edge-mask.db.panels.json").write_text(text)
    assert Kept(tmp_path / "edge-mask.db").of(panel()) is None


def test_a_disk_that_is_full_takes_nothing_from_the_page(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "nowhere" / "edge-mask.db")
    kept.put(panel(), Figures(1e9, [Point("", 3.0)]), [panel()])
    assert kept.of(panel()) == Figures(1e9, [Point("", 3.0)])
