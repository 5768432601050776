"""Gaps in the sequences of a real device, found by the installed sink and filled from the device's history."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, write_config, write_readings
from tests.sink.central import Central
from tests.sink.servers import DatabaseServer
from tests.waiting import until

TOPIC = "edge-mask/gate-01/temperature"
MANY = 60


def write_device(folder: Path, port: int, **changes: Any) -> Path:
    """A device with one thermometer, which says MANY values within two seconds and then the same two seconds later."""
    folder.mkdir(exist_ok=True)
    sensor = {
        "name": "forehead", "kind": "replay", "path": str(write_readings(folder / "r.csv", range(MANY), every=0.05)),
        "quantity": "temperature", "unit": "C", "rate": "max", "interval": "0.01s",
    }  # fmt: skip
    return write_config(folder, port, cameras=[], sensors=[sensor], **changes)


def sent(folder: Path) -> int:
    """How many readings the broker has taken from a device."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(folder / "edge-mask.db")) as database:
        query = "SELECT (SELECT count(*) FROM readings) - (SELECT count(*) FROM outbox)"
        return int(database.execute(query).fetchone()[0])
    return 0


def seqs(central: Central) -> list[int]:
    return [row[0] for row in central.query(f"SELECT seq FROM messages WHERE topic = '{TOPIC}' ORDER BY seq")]


def test_what_a_broker_threw_away_is_found_and_comes_from_the_history(server: DatabaseServer, tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "mosquitto", options=("max_queued_messages 20", "max_inflight_messages 200")) as broker,
        Central(tmp_path, broker, server) as central,
    ):
        assert central.once().code == 0  # subscribes, and is away from now on
        config = central.write_config(refill_after="1s")
        with (
            Subscriber(broker.port, "edge-mask/#") as other,
            Daemon(write_device(tmp_path / "device", broker.port)) as device,
        ):
            until(lambda: sent(tmp_path / "device") == MANY)
            with central.sink(config) as sink:
                sink.is_ready()
                until(lambda: seqs(central) == list(range(1, MANY + 1)))
                until(lambda: central.query("SELECT upto_seq FROM sequences") == [(MANY,)])
                until(lambda: central.query("SELECT * FROM gaps") == [])
                told = other.wait_for(lambda got: any(each.topic.endswith("/stored") for each in got))
                assert told
                assert sink.stop() == 0
                assert "Traceback" not in sink.stderr
            assert device.stop() == 0
