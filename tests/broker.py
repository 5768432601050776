"""A real mosquitto for tests, a wire that can be cut, and a subscriber that waits instead of sleeping."""

import itertools
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from tests.waiting import PATIENCE

HOST = "127.0.0.1"


def mosquitto_program() -> str:
    """The broker's program; a missing one is a failure with a sentence, since nothing replaces the real thing."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, "mosquitto is not installed: `apt install mosquitto` (the tests talk to a real broker)"
    return found


def _shuffled_ports() -> Iterator[int]:
    """Again and again those of this process: no two that run tests side by side are given the same ones."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(20_000 + worker, 32_000, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
    random.Random().shuffle(ports)  # of its own: no test has seeded it
    return itertools.cycle(ports)


_PORTS = _shuffled_ports()


def free_port() -> int:
    """A loopback port that nobody listens on, below the range from which the kernel gives ports to connections.

    It is nobody's until its server is up, which may be seconds later: it is not given again until all others were.
    """
    for port in itertools.islice(_PORTS, 200):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise AssertionError("no free port between 20000 and 32000")


@dataclass(frozen=True, kw_only=True)
class ServerTls:
    """PEM files of the broker; `ca` is the authority that client certificates must come from."""

    ca: Path
    cert: Path
    key: Path


class Mosquitto:
    """One mosquitto on loopback, with its files in `folder`. Use it as a context manager, or `start` and `stop`.

    It keeps its sessions and retained messages over `stop`, `kill` and `start`: what it acknowledged it has written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: ServerTls | None = None,
        users: Mapping[str, str] | None = None,
        acl: str = "",
        options: tuple[str, ...] = (),
    ) -> None:
        """With `tls` clients must show a certificate on `port`; `plain_port` is for the test itself."""
        self.host = HOST
        self.port = free_port()
        self.plain_port = free_port() if tls is not None else self.port
        self.log: list[str] = []
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._is_up = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join([*self._lines(tls, users, acl), *options, ""]))

    def _lines(self, tls: ServerTls | None, users: Mapping[str, str] | None, acl: str) -> list[str]:
        lines = [
            f"listener {self.port} {HOST}",
            # Started as root it would become the user `mosquitto`, who cannot write into the test's folder.
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            "persistence true",
            f"persistence_location {self._folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "log_dest stderr",
            *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information")),
            "connection_messages true",
            f"allow_anonymous {'false' if users else 'true'}",
        ]
        if tls is not None:
            lines += [f"cafile {tls.ca}", f"certfile {tls.cert}", f"keyfile {tls.key}", "require_certificate true"]
            lines.append(f"listener {self.plain_port} {HOST}")
        if users:
            lines.append(f"password_file {self._password_file(users)}")
        if acl:
            (self._folder / "acl").write_text(acl)
            (self._folder / "acl").chmod(0o600)
            lines.append(f"acl_file {self._folder / 'acl'}")
        return lines

    def _password_file(self, users: Mapping[str, str]) -> Path:
        path = self._folder / "passwords"
        path.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
        path.chmod(0o600)
        subprocess.run([shutil.which("mosquitto_passwd") or "mosquitto_passwd", "-U", str(path)], check=True)
        return path

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def start(self) -> None:
        """Start it on the same port as before; returns once it takes connections."""
        assert self._process is None, "the broker runs already"
        self._is_up.clear()
        command = [mosquitto_program(), "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="mosquitto-log")
        self._reader.start()
        if not self._is_up.wait(PATIENCE):
            self.kill()
            raise AssertionError("mosquitto did not start:\n" + "\n".join(self.log[-20:]))

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip())
            if " running" in line:
                self._is_up.set()

    def stop(self) -> None:
        """SIGTERM and wait; does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
        if process.stderr is not None:
            process.stderr.close()

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Wire:
    """A TCP relay in front of a broker: `cut` breaks every connection through it, `mend` allows new ones."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server((HOST, 0))
        self.port = int(self._server.getsockname()[1])
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._is_cut = False
        self._spawn(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.cut()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(5.0)

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        with self._lock:
            self._is_cut = True
            pairs, self._pairs = self._pairs, []
        for near, far in pairs:
            _reset(near)
            _reset(far)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def _spawn(self, work: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args, name="wire", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                is_cut = self._is_cut
            try:
                far = None if is_cut else socket.create_connection((HOST, self._target), 5.0)
            except OSError:
                far = None
            if far is None:
                _reset(near)
                continue
            far.settimeout(None)
            for end in (near, far):  # a wire delays nothing
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
            self._spawn(_pour, near, far)
            self._spawn(_pour, far, near)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, kw_only=True)
class Received:
    """One message as a subscriber got it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Any
    """paho's Properties (`ContentType`, `UserProperty` …)."""

    def json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.payload))


class Subscriber:
    """Collects what a broker sends it, without gaps: its session outlives the broker's restarts.

    What the broker knew to be delivered only after its last save, it sends again: a restart can repeat messages.
    """

    def __init__(
        self, port: int, topic_filter: str = "#", *, username: str | None = None, password: str | None = None
    ) -> None:
        self.messages: list[Received] = []
        self._changed = threading.Condition()
        self._is_subscribed = threading.Event()
        self._filter = topic_filter
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"subscriber-{uuid.uuid4()}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(cast("int", 0.05), cast("int", 0.2))  # a float does as well
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it without annotations
        session.SessionExpiryInterval = 3600
        self._client.connect(HOST, port, 60, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._is_subscribed.wait(PATIENCE), "the subscription was not granted"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self, topic: str, payload: bytes, properties: Properties | None = None, *, retain: bool = False
    ) -> None:
        """Say something to the other clients, at QoS 1, and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retain, properties=properties).wait_for_publish(PATIENCE)

    def on(self, topic: str) -> list[Received]:
        """What arrived on one topic, in order."""
        with self._changed:
            return [message for message in self.messages if message.topic == topic]

    def wait_for(self, predicate: Callable[[list[Received]], bool], timeout: float = PATIENCE) -> list[Received]:
        """Wait until `predicate` holds for everything received so far, and give it; fails after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self.messages), timeout):
                got = "\n".join(f"  {message.topic}  {message.payload[:120]!r}" for message in self.messages[-40:])
                raise AssertionError(f"not within {timeout:g} s; received {len(self.messages)} messages:\n{got}")
            return list(self.messages)

    def wait_for_count(self, topic: str, count: int, timeout: float = PATIENCE) -> list[Received]:
        """Wait for at least `count` messages on one topic, and give those."""
        self.wait_for(lambda got: sum(message.topic == topic for message in got) >= count, timeout)
        return self.on(topic)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _got: Any) -> None:
        if not code.is_failure:
            client.subscribe(self._filter, qos=1)

    def _on_subscribe(self, *_anything: Any) -> None:
        self._is_subscribed.set()

    def _on_message(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        message = Received(
            topic=got.topic, payload=bytes(got.payload), qos=got.qos, retain=got.retain, properties=got.properties
        )
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
