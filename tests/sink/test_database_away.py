"""The database is away, wrong, full or ours no more: nothing is acknowledged, and a sentence says why."""

from pathlib import Path
from typing import Any

import pytest
from tests.broker import Wire, free_port
from tests.sink.central import Central, Sink
from tests.sink.servers import PASSWORD, DatabaseServer
from tests.waiting import until


def behind(wire: Wire, central: Central, **more: Any) -> Path:
    """A configuration whose database is reached through `wire`."""
    url = central.server.url(central.database).replace(f":{central.server.port}/", f":{wire.port}/")
    return central.write_config("behind.yaml", database=url, **more)


def test_database_away_loses_nothing_and_says_so_once(central: Central) -> None:
    with Wire(central.server.port) as wire, central.sink(behind(wire, central)) as sink:
        sink.is_ready()
        central.visit(1)
        until(lambda: central.count() == 1)
        wire.cut()
        visits = [central.visit(seq) for seq in range(2, 60)]
        sink.says("nothing is acknowledged, the broker keeps what comes")
        assert central.count() == 1
        wire.mend()
        until(lambda: central.count() == 59)
        sink.says("database: back after")
        assert sink.stop() == 0
        assert sink.stderr.count("nothing is acknowledged") == 1
        assert "Traceback" not in sink.stderr
        assert "broker" not in sink.stderr.partition("stores into")[2].replace("the broker keeps", "")
    assert {each["id"] for each in visits} < set(central.ids())


def test_database_away_at_the_start_is_no_reason_to_end(in_postgres: Central) -> None:
    with Wire(in_postgres.server.port) as wire:
        wire.cut()
        with in_postgres.sink(behind(wire, in_postgres)) as sink:
            sink.says("subscribed to")  # at once: what is published before that is lost
            in_postgres.visit()
            sink.says("nothing is acknowledged")
            wire.mend()
            until(lambda: "stores into" in sink.stderr or "back after" in sink.stderr)
            until(lambda: in_postgres.count() == 1)


def test_sink_killed_while_the_database_was_away_gets_everything_again(in_postgres: Central) -> None:
    with Wire(in_postgres.server.port) as wire:
        config = behind(wire, in_postgres)
        with in_postgres.sink(config) as sink:
            sink.is_ready()
            wire.cut()
            for seq in range(1, 21):
                in_postgres.visit(seq)
            sink.says("nothing is acknowledged")
            sink.kill()
        wire.mend()
        assert "20 stored, 0 repeated" in in_postgres.once(config).err


