"""Before a house ends for another one: what waits is written, or stands against it."""

from pathlib import Path

from tests.recording.test_recorder import desk, no_room, reading
from tests.waiting import until

from edge_mask.recording.mail import Inbox
from edge_mask.recording.what_waits import WhatWaits


def test_what_waits_for_the_next_commit_is_written_first(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=3600.0) as it:
        inbox = Inbox()
        inbox.mailbox = it.mailbox
        it.mailbox.put(reading())
        assert WhatWaits(it.recorder.why_waiting, inbox.ask)() == ""
        assert it.rows("SELECT count(*) FROM readings") == [(1,)]


def test_rows_that_cannot_be_written_stand_against_the_end_until_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=3600.0) as it:
        inbox = Inbox()
        inbox.mailbox = it.mailbox
        what_waits = WhatWaits(it.recorder.why_waiting, inbox.ask)
        with no_room(path):
            it.mailbox.put(reading())
            for _ in range(2):  # the second one finds the outage
                assert what_waits().startswith("the database cannot be written (disk is full), and what waits to be")
        until(lambda: not it.recorder.why_waiting())
        assert what_waits() == ""
        assert it.rows("SELECT count(*) FROM readings") == [(1,)]
