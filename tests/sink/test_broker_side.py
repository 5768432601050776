"""The broker's side: who may, who is there twice, and what the documentation says of it."""

import json
import re
import socket
import struct
import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from tests.broker import HOST, Mosquitto, free_port
from tests.deliver.scripted import CONNACK_V5, ScriptedBroker
from tests.end_to_end.daemon import edge_mask
from tests.sink.central import Central, Publisher, message, new_id
from tests.sink.servers import DatabaseServer
from tests.waiting import until

from edge_mask.sink.schema import STEPS

PAGE = Path(__file__).parents[2] / "docs/sink.md"


def test_a_device_that_uses_the_name_of_another_is_refused_by_the_documented_acl(
    postgres: DatabaseServer, tmp_path: Path
) -> None:
    (acl,) = re.findall(r"<!-- acl -->\n```\n(.+?)```", PAGE.read_text(), re.DOTALL)
    users = {name: f"{name}-secret" for name in ("sink", "gate-01", "gate-02")}
    (tmp_path / "mqtt-password").write_text(users["sink"])
    with Mosquitto(tmp_path / "m", users=users, acl=acl) as broker, Central(tmp_path, broker, postgres) as central:
        login = {"username": "sink", "password_file": str(tmp_path / "mqtt-password")}
        with central.sink(central.write_config("acl.yaml", mqtt=login)) as sink:
            sink.is_ready()
            thief = Publisher(broker.port, "gate-02", users["gate-02"])
            thief.tell("edge-mask/gate-01/visits", message())
            thief.tell("edge-mask/gate-02/visits", message(thing="gate-02"))
            thief.close()
            until(lambda: central.count() == 1)
            assert central.query("SELECT thing FROM messages") == [("gate-02",)]
            assert central.count("refused") == 0


def test_wrong_password_of_the_broker_is_a_sentence(postgres: DatabaseServer, tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("5ecret-5ecret")
    with Mosquitto(tmp_path / "m", users={"sink": "x"}) as broker, Central(tmp_path, broker, postgres) as central:
        login = {"username": "sink", "password_file": str(tmp_path / "mqtt-password")}
        with central.sink(central.write_config("login.yaml", mqtt=login)) as sink:
            sink.says("refused the connection: Not authorized")
            assert sink.stop() == 0
            assert "5ecret" not in sink.stderr
            assert "Traceback" not in sink.stderr


def test_refused_subscription_is_a_sentence(postgres: DatabaseServer, tmp_path: Path) -> None:
    with (
        ScriptedBroker(suback=0x87) as broker,
        Central(tmp_path, broker, postgres) as central,
        central.sink() as sink,
    ):
        sink.says("the broker refused the subscription to edge-mask/+/+: Not authorized")
        assert sink.stop() == 0


class DyingBroker(ScriptedBroker):
    """It sends messages once it is `told_to`, and dies: nothing that it is told arrives."""

    def __init__(self, payloads: Sequence[bytes]) -> None:
        self._payloads = payloads
        self.told_to = threading.Event()
        super().__init__(suback=1)

    def _talk(self, connection: socket.socket) -> None:
        if self.connections > 1:
            super()._talk(connection)
            return
        with connection.makefile("rb") as stream:
            stream.read(stream.read(2)[1])
            connection.sendall(CONNACK_V5)
            subscribe = stream.read(stream.read(2)[1])
            connection.sendall(bytes([0x90, 4]) + subscribe[:2] + bytes([0, 1]))
        self.told_to.wait(60)
        connection.sendall(b"".join(map(_publish, count(1), self._payloads)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _publish(packet: int, payload: bytes) -> bytes:
    topic = b"edge-mask/gate-01/visits"
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", packet) + b"\0" + payload
    return bytes([0x32, len(body)]) + body  # shorter than 128 bytes


def test_what_a_killed_broker_sent_before_is_read_to_its_end(postgres: DatabaseServer, tmp_path: Path) -> None:
    visits = [{"id": new_id(), "seq": seq} for seq in range(1, 601)]  # small, to fit into the kernel's buffers
    with (
        DyingBroker([json.dumps(each).encode() for each in visits]) as broker,
        Central(tmp_path, broker, postgres) as central,
        central.sink(central.write_config("dying.yaml", batch=20, wait=0)) as sink,
    ):
        sink.is_ready()
        broker.told_to.set()
        until(lambda: central.count() == 600)


def test_two_sinks_with_one_client_id_are_told(in_postgres: Central) -> None:
    other = in_postgres.write_config("other.yaml")
    with in_postgres.sink() as first, in_postgres.sink(other):
        first.says("(does another client use the id edge-mask-sink? a second sink needs its own)")


def test_a_page_whose_port_is_taken_is_a_sentence(in_postgres: Central) -> None:
    config = in_postgres.write_config(page={"port": in_postgres.broker.port})
    done = in_postgres.once(config)
    assert done.code == 1
    assert done.err == f"sink.page: {HOST}:{in_postgres.broker.port} cannot be listened at: Address already in use\n"


def test_check_examines_the_central_store_and_misses_no_camera(central: Central) -> None:
    done = edge_mask("check", "--config", central.config, cwd=central.folder)
    assert done.code == 0, done
    assert "has no tables yet: the sink makes them" in done.out
    assert "camera" not in done.out
    assert not (central.folder / "edge-mask.db").exists()
    with central.sink() as sink:
        sink.is_ready()
    done = edge_mask("check", "--config", central.config, cwd=central.folder)
    assert f"schema version {len(STEPS)}" in done.out
    central.query("INSERT INTO schema_version (version, applied) VALUES (999, '2030-01-01')")
    done = edge_mask("check", "--config", central.config, cwd=central.folder)
    assert done.code == 1
    assert "its schema has version 999" in done.out


def test_check_says_why_the_database_cannot_be_reached(in_postgres: Central) -> None:
    url = in_postgres.server.url(in_postgres.database).replace(f":{in_postgres.server.port}/", f":{free_port()}/")
    config = in_postgres.write_config(database=url)
    done = edge_mask("check", "--config", config, cwd=in_postgres.folder)
    assert done.code == 1
    assert re.search(r"sink database +failed +not here: .*refused", done.out), done.out


def test_the_daemon_does_not_run_on_a_configuration_of_the_sink(in_postgres: Central) -> None:
    done = edge_mask("run", "--config", in_postgres.config, cwd=in_postgres.folder)
    assert done.code == 2
    assert "edge-mask sink" in done.err


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
def test_queries_of_the_documentation_work(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    found = re.findall(r"<!-- query: (.+?) -->\n```sql\n(.+?)```", PAGE.read_text(), re.DOTALL)
    queries = [query for names, query in found if dialect in names.split()]
    if dialect == "postgresql":
        queries += [query.replace("$__timeFilter(ts)", "ts > now()") for names, query in found if names == "grafana"]
    assert len(queries) >= 2
    server: DatabaseServer = request.getfixturevalue("postgres" if dialect == "postgresql" else "mariadb")
    with Mosquitto(tmp_path / "m") as broker, Central(tmp_path, broker, server) as central:
        with central.sink() as sink:
            sink.is_ready()
            central.visit()
            until(lambda: central.count() == 1)
        answers = [central.query(query.replace(":", "\\:")) for query in queries]
        assert int(answers[0][0][2]) == 1
