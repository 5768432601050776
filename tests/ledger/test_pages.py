"""Lists of the history a page at a time: nothing twice, nothing left out, whatever happens between two pages."""

import base64
import sqlite3
import struct
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.rows import BOOT, batch, moment, reading, visit

from edge_mask.errors import Refused
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.figures import Which
from edge_mask.ledger.pages import MOST, Page
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.upkeep import erase_people
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Fault, Visit


def record(path: Path, *events: tuple[str, Event]) -> Reader:
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=events), moment())
    return Reader(path)


def visits(*numbers: int) -> list[tuple[str, Event]]:
    """Three of them in each second."""
    return [(f"v{n:03}", visit(moment(n // 3), "pass" if n % 2 else "no_pass")) for n in numbers]


def ids(page: Page) -> list[str]:
    return [row["id"] for row in page.rows]


def all_pages(kept: Reader, which: Which, limit: int) -> list[str]:
    found: list[str] = []
    page = kept.visit_page(which, None, limit)
    while True:
        found += ids(page)
        if page.next is None:
            return found
        page = kept.visit_page(which, page.next, limit)


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 100])
def test_all_pages_together_are_the_list(tmp_path: Path, limit: int) -> None:
    kept = record(tmp_path / "db", *visits(*range(30)))
    assert all_pages(kept, Which(), limit) == [f"v{n:03}" for n in reversed(range(30))]
    assert all_pages(kept, Which(since=moment(2).wall, until=moment(4).wall), limit) == [
        f"v{n:03}" for n in reversed(range(6, 12))
    ]
    assert all_pages(kept, Which(is_pass=True), limit) == [f"v{n:03}" for n in reversed(range(1, 30, 2))]
    assert all_pages(kept, Which(reason="no_mask"), limit) == [f"v{n:03}" for n in reversed(range(0, 30, 2))]
    assert all_pages(kept, Which(camera="' OR 1=1 --"), limit) == []


@pytest.mark.parametrize("which", [Which(), Which(is_pass=True), Which(reason="no_mask"), Which(since=moment(3).wall)])
def test_the_neighbours_of_a_visit_are_those_of_the_list(tmp_path: Path, which: Which) -> None:
    kept = record(tmp_path / "db", *visits(*range(20)))
    listed = ids(kept.visit_page(which, None, 100))
    assert len(listed) > 9
    for newer, each, older in zip([None, *listed], listed, [*listed[1:], None], strict=False):
        assert kept.beside(which, each) == (newer, older)


def test_a_visit_that_the_filters_leave_out_has_neighbours_all_the_same(tmp_path: Path) -> None:
    kept = record(tmp_path / "db", *visits(*range(20)))
    assert kept.beside(Which(is_pass=True), "v010") == ("v011", "v009")
    assert kept.beside(Which(camera="hall"), "v010") == (None, None)
    with pytest.raises(Refused, match="there is no such visit"):
        kept.beside(Which(), "v099")


def test_what_arrives_and_what_is_erased_between_two_pages_moves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    kept = record(path, *visits(*range(20)))
    first = kept.visit_page(Which(), None, 6)
    assert ids(first) == [f"v{n:03}" for n in range(19, 13, -1)]
    record(path, *visits(*range(20, 40)))
    erase_people(path, Erasure(visit="v014"))  # the very row that the cursor stands on
    erase_people(path, Erasure(visit="v012"))
    assert ids(kept.visit_page(Which(), first.next, 6)) == [f"v{n:03}" for n in (13, 11, 10, 9, 8, 7)]


@pytest.mark.parametrize(
    "damage",
    ["wall = NULL", "wall = 'soon'", "wall = x'00'", "wall = 9e99", "id = x'ff00'", "id = NULL", "camera = x'ff'",
     "reasons = '['", "reasons = NULL", "ispass = 'no'", "mask_score = 'much'", "temperature = x'00'", "synced = 9",
     "id = CAST(x'ff41' AS TEXT)", "snapshot = 7"],
)  # fmt: skip
@pytest.mark.parametrize("limit", [1, 3])
def test_a_damaged_row_never_stops_the_list(tmp_path: Path, damage: str, limit: int) -> None:
    kept = record(tmp_path / "db", *visits(*range(9)))
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'visits'")
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute(f"UPDATE visits SET {damage} WHERE id = 'v004'")
        connection.commit()
    found = all_pages(kept, Which(), limit)
    assert [each for each in found if each in {f"v{n:03}" for n in range(9)} - {"v004"}] == [
        f"v{n:03}" for n in (8, 7, 6, 5, 3, 2, 1, 0)
    ]
    assert len(found) == (8 if damage.startswith("wall") else 9)


FORGED = (
    "", "x", "A" * 16, "A" * 5000, "é", "../../etc/passwd", "\0", "' OR 1=1 --", "MTI=", "☃",
    base64.urlsafe_b64encode(b"0" * 24).decode(),
    *(
        base64.urlsafe_b64encode(zlib.crc32(bytes.fromhex(made)).to_bytes(4) + bytes.fromhex(made)).decode()
        for made in ("7ff8000000000000", "7ff0000000000000", "fff0000000000000", "00")
    ),
)  # fmt: skip


@pytest.mark.parametrize("cursor", FORGED)
def test_a_forged_cursor_is_refused_with_a_sentence(tmp_path: Path, cursor: str) -> None:
    kept = record(tmp_path / "db", *visits(1))
    with pytest.raises(Refused, match=r"^cursor: is none of ours"):
        kept.visit_page(Which(), cursor)


@settings(max_examples=60, deadline=None)
@given(wall=st.floats(allow_nan=False, allow_infinity=False), key=st.binary(max_size=60))
def test_a_cursor_that_was_made_up_is_only_a_place(
    tmp_path_factory: pytest.TempPathFactory, wall: float, key: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "made_up.db"
    kept = Reader(path) if path.exists() else record(path, *visits(*range(6)))
    content = struct.pack("!d", wall) + key
    cursor = base64.urlsafe_b64encode(zlib.crc32(content).to_bytes(4) + content).decode().rstrip("=")
    assert set(ids(kept.visit_page(Which(), cursor))) <= {f"v{n:03}" for n in range(6)}


def test_a_page_has_an_end_whatever_is_asked_for(tmp_path: Path) -> None:
    kept = record(tmp_path / "db", *visits(*range(MOST + 10)))
    assert len(kept.visit_page(Which(), None, 10**9).rows) == MOST
    assert len(kept.visit_page(Which(), None, -5).rows) == 1


def test_alerts_faults_and_readings_come_newest_first(tmp_path: Path) -> None:
    kept = record(
        tmp_path / "db",
        ("a1", Alert(at=moment(1), kind="fever", text="38.5", camera="front", value=38.5)),
        ("a2", Alert(at=moment(2), kind="outlier", text="spike", sensor="hall")),
        ("f1", Fault(at=moment(3), component="camera front", code="away", text="is away")),
        ("r1", reading(36.5, moment(4))), ("r2", replace(reading(1.0, moment(5)), sensor="hall", quantity="flow")),
    )  # fmt: skip
    alerts = kept.event_page("alerts").rows
    assert [row["id"] for row in alerts] == ["a2", "a1"]
    assert alerts[1] == {
        "id": "a1", "at": moment(1).wall, "clock_ok": True, "kind": "fever", "camera": "front", "sensor": None,
        "text": "38.5", "streak": None, "value": 38.5, "above": None, "unit": None, "snapshot": None,
        "deviation": None, "seen": None, "seen_by": None,
    }  # fmt: skip
    assert [row["component"] for row in kept.event_page("faults").rows] == ["camera front"]
    assert ids(kept.reading_page(Which(), None, None)) == ["r2", "r1"]
    assert ids(kept.reading_page(Which(), "flow", None)) == ids(kept.reading_page(Which(), None, "hall")) == ["r2"]


def test_the_picture_of_an_event_is_found_by_its_id_alone(tmp_path: Path) -> None:
    pictured: Visit = replace(visit(moment(1)), snapshot="20260101T000000.000Z-front.jpg")
    kept = record(tmp_path / "db", ("v1", pictured), ("v2", visit(moment(2))))
    assert kept.picture("v1") == "20260101T000000.000Z-front.jpg"
    assert kept.picture("v2") is kept.picture("../v1") is kept.picture("\0") is None
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("UPDATE visits SET snapshot = x'2e2e2f'")
        connection.commit()
    assert kept.picture("v1") is None
