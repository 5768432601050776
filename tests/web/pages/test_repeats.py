"""The same alert again and again is one card, however many there are, and one mark is for all of them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.ledger.rows import BOOT, batch, moment
from tests.web.asking import asking
from tests.web.history import History
from tests.web.reading import NOW, SEOUL, house, page

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.seen import Sighting
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert
from edge_mask.web.pages.repeats import Grouping

FEVER: dict[str, Any] = {"kind": "fever", "camera": "front", "text": "hot", "value": 38.7, "above": 37.5, "unit": "C"}


def cards(text: str) -> list[str]:
    return re.findall(r'<li id="g-.*?</form>\s*</li>', text, re.DOTALL)


def test_what_repeats_itself_is_one_card_with_its_beginning(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for n in range(12):
        history.alert(NOW - 60 * n, **FEVER | {"value": 38 + n / 10})
        history.alert(NOW - 60 * n - 7, kind="no_mask", camera="hall", text="hall: masks", streak=6)
    history.alert(NOW - 3 * 86400, **FEVER)
    found = cards(page(asking(house(tmp_path), who="operator"), "/alerts").text)
    assert len(found) == 3, "after a pause it is told anew"
    assert "12 times since 15:19" in found[0]
    assert found[0].count("front") == 1, "the camera is named once"
    assert found[0].count("</time>") == 13
    assert "39.1 °C was measured" in found[0]
    assert "times" not in found[2]


def test_a_long_series_over_midnight_has_its_day_and_its_newest(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for n in range(200):
        history.alert(NOW - 300 * n, **FEVER)
    (card,) = cards(page(asking(house(tmp_path), who="operator"), "/alerts").text)
    assert "200 times since Thu 26 Nov 2026 22:55" in card
    assert "and 180 before these" in card


def test_the_list_goes_on_behind_the_last_card(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for n in range(60):
        history.fault(NOW - n, component=f"camera {n % 30}", code="away", text="x")
    guard = asking(house(tmp_path), who="operator")
    first = page(guard, "/alerts?show=faults").text
    assert len(cards(first)) == 25
    cursor = re.search(r'cursor=([^"&]+)"', first)
    assert cursor
    rest = page(guard, f"/alerts?show=faults&cursor={cursor[1]}").text
    assert {f"Camera {n}<" in rest for n in range(25, 30)} == {True}


def test_damaged_rows_are_listed_like_others() -> None:
    rows = [{"kind": "bytes ff", "camera": None, "sensor": None, "at": 5.0, "seen": None}] * 3
    grouping = Grouping("alerts", 1)
    assert (grouping.take(rows), [group.count for group in grouping.groups]) == (3, [3])


@pytest.mark.parametrize(("first", "marked"), [("", 1), ("a1", 3), ("a3", 2), ("none", 1)])
def test_a_mark_of_a_card_is_for_all_that_it_shows(tmp_path: Path, first: str, marked: int) -> None:
    events = [
        *((f"a{n}", Alert(at=moment(n), kind="fever", text="hot", camera="front")) for n in (0, 1, 3, 5)),
        ("b2", Alert(at=moment(2), kind="fever", text="hot", camera="hall")),
        ("c4", Alert(at=moment(4), kind="no_mask", text="bare", camera="front")),
    ]
    with closing(Ledger(tmp_path / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=tuple(events)), moment())
        assert ledger.mark_seen(Sighting("alerts", "guard", ["a5"], back_to=first), moment(9)) == marked
    seen = {row["id"] for row in Reader(tmp_path / "db").event_page("alerts").rows if row["seen"] is not None}
    assert seen == {"a5", *(["a3"] if marked > 1 else []), *(["a1"] if marked > 2 else [])}


def storm(folder: Path, count: int) -> None:
    """So many within a minute, with a few of another camera among them."""
    events = [
        (
            f"a{n:04}",
            Alert(at=moment(n * 60 / count), kind="fever", text="hot", camera="hall" if n % 400 == 0 else "front"),
        )
        for n in range(count)
    ]
    with closing(Ledger(folder / "edge-mask.db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=tuple(events)), moment())


def test_a_storm_of_alerts_is_one_card_on_one_page(tmp_path: Path) -> None:
    storm(tmp_path, 1200)
    text = page(asking(house(tmp_path), who="operator"), "/alerts").text
    assert [re.findall("([0-9,]+) times", card) for card in cards(text)] == [["1,197"], ["3"]]
    assert "cursor=" not in text
    assert "1,000+" in text, "and not exactly so many"
    assert "1,000 " not in text


def test_a_storm_beyond_what_is_read_says_at_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_mask.web.pages.repeats._READS", 2)
    storm(tmp_path, 1200)
    guard = asking(house(tmp_path), who="operator")
    first = page(guard, "/alerts").text
    assert "at least 998 times" in first
    cursor = re.search(r'cursor=([^"&]+)"', first)
    assert cursor
    assert "199 times" in page(guard, f"/alerts?cursor={cursor[1]}").text


def test_an_alert_without_a_time_is_not_counted_for_ever(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for wall in (NOW - 1, NOW, -5.0):
        history.alert(wall, **FEVER)
    with closing(sqlite3.connect(tmp_path / "edge-mask.db")) as database, database:
        database.execute("UPDATE alerts SET wall = 'once' WHERE rowid = 1")
    guard = asking(house(tmp_path), who="operator")
    assert "Alerts (1)" in page(guard, "/alerts").text


def test_an_alert_from_before_the_clock_was_set_says_so(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.alert(5.0, **FEVER)
    with closing(sqlite3.connect(tmp_path / "edge-mask.db")) as database, database:
        database.execute("UPDATE alerts SET synced = 0")
    (card,) = cards(page(asking(house(tmp_path), who="operator"), "/alerts").text)
    assert "clock was not set" in card


@pytest.mark.parametrize("until", ["nan", "inf", "-inf", "1e999", "", "soon"])
def test_a_mark_until_no_time_is_refused(tmp_path: Path, until: str) -> None:
    body = urlencode({"show": "alerts", "until": until}).encode()
    guard = asking(house(tmp_path), who="operator")
    answer = guard.post("/alerts", body, accept="text/html", content_type="application/x-www-form-urlencoded")
    assert answer.status == 400


def test_one_look_is_not_told_as_several(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.alert(NOW, kind="no_mask", camera="hall", text="hall: masks", streak=1)
    guard = asking(house(tmp_path), who="operator")
    assert "Somebody without a mask.<" in page(guard, "/alerts?lang=en").text
    assert "마스크를 쓰지 않은 사람이 있습니다." in page(guard, "/alerts?lang=ko").text
