"""Marks of alerts and faults that somebody has seen: written by the recorder, kept with the row."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment
from tests.recording.test_damaged_rows import CLOCK, desk

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.salvage import salvage
from edge_mask.ledger.seen import Sighting, mark_seen
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Fault
from edge_mask.recording.requests import MarkSeen


def alerts(count: int) -> list[Alert]:
    return [Alert(at=CLOCK.now(), kind="fever", text=f"{n}", camera="front", value=38.5) for n in range(count)]


def test_a_mark_is_on_the_disk_when_the_answer_comes_and_the_first_one_stays(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        for each in alerts(3):
            it.inbox.emit(each)
        it.inbox.emit(Fault(at=CLOCK.now(), component="camera front", code="away", text="is away"))
        it.recorded()
        reader = Reader(tmp_path / "db")
        rows = reader.event_page("alerts").rows
        assert reader.unseen("alerts") == 3

        def mark(sighting: Sighting) -> int:
            request = MarkSeen(sighting)
            assert it.inbox.ask(request)
            return request.answer.result(20)

        assert mark(Sighting("alerts", "guard", [rows[0]["id"], "unknown", "' OR 1=1 --", rows[0]["id"]])) == 1
        assert [row["seen_by"] for row in reader.event_page("alerts").rows] == ["guard", None, None]
        assert [row["id"] for row in reader.event_page("alerts", unseen=True).rows] == [r["id"] for r in rows[1:]]
        assert mark(Sighting("alerts", "boss", until=rows[1]["at"])) == 2
        seen = reader.event_page("alerts").rows
        assert [row["seen_by"] for row in seen] == ["guard", "boss", "boss"]
        assert all(abs(row["seen"] - CLOCK.now().wall) < 60 for row in seen)
        assert (reader.unseen("alerts"), reader.unseen("faults")) == (0, 1)


def test_marks_are_carried_over_when_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("a1", Alert(at=moment(), kind="fever", text="38.5", camera="front")),)), moment())
        ledger.mark_seen(Sighting("alerts", "guard", ["a1"]), moment(5))
    salvage(path)
    [row] = Reader(path).event_page("alerts").rows
    assert (row["seen"], row["seen_by"]) == (moment(5).wall, "guard")


def test_a_mark_that_cannot_be_written_is_answered_with_the_reason(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "db", Bounds(), BOOT)
    with pytest.raises(DatabaseError, match="is not open"):
        ledger.mark_seen(Sighting("alerts", "guard", ["a1"]), moment())


def test_one_mark_takes_no_more_ids_than_it_should(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
        found = [(f"a{n:04}", each) for n, each in enumerate(alerts(600))]
        ledger.commit(batch(events=tuple(found)), moment())
        connection = ledger.file.connection
        with connection.begin():
            assert mark_seen(connection, Sighting("alerts", "guard", [name for name, _ in found]), 1.0) == 500
