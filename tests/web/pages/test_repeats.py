"""The same alert again and again is one card, however many there are, and one mark is for all of them."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

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
from edge_mask.web.pages.repeats import grouped

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
    groups, used = grouped(rows, "alerts", 1)
    assert ([len(group.rows) for group in groups], used) == ([3], 3)


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
