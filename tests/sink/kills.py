"""`kill -9` of the sink, the database's server and the broker, with the outboxes of real daemons as publishers."""

import random
import time
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import yaml
from tests.broker import HOST, Mosquitto
from tests.end_to_end.daemon import Daemon, write_readings
from tests.sink.central import Central, Sink
from tests.sink.servers import DatabaseServer

Victim = Literal["sink", "server", "broker"]
SAVES_EACH_SECOND = ("autosave_on_changes false", "max_queued_messages 0")
_EVERY = 0.02
"""Seconds between two readings of a daemon."""


class Kills:
    """A broker that saves once a second, a database, a sink, and daemons that measure: `kill` some, then `check`."""

    def __init__(self, folder: Path, server: DatabaseServer, *, daemons: int, readings: int) -> None:
        """`readings` of each daemon, fifty a second."""
        self.expected = daemons * readings
        self._readings = readings
        self._stack = ExitStack()
        self._folder = folder
        self._server = server
        self._daemons = daemons
        self.patience = 60.0

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self._broker = enter(Mosquitto(self._folder / "mosquitto", options=SAVES_EACH_SECOND))
        self.central = enter(Central(self._folder, self._broker, self._server))
        self._stack.callback(lambda: self.sink.__exit__())
        self.sink = Sink(self.central.config)
        self.sink.is_ready()
        time.sleep(1.5)  # the broker saves once a second, and a subscription that it forgot is not what is tested
        for number in range(self._daemons):
            enter(Daemon(self._device(f"gate-{number:02}")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def kill(self, victim: Victim) -> None:
        """Kill it, start it again, and wait until messages are stored again."""
        match victim:
            case "sink":
                self.sink.kill()
                time.sleep(random.uniform(0, 0.5))
                self.sink = Sink(self.central.config)
            case "server":
                self._server.kill()
                time.sleep(random.uniform(0, 0.5))
                self._server.start()
            case "broker":
                self._catch_up()
                self._broker.kill()
                time.sleep(random.uniform(0, 0.5))
                self._broker.start()
        before = self.central.count()
        self._until_stored(min(before + 20, self.expected))

    def check(self) -> tuple[int, int]:
        """Once everything has come: how many are lost, and how many are there twice."""
        self._until_stored(self.expected)
        rows = self.central.query("SELECT thing, seq, id FROM messages WHERE kind = 'temperature'")
        numbers = {(thing, seq) for thing, seq, _ in rows}
        wanted = {(f"gate-{number:02}", seq) for number in range(self._daemons) for seq in range(1, self._readings + 1)}
        return len(wanted - numbers), len(rows) - len(numbers)

    def _catch_up(self) -> None:
        """Until what is stored is a second old at most. A broker that saves each second loses, when it is killed, what
        it has acknowledged since and could not deliver: behind a backlog that would be so."""
        give_up_at = time.monotonic() + self.patience
        while time.monotonic() < give_up_at and self.central.count() < self.expected:
            newest = self.central.query("SELECT max(ts) FROM messages WHERE kind = 'temperature'")[0][0]
            if newest is not None and time.time() - newest.replace(tzinfo=UTC).timestamp() < 1.0:
                return
            time.sleep(0.05)

    def _until_stored(self, count: int) -> None:
        give_up_at = time.monotonic() + self.patience
        while self.central.count("messages WHERE kind = 'temperature'") < count and time.monotonic() < give_up_at:
            assert self.sink.process.poll() is None, self.sink.stderr
            time.sleep(0.05)

    def _device(self, thing: str) -> Path:
        folder = self._folder / thing
        folder.mkdir()
        readings = write_readings(folder / "r.csv", [36 + n % 10 / 10 for n in range(self._readings)], every=_EVERY)
        config = {
            "device": {"thing_name": thing},
            "sensors": [{"name": "s", "kind": "replay", "path": str(readings), "quantity": "temperature", "unit": "C"}],
            "mqtt": {"host": HOST, "port": self._broker.port},
            "outbox": {"path": str(folder / "edge-mask.db"), "drain_rate": "1000/s"},
        }
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        return path
