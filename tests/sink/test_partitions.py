"""Partitions: ahead of need, dropped when old, and a place for ids of clocks that were wrong."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sink.central import message, new_id
from tests.sink.servers import DatabaseServer

from edge_mask.settings.sink import Sink
from edge_mask.sink import partitions
from edge_mask.sink.database import engine_for
from edge_mask.sink.rows import Incoming, row_of
from edge_mask.sink.store import Store
from edge_mask.units import Seconds, Unix

DAY = Seconds(86_400.0)
NOW = datetime(2026, 11, 29, 13, 30, tzinfo=UTC)


class Database:
    """An empty database, and the store that a sink would use; no broker and no process are needed for this."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self.name = server.new_database()
        self.is_postgresql = "postgresql" in server.scheme

    @contextmanager
    def store(self, *, keep: float | None = None, partition: float = DAY) -> Iterator[Store]:
        sink = Sink(database=self.server.url(self.name, with_password=True))
        kept = None if keep is None else Seconds(keep)
        store = Store(engine_for(sink), self.name, partition=Seconds(partition), keep=kept)
        yield store
        store.close()

    def put(self, *made_at: float) -> list[str]:
        """A visit whose id was made at each of these times; the ids."""
        ids = [new_id(at) for at in made_at]
        with self.store() as store:
            arrived = [
                Incoming("edge-mask/gate-01/visits", json.dumps(message(seq, id=each)).encode(), Unix(time.time()))
                for seq, each in enumerate(ids)
            ]
            store.write([(row_of(each, "gate-01", "visits"), each) for each in arrived], [])
        return ids

    def ids(self, source: str = "messages") -> list[str]:
        return [str(row[0]) for row in self.server.query(f"SELECT id FROM {source} ORDER BY id", self.name)]

    def partitions(self) -> list[partitions.Partition]:
        with self.server.connect(self.name) as connection:
            return partitions.existing(connection)

    def rest(self) -> list[str]:
        in_mariadb = "messages PARTITION (messages_earlier, messages_later)"
        return self.ids("messages_rest" if self.is_postgresql else in_mariadb)


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[Database]:
    made = Database(server)
    yield made
    server.drop(made.name)


def test_at_first_there_are_today_and_two_days_ahead() -> None:
    made = partitions.wanted(NOW, DAY, None)
    assert [each.name for each in made] == [f"messages_202611{day}t000000" for day in (29, 30)] + [
        "messages_20261201t000000"
    ]


def test_after_a_month_away_the_hole_is_one_partition() -> None:
    made = partitions.wanted(NOW, DAY, NOW.replace(hour=0, minute=0) - timedelta(days=30))
    assert [(each.ends - each.begins).days for each in made] == [31, 1, 1]


@given(
    now=st.integers(1_577_000_000, 3_786_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    size=st.sampled_from([3600, 5000, 86_400, 7 * 86_400, 366 * 86_400]),
    before=st.one_of(st.none(), st.sampled_from([3600, 86_400, 7 * 86_400])),
    gap=st.integers(0, 400 * 86_400),
)
def test_partitions_follow_each_other_whatever_their_size_was_before(
    now: datetime, size: int, before: int | None, gap: int
) -> None:
    last = None
    if before is not None:
        earlier = partitions.wanted(now - timedelta(seconds=gap), Seconds(before), None)
        last = earlier[-1].ends
    made = partitions.wanted(now, Seconds(size), last)
    begins = last
    for each in made:
        assert begins is None or each.begins == begins
        assert each.begins < each.ends
        begins = each.ends
    covered = begins if begins is not None else last
    assert covered is not None
    assert covered > now + timedelta(seconds=size)


def test_ids_of_wrong_clocks_are_stored_in_the_rest(database: Database) -> None:
    ids = database.put(5.0, 1_700_000_000.0, 4_102_444_800.0, 2**48 / 1000 - 1, time.time())
    assert database.ids() == sorted(ids)
    assert database.rest() == sorted(ids[:-1])


def test_rows_of_a_clock_that_is_ahead_move_into_their_partition_once_it_is_made(database: Database) -> None:
    ahead = time.time() + 6 * DAY
    ids = database.put(ahead)
    assert database.rest() == ids
    with database.store(partition=3 * DAY) as store:
        store.upkeep()
    own = next(each for each in database.partitions() if each.begins.timestamp() <= ahead < each.ends.timestamp())
    assert database.ids(own.name if database.is_postgresql else f"messages PARTITION ({own.name})") == ids
    assert database.rest() == []


def test_what_is_older_than_keep_goes_a_partition_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past, database.store() as store:
        for days in (40, 37, 34, 31, 28, 25):  # the sink has run since then
            past.setattr(partitions, "_now", lambda _connection, days=days: datetime.now(UTC) - timedelta(days=days))
            store.upkeep()
    database.put(*(time.time() - days * DAY for days in (39, 35, 32)))
    young = database.put(*(time.time() - days * DAY for days in (20, 0)))
    assert len(database.ids()) == 5
    with database.store(keep=30 * DAY) as store:
        store.upkeep()
    assert database.ids() == young
    assert database.partitions()[0].ends.timestamp() > time.time() - 30 * DAY


def test_what_lies_in_the_rest_is_kept_by_the_time_of_its_arrival(database: Database) -> None:
    _old, new = database.put(5.0, 6.0)
    database.server.query("UPDATE messages SET received = '2020-01-01' WHERE seq = 0", database.name)
    with database.store(keep=30 * DAY) as store:
        store.upkeep()
    assert database.ids() == [new]


def test_a_query_that_holds_the_table_delays_partitions_and_not_messages(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.put(time.time())
    before = database.partitions()
    with database.store(partition=7 * DAY) as store, database.server.connect(database.name) as holder:
        holder.exec_driver_sql("BEGIN")
        holder.exec_driver_sql(f"SELECT * FROM {'messages_rest' if database.is_postgresql else 'messages'}").all()
        store.upkeep()
        assert "partitions cannot be changed now, and will be later" in caplog.text
        assert database.partitions() == before
        assert len(database.put(time.time())) == 1
        holder.exec_driver_sql("ROLLBACK")
        store.upkeep()
    assert len(database.partitions()) > len(before)
    assert len(database.ids()) == 2
