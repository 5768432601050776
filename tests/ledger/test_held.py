"""Visits that are held: over crashes, damage, erasure, a clock that is set late, and versions."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.rows import BOOT, moment, visit

from edge_mask.errors import Refused
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.held import held_row, visit_of
from edge_mask.ledger.inspection import Inspection
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.salvage import salvage
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Held, Priority, Settled, Visit
from edge_mask.recording.intake import Admitted, Intake
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics

FULL = replace(
    visit(record=b"\x00\xff record"), reasons=("fever",), snapshot="x-front-fever.jpg", track=7, time_to_verdict_ms=900
)


class Books:
    """A ledger and the intake before it."""

    def __init__(self, path: Path, boot: str = BOOT) -> None:
        self.ledger = Ledger(path, Bounds(), boot)
        self.ledger.open()
        self.intake = Intake(
            thing="t", topics=Topics("t", "t"), sequences=self.ledger.sequences, shadows=self.ledger.shadows, boot=boot,
            new_id=lambda _at: "made",
        )  # fmt: skip

    def commit(self, *admitted: Admitted, at: float = 1.0) -> None:
        batch = Batch()
        for each in admitted:
            batch.events += each.events
            batch.outgoing += each.outgoing
            batch.released += each.released
        self.ledger.commit(batch, moment(at))

    def hold(self, name: str, held: Visit = FULL) -> None:
        self.commit(self.intake.hold(Held(id=name, visit=held)))

    def settle(self, settled: Settled) -> None:
        self.commit(self.intake.settle(self.ledger.as_kept(settled)))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path / "db")
    yield made
    made.ledger.close()


def query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_every_field_of_a_visit_comes_back() -> None:
    text = held_row(Held(id="a", visit=FULL), BOOT).values["visit"]
    assert visit_of(text, FULL.at) == FULL
    assert visit_of(json.dumps({**json.loads(text), "of_a_later_version": 1}), FULL.at) == FULL
    with pytest.raises(TypeError):
        visit_of('{"camera": "front"}', FULL.at)


def test_a_settled_visit_is_a_visit_and_no_longer_held(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    assert query(tmp_path / "db", "SELECT count(*) FROM visits") == [(0,)]
    assert query(tmp_path / "db", "SELECT count(*) FROM outbox") == [(0,)]
    books.settle(Settled(id="a", visit=replace(FULL, passed_through=True)))
    assert query(tmp_path / "db", "SELECT id, passed_through, record FROM visits") == [("a", 1, FULL.record)]
    assert query(tmp_path / "db", "SELECT message_id FROM outbox") == [("a",)]
    assert query(tmp_path / "db", "SELECT * FROM held") == []


def test_what_was_left_over_is_found_once_however_often_the_file_is_opened(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    books.ledger.file.reopen()
    assert books.ledger.held.take_leftovers() == []  # it is this run's own
    books.ledger.close()
    again = Books(tmp_path / "db", "boot-2")
    (left,) = again.ledger.held.take_leftovers()
    assert left == Settled(id="a", visit=FULL, boot=BOOT)
    again.ledger.file.reopen()
    assert again.ledger.held.take_leftovers() == []
    again.settle(left)
    # Its moment counts from the start of its own boot, in the history and in the outbox.
    for table in ("visits", "outbox"):
        assert query(tmp_path / "db", f"SELECT boot, mono FROM {table}") == [(BOOT, FULL.at.mono)]
    again.ledger.close()
    assert query(tmp_path / "db", "SELECT * FROM held") == []


def test_one_that_was_erased_while_it_was_held_never_becomes_a_visit(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    books.hold("b")
    erased = books.ledger.erase(Erasure(visit="a"), moment(200))
    assert (erased.counts["visits"], erased.pictures) == (1, [FULL.snapshot])
    assert b"x-front-fever" in (tmp_path / "db").read_bytes()  # of b
    for name in ("a", "b"):
        books.settle(Settled(id=name, visit=FULL))
    assert query(tmp_path / "db", "SELECT id FROM visits") == [("b",)]
    assert query(tmp_path / "db", "SELECT message_id FROM outbox") == [("b",)]
    assert query(tmp_path / "db", "SELECT * FROM held") == []
    with pytest.raises(Refused):
        books.ledger.erase(Erasure(visit="a"), moment(200))


def test_one_that_was_erased_right_before_its_commit_is_left_out_of_it(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    late = books.intake.settle(Settled(id="a", visit=FULL))
    books.ledger.erase(Erasure(before=moment(100).wall), moment(200))
    books.commit(late)
    for table in ("visits", "outbox", "held"):
        assert query(tmp_path / "db", f"SELECT count(*) FROM {table}") == [(0,)]


def test_one_that_was_erased_before_a_crash_leaves_nothing(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    books.ledger.erase(Erasure(before=moment(100).wall), moment(200))
    assert b"x-front-fever" not in (tmp_path / "db").read_bytes()
    books.ledger.close()
    again = Books(tmp_path / "db")
    (left,) = again.ledger.held.take_leftovers()
    assert left.visit is None
    again.settle(left)
    again.ledger.close()
    for table in ("visits", "outbox", "held"):
        assert query(tmp_path / "db", f"SELECT count(*) FROM {table}") == [(0,)]


def test_alerts_of_tailgaters_are_of_people_also_where_no_camera_saw_them(books: Books, tmp_path: Path) -> None:
    for number, kind in enumerate(("tailgating", "outlier")):
        alert = Alert(at=moment(number), kind=kind, text="t", sensor="beam")
        books.commit(Admitted(Priority.URGENT, events=[event_row(alert, kind, BOOT)]))  # type: ignore[list-item]
    books.ledger.erase(Erasure(before=moment(100).wall), moment(200))
    assert query(tmp_path / "db", "SELECT kind FROM alerts") == [("outlier",)]


def test_one_that_was_seen_before_the_clock_was_set_gets_its_true_time(books: Books, tmp_path: Path) -> None:
    early = replace(FULL, at=moment(2, synced=False))
    books.commit(books.intake.hold(Held(id="a", visit=early)), at=3)  # from here on the clock is set
    assert query(tmp_path / "db", "SELECT wall, synced FROM held") == [(moment(2).wall, 2)]
    books.commit(at=4)
    books.commit(books.intake.settle(Settled(id="a", visit=early)), at=5)
    for table in ("visits", "outbox"):
        assert query(tmp_path / "db", f"SELECT wall, synced FROM {table}") == [(moment(2).wall, 2)]


def test_a_salvage_carries_it_over(books: Books, tmp_path: Path) -> None:
    books.hold("a")
    books.ledger.close()
    salvage(tmp_path / "db")
    again = Books(tmp_path / "db")
    assert [each.id for each in again.ledger.held.take_leftovers()] == ["a"]
    again.ledger.close()


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", '{"camera": 1}', b"\xff\xfe"])
def test_a_damaged_one_keeps_no_daemon_from_starting(books: Books, tmp_path: Path, content: object) -> None:
    books.hold("a")
    books.hold("b")
    books.ledger.close()
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("UPDATE held SET visit = ? WHERE id = 'a'", (content,))
        connection.commit()
    again = Books(tmp_path / "db")
    assert [each.id for each in again.ledger.held.take_leftovers()] == ["b"]
    if content in ("no JSON", "[]", b"\xff\xfe"):
        inspection = Inspection(tmp_path / "db")
        damage = [each for part in inspection.damage() for each in part]
        inspection.close()
        assert again.ledger.mend(damage, moment()).where == {"held": {"visit"}}
        assert query(tmp_path / "db", "SELECT id FROM held") == [("b",)]
    again.ledger.close()


def test_what_nobody_ever_settled_is_forgotten_with_the_history(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "db", Bounds(history=Seconds(3600.0)), BOOT)
    ledger.open()
    ledger.commit(Batch(events=[held_row(Held(id="a", visit=FULL), BOOT)]), moment())
    ledger.housekeeping(moment(3500))
    assert query(tmp_path / "db", "SELECT count(*) FROM held") == [(1,)]
    ledger.housekeeping(moment(3700))
    assert query(tmp_path / "db", "SELECT count(*) FROM held") == [(0,)]
    ledger.close()


def test_erasing_a_visit_takes_the_tailgating_of_its_passage_along_and_no_other(books: Books) -> None:
    names = ("before", "soon", "elsewhere", "later", "fever")
    at, cameras, kinds = (9.0, 13.0, 13.0, 90.0, 13.0), ("front", "front", "back", "front", "front"), ["tailgating"] * 4
    alerts = [
        Alert(at=moment(when), kind=kind, text="t", camera=camera, snapshot=f"{name}.jpg")
        for name, when, camera, kind in zip(names, at, cameras, [*kinds, "fever"], strict=True)
    ]
    batch = Batch()
    events: list[tuple[str, Event]] = [("a", replace(FULL, at=moment(10))), *zip(names, alerts, strict=True)]
    batch.events += [row for name, event in events if (row := event_row(event, name, BOOT))]
    books.ledger.commit(batch, moment(100))
    erased = books.ledger.erase(Erasure(visit="a"), moment(200))
    assert (erased.counts["visits"], erased.counts["alerts"]) == (1, 1)
    assert sorted(erased.pictures) == ["soon.jpg", FULL.snapshot]