def test_frozen_database_does_not_keep_the_sink_from_stopping(in_postgres: Central) -> None:
    with in_postgres.server.connect(in_postgres.database) as holder, in_postgres.sink() as sink:
        sink.is_ready()
        holder.exec_driver_sql("BEGIN")
        holder.exec_driver_sql("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        in_postgres.visit()
        until(lambda: in_postgres.query("SELECT 1 FROM pg_locks WHERE NOT granted"))
        assert sink.stop() == 0
        assert "sink-writer does not stop; what it has in hand is not acknowledged, and comes again" in sink.stderr
        holder.exec_driver_sql("ROLLBACK")
    assert "0 refused" in in_postgres.once().err
    assert in_postgres.count() == 1


def test_read_only_database_is_named(in_postgres: Central) -> None:
    with in_postgres.sink() as sink:
        sink.is_ready()
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sink'"
        in_postgres.server.query(f"ALTER DATABASE {in_postgres.database} SET default_transaction_read_only = on")
        in_postgres.query(everybody)
        in_postgres.visit()
        sink.says("read-only transaction (is this the primary server?)")
        in_postgres.server.query(f"ALTER DATABASE {in_postgres.database} RESET default_transaction_read_only")
        in_postgres.query(everybody)
        until(lambda: in_postgres.count() == 1)


def test_dropped_table_is_made_anew(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
        central.query("DROP TABLE messages" + (" CASCADE" if "postgresql" in central.server.scheme else ""))
        central.visit()
        sink.says("(it is made anew)")
        sink.says("database: back after")
        until(lambda: central.count() == 1)
        assert central.count("visits") == 1
        assert central.count("refused") == 0


def test_wrong_password_is_a_sentence_that_does_not_hold_it(central: Central) -> None:
    (central.folder / "wrong").write_text("5ecret-5ecret")
    config = central.write_config("wrong.yaml", password_file=str(central.folder / "wrong"))
    done = central.once(config)
    assert (done.code, done.out) == (4, ""), done
    assert done.err.startswith("database: ")
    assert "(see sink.password_file)" in done.err
    assert "5ecret" not in done.err
    assert len(done.err.splitlines()) == 1, done.err


def test_database_that_is_not_there_is_a_sentence(central: Central) -> None:
    config = central.write_config("nowhere.yaml", database=central.server.url("nowhere"))
    done = central.once(config)
    assert done.code == 4
    assert "nowhere" in done.err
    assert len(done.err.splitlines()) == 1, done.err


def test_nobody_listens_where_the_database_should_be(central: Central) -> None:
    url = central.server.url(central.database).replace(f":{central.server.port}/", f":{free_port()}/")
    done = central.once(central.write_config("nobody.yaml", database=url))
    assert done.code == 4
    assert "refused" in done.err
    assert PASSWORD not in done.err
    assert len(done.err.splitlines()) == 1, done.err


def test_a_schema_of_a_newer_program_is_left_alone(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
    central.query("INSERT INTO schema_version (version, applied) VALUES (999, '2030-01-01')")
    with central.sink() as sink:
        assert sink.process.wait(30) == 4
        assert "its schema has version 999, and this edge-mask knows" in sink.stderr
        assert "Traceback" not in sink.stderr
    assert central.once().code == 4


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_two_sinks_that_start_at_once_make_the_tables_once_and_store_each_message_once(
    name: str, request: pytest.FixtureRequest, broker: object, tmp_path: Path
) -> None:
    server: DatabaseServer = request.getfixturevalue(name)
    with Central(tmp_path, broker, server) as central:  # type: ignore[arg-type]  # a fixture's value
        other = central.write_config("other.yaml", client_id="edge-mask-sink-2")
        with central.sink() as first, Sink(other) as second:
            first.is_ready()
            second.is_ready()
            ids = {central.visit(seq)["id"] for seq in range(1, 101)}
            until(lambda: set(central.ids()) == ids)
            assert first.stop() == second.stop() == 0
            assert central.count() == 100
            assert "Traceback" not in first.stderr + second.stderr
            assert "nothing is acknowledged" not in first.stderr + second.stderr


def test_full_disk_is_named_and_nothing_is_lost(in_postgres: Central) -> None:
    """The error of a real server, by a rule in it: a disk that is really full takes the whole machine with it."""
    with in_postgres.sink() as sink:
        sink.is_ready()
        in_postgres.query(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        in_postgres.query("CREATE TRIGGER t BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION full_disk()")
        in_postgres.visit()
        sink.says("No space left on device (make room on its disk)")
        assert in_postgres.count("refused") == 0
        in_postgres.query("DROP TRIGGER t ON messages")
        until(lambda: in_postgres.count() == 1)
        assert sink.stop() == 0


def test_acknowledgements_of_an_older_connection_are_dropped(in_postgres: Central) -> None:
    with (
        Wire(in_postgres.broker.port) as wire,
        in_postgres.server.connect(in_postgres.database) as holder,
        in_postgres.sink(in_postgres.write_config("wire.yaml", mqtt={"port": wire.port}, batch=10)) as sink,
    ):
        sink.is_ready()
        holder.exec_driver_sql("BEGIN")
        holder.exec_driver_sql("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        ids = {in_postgres.visit(seq)["id"] for seq in range(1, 101)}
        until(lambda: in_postgres.query("SELECT 1 FROM pg_locks WHERE NOT granted"))
        wire.cut()  # what is in hand was brought by a connection that is gone when it is committed
        sink.says("broker: ")
        wire.mend()
        sink.says("subscribed to", times=2)
        holder.exec_driver_sql("ROLLBACK")
        until(lambda: set(in_postgres.ids()) == ids)
        assert sink.stop() == 0
    assert "0 stored, 0 repeated" in in_postgres.once().err


def test_broker_that_forgot_what_the_sink_had_in_hand_loses_nothing(in_postgres: Central) -> None:
    with in_postgres.server.connect(in_postgres.database) as holder, in_postgres.sink() as sink:
        sink.is_ready()
        in_postgres.broker.stop()  # it has written down that the sink subscribed
        saved = (in_postgres.folder / "mosquitto/mosquitto.db").read_bytes()
        in_postgres.broker.start()
        sink.says("subscribed to", times=2)
        holder.exec_driver_sql("BEGIN")
        holder.exec_driver_sql("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        ids = {in_postgres.visit(seq)["id"] for seq in range(1, 51)}
        until(lambda: in_postgres.query("SELECT 1 FROM pg_locks WHERE NOT granted"))
        in_postgres.broker.kill()
        (in_postgres.folder / "mosquitto/mosquitto.db").write_bytes(saved)
        in_postgres.broker.start()
        sink.says("subscribed to", times=3)
        holder.exec_driver_sql("ROLLBACK")
        until(lambda: set(in_postgres.ids()) == ids)
        assert sink.stop() == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"of yesterday\n", "(see sink.password_file)"),
        (b"\xff\xfe\n", "is not a text file"),
        (b"two\0parts\n", "holds a control character"),
    ],
)
def test_a_password_that_is_mended_needs_no_restart(central: Central, content: bytes, sentence: str) -> None:
    """It was right at the start; then somebody wrote another one, or nonsense, and the connection was lost."""
    password = central.folder / "password"
    good = password.read_bytes()
    with Wire(central.server.port) as wire, central.sink(behind(wire, central)) as sink:
        sink.is_ready()
        password.write_bytes(content)
        wire.cut()
        central.visit(1)
        sink.says("nothing is acknowledged")
        wire.mend()
        sink.says(sentence)
        password.write_bytes(good)
        until(lambda: central.count() == 1)
        assert sink.stop() == 0
    assert "Traceback" not in sink.stderr
    assert "yesterday" not in sink.stderr
