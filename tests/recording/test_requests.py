"""What others ask of the recorder: it is woken for it, and answers when it is on the disk, or says why not."""

import sqlite3
import threading
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import visit
from tests.recording.test_damaged_rows import CLOCK, desk

from edge_mask.errors import TryLater
from edge_mask.ledger.database import identity_of
from edge_mask.messages import Health, Priority
from edge_mask.recording.mail import Entry, Inbox, Taker
from edge_mask.recording.requests import Barrier, Condemn, Purge, ReadShadow, UpdateShadow
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.shadow import UpdateRefused


def test_a_shadow_can_be_changed_and_read_and_is_on_the_disk_when_the_answer_comes(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        update = UpdateShadow("gate-01", None, {"state": {"desired": {"light": 1}}})
        assert it.inbox.ask(update)
        document = update.answer.result(20)
        assert document is not None
        assert document["state"]["desired"] == {"light": 1}
        with closing(sqlite3.connect(tmp_path / "db")) as connection:
            assert connection.execute("SELECT count(*) FROM shadows").fetchone() == (1,)
        read, nobody = ReadShadow("gate-01"), ReadShadow("gate-02")
        assert it.inbox.ask(read)
        assert it.inbox.ask(nobody)
        assert read.answer.result(20) == document | {"timestamp": read.answer.result()["timestamp"]}  # type: ignore[index]
        assert nobody.answer.result(20) is None


def test_an_update_that_a_shadow_does_not_take_is_answered_with_the_reason(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        update = UpdateShadow("gate-01", None, {"state": {"wished": {}}})
        assert it.inbox.ask(update)
        with pytest.raises(UpdateRefused, match="unknown state 'wished'"):
            update.answer.result(20)


def test_a_purge_says_how_many_messages_went(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        for _ in range(3):
            it.inbox.emit(visit(CLOCK.now()))
        it.recorded()
        purge = Purge()
        assert it.inbox.ask(purge)
        assert purge.answer.result(20) == 3


def test_a_request_that_comes_after_the_stop_or_finds_no_room_is_answered_too() -> None:
    inbox = Inbox()
    while inbox.ask(Barrier()):
        pass
    late = ReadShadow("gate-01")
    assert not inbox.ask(late)
    with pytest.raises(TryLater):
        late.answer.result(0)
    inbox.mailbox.close()
    closed = Purge()
    assert not inbox.ask(closed)
    with pytest.raises(CancelledError):
        closed.answer.result(0)


def test_a_taker_in_deep_sleep_is_woken_by_what_does_not_wake_one_that_naps() -> None:
    mailbox: Mailbox[int] = Mailbox(10)
    mailbox.poke()
    assert mailbox.take_many(1, None, is_deep=True) == [], "something happened elsewhere"
    mailbox.put(1, wake=False)
    assert mailbox.take_many(1, None, is_deep=True) == [1]


def test_one_live_message_wakes_a_recorder_that_sleeps(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        it.recorded()
        it.inbox.emit(Health(at=CLOCK.now(), values={}))
        assert it.sent.get(timeout=5).priority is Priority.LIVE  # long before it looks by itself


class Sleeper(Mailbox[Entry]):
    """Two live messages at each look; notes how deep the taker sleeps."""

    def __init__(self) -> None:
        super().__init__(10)
        self.depths: list[bool] = []

    def take_many(self, limit: int, timeout: float | None, *, is_deep: bool = False) -> list[Entry]:
        self.depths.append(is_deep)
        return [Health(at=CLOCK.now(), values={})] * 2


@pytest.mark.parametrize("uptime", [3.0, 5000.1, 70_000.7, 1e7 / 3])
def test_while_live_messages_follow_closely_they_do_not_wake_the_recorder_whatever_the_uptime(uptime: float) -> None:
    mailbox = Sleeper()
    taker = Taker(mailbox, ManualClock(uptime))
    for _ in range(2):
        taker.take(0, float("inf"), threading.Event())
    assert mailbox.depths == [True, False]


def test_what_was_found_in_a_file_that_is_gone_condemns_no_other(tmp_path: Path) -> None:
    """A second salvage of the same damage would set the good new file aside."""
    path = tmp_path / "db"
    with desk(path) as it:
        it.inbox.emit(visit(CLOCK.now()))
        it.recorded()
        old, first = identity_of(path), Condemn("page 3 is torn", identity_of(path))
        assert it.inbox.ask(first)
        first.answer.result(20)
        new = identity_of(path)
        assert new != old
        late = Condemn("page 3 is torn", old)
        assert it.inbox.ask(late)
        late.answer.result(20)
        assert identity_of(path) == new
    aside = [file for file in tmp_path.glob("db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert len(aside) == 1, "one damaged database, with or without its journal: a reader may still have held it"
