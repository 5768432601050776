"""What is known of sequences, in real databases: written by two stores, read again, found from messages alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection
from tests.sink.central import Central, message, new_id

from edge_mask.settings.sink import Sink
from edge_mask.sink import gaps
from edge_mask.sink.database import engine_for
from edge_mask.sink.sequences import Track

KEY = ("gate-01", "edge-mask/gate-01/visits")
IDS = [new_id(1_790_000_000.0 + n) for n in range(100)]


def track(*numbers: int) -> Track:
    first, *others = numbers
    made = Track.begin(first, IDS[first])
    for each in others:
        made.take(each, IDS[each])
    return made


@contextmanager
def connected(central: Central) -> Iterator[Connection]:
    """To a database that has its tables."""
    assert central.once().code == 0
    keys = {"database": central.server.url(central.database), "password_file": central.folder / "password"}
    engine = engine_for(Sink.model_validate(keys))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_what_is_saved_is_read_again_and_two_stores_know_together_what_either_knows(central: Central) -> None:
    now = datetime.now(UTC)
    with connected(central) as database:
        assert gaps.load(database) == ({}, None)
        mine = track(1, 2, 7, 9)
        mine.give_up([(3, 4)])
        assert gaps.save(database, {KEY: mine}, now)[KEY].gaps == [(5, 6), (8, 8)]
        found, saved = gaps.load(database)
        assert found == {KEY: mine}
        assert saved is not None
        assert abs((saved - now).total_seconds()) < 1
        other = track(6, 7, 8, 12)
        assert gaps.save(database, {KEY: other}, now)[KEY].gaps == [(5, 5), (10, 11)]
        found, _ = gaps.load(database)
        assert (found[KEY].first, found[KEY].upto, found[KEY].lost) == (1, 12, [(3, 4)])
        whole = track(*range(1, 13))
        gaps.save(database, {KEY: whole}, now)
        assert gaps.load(database)[0][KEY].missing == []


def test_many_topics_are_saved_at_once(in_postgres: Central) -> None:
    many = {(f"gate-{n}", f"edge-mask/gate-{n}/visits"): track(1, 5) for n in range(2 * gaps.AT_ONCE + 1)}
    with connected(in_postgres) as database:
        gaps.save(database, many, datetime.now(UTC))
        assert gaps.load(database)[0] == many


def test_gaps_are_found_in_what_was_stored_before_there_were_sequences(central: Central) -> None:
    with connected(central) as database:
        for seq in (3, 4, 8, 9, 12):
            central.visit(seq)
        central.publish("edge-mask/gate-01/remarks", {**message(1), "seq": None})
        assert central.once().code == 0
        found = gaps.discover(database)[KEY]
        assert (found.first, found.upto, found.gaps) == (3, 12, [(5, 7), (10, 11)])
        assert len(list(gaps.recent(database, datetime.now(UTC)))) == 5
        later = datetime.fromtimestamp(time.time() + gaps.LOOKS_BACK + 5, UTC)
        assert list(gaps.recent(database, later)) == []


def test_numbers_that_no_device_reaches_and_live_topics_are_no_gaps(central: Central) -> None:
    with connected(central) as database:
        for seq in (3, 4, 2**53 - 1):
            central.visit(seq)
        for topic in ("detections", "visits "):
            for seq in (1, 5):
                central.publish(f"edge-mask/gate-01/{topic}", message(seq))
        assert central.once(central.write_config(live=True)).code == 0
        central.query("UPDATE messages SET seq = 9223372036854775807 WHERE seq = 4")  # as an earlier sink stored it
        found = gaps.discover(database)
        assert {key: (each.upto, each.gaps) for key, each in found.items()} == {KEY: (2**53 - 1, [])}
        assert found[KEY].lost == [(4, 2**53 - 2)]
        assert {key for key, _, _ in gaps.recent(database, datetime.now(UTC))} == {KEY}
