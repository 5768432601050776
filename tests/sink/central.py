"""A central store for tests: the installed `edge-mask sink` between a real broker and a real database."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.broker import HOST, Mosquitto
from tests.deliver.scripted import ScriptedBroker
from tests.end_to_end.daemon import COMMAND, Ended, edge_mask
from tests.sink.servers import PASSWORD, DatabaseServer
from tests.waiting import until

from edge_mask.wire.uuid7 import uuid7


def new_id(at: float | None = None) -> str:
    """An id that was made `at` this time, now by default."""
    return str(uuid7(int((time.time() if at is None else at) * 1000), random.getrandbits(74)))


def message(seq: int = 1, *, thing: str = "gate-01", **changes: Any) -> dict[str, Any]:
    """A visit as a device publishes it."""
    now = time.time()
    ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
    return {
        "id": new_id(now), "seq": seq, "thing": thing, "ts": ts, "v": 1, "camera": "front", "verdict": "pass",
        "ispass": 1, "mask": "mask", "mask_score": 0.98, "temperature": 36.5, "reasons": [], "passed_through": True,
        **changes,
    }  # fmt: skip


class Sink:
    """A running `edge-mask sink`; killed at the end of the block if it still runs."""

    def __init__(self, config: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self.stderr_path = config.with_suffix(".stderr")
        with self.stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [COMMAND, "sink", "--config", str(config), *arguments],
                cwd=config.parent, stderr=stderr, stdout=subprocess.DEVNULL, env={**os.environ, **(environ or {})},
            )  # fmt: skip

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text()

    def says(self, words: str, times: int = 1) -> None:
        """Wait until its log has these words so often."""
        until(lambda: self.stderr.count(words) >= times)

    def is_ready(self) -> Self:
        """Wait until it is subscribed, and the database has its tables."""
        self.says("subscribed to")
        self.says("stores into")
        return self

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(15)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()


class Publisher:
    """A client that publishes, and waits until the broker has it."""

    def __init__(self, port: int, username: str | None = None, password: str | None = None) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(username, password)
        self._client.connect(HOST, port)
        self._client.loop_start()

    def tell(self, topic: str, payload: Mapping[str, Any] | bytes, qos: int = 1, *, retain: bool = False) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, data, qos, retain).wait_for_publish(10.0)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Central:
    """Its parts, and what a test asks of them."""

    def __init__(self, folder: Path, broker: Mosquitto | ScriptedBroker, server: DatabaseServer) -> None:
        self.folder = folder
        self.port = broker.port
        self._broker = broker
        self.server = server
        self.database = server.new_database()
        (folder / "password").write_text(PASSWORD + "\n")
        self.config = self.write_config()
        self._publisher: Publisher | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._publisher is not None:
            self._publisher.close()
        self.server.drop(self.database)

    def write_config(self, name: str = "sink.yaml", mqtt: Mapping[str, Any] | None = None, **sink: Any) -> Path:
        """A configuration with these keys in its section `sink`."""
        keys = {"database": self.server.url(self.database), "password_file": str(self.folder / "password"), **sink}
        path = self.folder / name
        config = {"mqtt": {"host": HOST, "port": self.port, **(mqtt or {})}, "sink": keys}
        path.write_text(yaml.safe_dump({**config, "log": {"format": "console"}}))
        return path

    def once(self, config: Path | None = None) -> Ended:
        """`edge-mask sink --once` to its end."""
        return edge_mask("sink", "--config", config or self.config, "--once", cwd=self.folder)

    def sink(self, config: Path | None = None, **environ: str) -> Sink:
        return Sink(config or self.config, environ=environ)

    @property
    def broker(self) -> Mosquitto:
        """A real one."""
        assert isinstance(self._broker, Mosquitto)
        return self._broker

    @property
    def publisher(self) -> Publisher:
        """Whoever publishes for this test; connected from its first message on."""
        if self._publisher is None:
            self._publisher = Publisher(self.port)
        return self._publisher

    def publish(self, topic: str, payload: Mapping[str, Any] | bytes) -> None:
        """At QoS 1, until the broker has it."""
        self.publisher.tell(topic, payload)

    def visit(self, seq: int = 1, **changes: Any) -> dict[str, Any]:
        """Publish a visit; what it was."""
        made = message(seq, **changes)
        self.publish(f"edge-mask/{made['thing']}/visits", made)
        return made

    def query(self, statement: str, **values: Any) -> list[Any]:
        return self.server.query(statement, self.database, **values)

    def count(self, table: str = "messages") -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def ids(self) -> list[str]:
        return [str(row[0]) for row in self.query("SELECT id FROM messages ORDER BY id")]

    def reasons(self) -> dict[str, str]:
        """Why messages were refused, by topic."""
        return dict(self.query("SELECT topic, reason FROM refused"))


def fetched(port: int, path: str) -> str:
    """A page of the sink."""
    with urlopen(f"http://{HOST}:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())
