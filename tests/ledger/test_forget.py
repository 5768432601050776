"""The history stays so long, and takes so much room."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.rows import BOOT, batch, moment, older, reading, visit, waiting

from edge_mask.ledger.bounds import Bounds, sizes_of
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Look
from edge_mask.shadow import ShadowTopic
from edge_mask.units import Bytes, Moment, Seconds

ROOM = Bytes(400_000)
SHADOW = b'{"state": {"reported": {"a": "%s"}}}' % (b"x" * 4000)


@contextmanager
def opened(path: Path, bounds: Bounds) -> Iterator[Ledger]:
    with closing(Ledger(path, bounds, BOOT)) as ledger:
        ledger.open()
        yield ledger


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def used(ledger: Ledger) -> int:
    connection = ledger.file.connection
    taken = sum(sizes_of(connection).values())
    connection.rollback()
    return taken


def look(at: Moment) -> Look:
    return Look(at=at, camera="hall", faces=2, no_mask=1, streak=3)


def alert(at: Moment) -> Alert:
    return Alert(at=at, kind="no_mask_streak", camera="hall", sensor=None, text="x" * 200, streak=6)


def record(ledger: Ledger, name: str, *events: Event) -> None:
    """Events with ids that grow with time, as UUIDv7 do."""
    named = tuple((f"{event.at.mono:012.3f}-{name}-{n:05}", event) for n, event in enumerate(events))
    ledger.commit(batch(events=named), events[-1].at)


def tidy(ledger: Ledger, now: Moment) -> int:
    """Housekeeping until it has nothing more to do; how often it was asked."""
    for turn in range(1, 1000):
        if not ledger.housekeeping(now):
            return turn
    raise AssertionError("housekeeping never ends")


def test_old_history_is_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "db", Bounds(history=Seconds(3600))) as ledger:
        record(ledger, "old", visit(moment(0)))
        record(ledger, "new", visit(moment(3000)))
        ledger.housekeeping(moment(4000))
        assert rows(tmp_path / "db", "SELECT wall FROM visits") == [(moment(3000).wall,)]


def test_more_old_history_than_goes_at_once_is_forgotten_soon(tmp_path: Path) -> None:
    with opened(tmp_path / "db", Bounds(history=Seconds(3600))) as ledger:
        record(ledger, "old", *(look(moment(n / 10)) for n in range(1500)))
        assert tidy(ledger, moment(90000)) > 1
        assert rows(tmp_path / "db", "SELECT count(*) FROM looks") == [(0,)]


def test_when_the_history_takes_too_much_room_the_oldest_looks_and_readings_go(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds(history_bytes=ROOM)) as ledger:
        record(ledger, "visit", visit(moment(0)))
        record(ledger, "alert", alert(moment(0)))
        for turn in range(14):
            record(ledger, "look", *(look(moment(turn * 100 + n / 10)) for n in range(500)))
            record(ledger, "reading", *(reading(36.0, moment(turn * 100 + n)) for n in range(50)))
        assert used(ledger) > 2 * ROOM
        tidy(ledger, moment(1500))
        assert 0.8 * ROOM < used(ledger) <= ROOM
        assert rows(path, "SELECT count(*) FROM visits") == rows(path, "SELECT count(*) FROM alerts") == [(1,)]
        ((first, last),) = rows(path, "SELECT min(mono), max(mono) FROM looks")
        assert moment(100).mono < first
        assert last == moment(1300 + 49.9).mono
        assert rows(path, "SELECT count(*) FROM readings") == [(700,)]  # of which there are fewer


def test_visits_go_only_when_no_look_or_reading_is_left_and_alerts_after_them(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds(history_bytes=ROOM)) as ledger:
        record(ledger, "alert", *(alert(moment(n)) for n in range(300)))
        record(ledger, "look", *(look(moment(1000 + n)) for n in range(10)))
        record(ledger, "visit", *(visit(moment(n)) for n in range(3000)))
        tidy(ledger, moment(5000))
        assert rows(path, "SELECT count(*) FROM looks") == [(0,)]
        assert 0 < rows(path, "SELECT count(*) FROM visits")[0][0] < 3000
        assert rows(path, "SELECT max(mono) FROM visits") == [(moment(2999).mono,)]
        assert rows(path, "SELECT count(*) FROM alerts") == [(300,)]


def test_history_is_bounded_on_a_board_whose_clock_was_never_set(tmp_path: Path) -> None:
    with opened(tmp_path / "db", Bounds(history_bytes=ROOM)) as ledger:
        record(ledger, "look", *(look(moment(n / 10, synced=False)) for n in range(4000)))
        tidy(ledger, moment(500, synced=False))
        assert used(ledger) <= ROOM


def test_messages_that_wait_are_no_history(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds(history_bytes=ROOM)) as ledger:
        record(ledger, "visit", *(visit(moment(n)) for n in range(100)))
        for each in range(100):  # a size of which only one fits into a page
            ledger.shadows.apply(ShadowTopic(f"t{each}", None, "update"), SHADOW, 1)
        ledger.commit(batch(*(waiting(n, size=2100) for n in range(4000))), moment())
        tidy(ledger, moment())
        assert rows(path, "SELECT count(*) FROM visits") == [(100,)]
        assert rows(path, "SELECT count(*) FROM outbox") == [(4000,)]


def test_what_the_history_is_said_to_take_is_about_what_the_file_takes(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds()) as ledger:
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        empty = path.stat().st_size
        for turn in range(40):
            at = moment(turn * 100)
            record(ledger, "look", *(look(moment(turn * 100 + n / 10)) for n in range(100)))
            record(ledger, "reading", *(reading(36.0, moment(turn * 100 + n / 10)) for n in range(100)))
            record(ledger, "alert", *[alert(at)] * 20)
            record(ledger, "visit", *[visit(at)] * 20)
        said = used(ledger)
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert 0.75 < said / (path.stat().st_size - empty) < 1.25


def test_history_of_an_older_database_is_counted_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds()) as ledger:
        record(ledger, "look", *(look(moment(n / 10)) for n in range(50)))
        record(ledger, "alert", alert(moment(50)))
        said = used(ledger)
    old = tmp_path / "old"
    older(path, old, 2)
    with opened(old, Bounds()) as ledger:
        assert used(ledger) == said


def test_a_clock_that_was_wrong_for_a_while_does_not_decide_what_goes(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, Bounds(history_bytes=ROOM)) as ledger:
        record(ledger, "look", look(moment(1e9)))  # from the future
        record(ledger, "look", *(look(moment(n / 10)) for n in range(4000)))
        record(ledger, "reading", *(reading(36.0, moment(n)) for n in range(1500)))
        tidy(ledger, moment(1500))
        assert used(ledger) <= ROOM
        assert rows(path, "SELECT max(mono) FROM looks") == [(moment(399.9).mono,)]
        assert rows(path, "SELECT max(mono) FROM readings") == [(moment(1499).mono,)]


def test_that_the_history_is_full_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path / "db", Bounds(history_bytes=Bytes(1_000_000))) as ledger, caplog.at_level(logging.WARNING):
        for turn in range(2):
            record(ledger, "look", *(look(moment(turn * 1000 + n / 10)) for n in range(9000)))
            tidy(ledger, moment(3000))
    (told,) = [each.getMessage() for each in caplog.records]
    assert told.startswith("history: it takes more than the 1 MB of history.max_bytes; from now on the oldest goes")
