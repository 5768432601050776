"""The central side as compose.yaml puts it together, but without containers: the files of `deploy/` on real servers."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from tests.broker import HOST, Mosquitto, free_port
from tests.deploy.manifests import DEPLOY
from tests.deploy.test_compose import make_secrets
from tests.end_to_end.daemon import BARE, MASKED, Daemon, write_config, write_model, write_scene
from tests.sink.central import Sink, message
from tests.sink.servers import DatabaseServer, Postgres, program, started
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.broker

BOARD = json.loads((DEPLOY / "grafana/dashboards/central.json").read_text())


class ShippedBroker(Mosquitto):
    """A mosquitto with deploy/mosquitto.conf; only places, ports and the user are those of this machine."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        super().__init__(folder)
        self.outside = free_port()
        places = {
            "/mosquitto/secrets/": f"{secrets}/broker/",
            "/mosquitto/config/": f"{DEPLOY}/",
            "/mosquitto/data/": f"{folder}/",
            "listener 8883": f"listener {self.outside} {HOST}",
            "listener 1883": f"listener {self.port} {HOST}",
            "log_dest stdout": "log_dest stderr",
        }
        shipped = (DEPLOY / "mosquitto.conf").read_text()
        for place, here in places.items():
            assert place in shipped
            shipped = shipped.replace(place, here)
        own = self._config.read_text().splitlines()
        user = next(line for line in own if line.startswith("user "))
        # At this level it says that it runs.
        self._config.write_text(f"{shipped}\n{user}\nlog_type information\n")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("central") / "secrets"
    make_secrets(folder, "gate-01", "gate-02", host=HOST)
    return folder


@pytest.fixture
def broker(tmp_path: Path, secrets: Path) -> Iterator[ShippedBroker]:
    with ShippedBroker(tmp_path / "mosquitto", secrets) as running:
        yield running


class Client:
    """Somebody at the broker, from inside, under a user's name; what the broker says to each packet is kept."""

    def __init__(self, broker: Mosquitto, user: str, password: str, *, session: str = "") -> None:
        self.heard: list[str] = []
        self.answers: list[int] = []
        self.refused = ""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, session, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user or None, password or None)
        self._client.on_message = lambda _c, _d, got: self.heard.append(got.topic)
        self._client.on_publish = lambda _c, _d, _m, code, _p: self.answers.append(code.value)
        self._client.on_subscribe = lambda *_: self.answers.append(-1)
        self._client.on_connect = self._when_answered
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it without annotations
        kept.SessionExpiryInterval = 3600 if session else 0
        self._client.connect(HOST, broker.port, clean_start=not session, properties=kept)
        self._client.loop_start()
        until(lambda: self._client.is_connected() or self.refused)

    def _when_answered(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.refused = str(code) if code.is_failure else ""

    def listen(self, topic: str) -> None:
        before = len(self.answers)
        self._client.subscribe(topic, 1)
        until(lambda: len(self.answers) > before)

    def tell(self, topic: str, payload: bytes = b"{}") -> int:
        """The reason code of the broker, which at times hangs up on whoever it has refused something (2.0.11)."""
        until(self._client.is_connected)
        before = len(self.answers)
        self._client.publish(topic, payload, 1).wait_for_publish(PATIENCE)
        until(lambda: len(self.answers) > before)
        return self.answers[-1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def client(broker: Mosquitto, secrets: Path, user: str, session: str = "") -> Client:
    file = secrets / (f"things/{user}" if user.startswith("gate") else f"{user}-mqtt")
    return Client(broker, user, file.read_text(), session=session or f"{user}-test")


NOT_AUTHORIZED = 0x87


def test_a_device_speaks_for_itself_alone_and_hears_what_it_may(broker: ShippedBroker, secrets: Path) -> None:
    with (
        client(broker, secrets, "sink") as sink,
        client(broker, secrets, "gate-01") as gate,
        client(broker, secrets, "gate-02") as other,
    ):
        sink.listen("edge-mask/#")
        gate.listen("edge-mask/#")
        assert other.tell("edge-mask/gate-01/visits") == NOT_AUTHORIZED, "in the name of another"
        assert other.tell("edge-mask/gate-01/model/desired") == NOT_AUTHORIZED
        assert sink.tell("edge-mask/gate-01/visits") == NOT_AUTHORIZED, "not even the store"
        assert other.tell("edge-mask/gate-02/visits") == 0
        assert other.tell("edge-mask/gate-02/alerts") == 0
        assert other.tell("edge-mask/gate-01/commands/infer") == 0, "a frame for a peer"
        assert sink.tell("edge-mask/gate-01/commands/history") == 0
        until(lambda: len(sink.heard) == 4)
        assert sink.heard[:2] == ["edge-mask/gate-02/visits", "edge-mask/gate-02/alerts"]
        until(lambda: len(gate.heard) == 3)
        assert sorted(gate.heard) == [
            "edge-mask/gate-01/commands/history", "edge-mask/gate-01/commands/infer", "edge-mask/gate-02/alerts",
        ], "not the visits of others"  # fmt: skip


@pytest.mark.parametrize(("user", "password"), [("", ""), ("gate-01", "guessed"), ("nobody", "x")])
def test_nobody_comes_in_without_the_password(broker: ShippedBroker, user: str, password: str) -> None:
    with Client(broker, user, password) as stranger:
        assert "Not authorized" in stranger.refused or "Bad user" in stranger.refused, stranger.refused


def test_a_sink_that_is_away_for_more_than_the_usual_thousand_misses_nothing_though_the_broker_is_killed(
    broker: ShippedBroker, secrets: Path, tmp_path: Path
) -> None:
    with client(broker, secrets, "sink", session="edge-mask-sink") as sink:
        sink.listen("edge-mask/+/+")
    with client(broker, secrets, "gate-01") as gate:
        for number in range(1499):
            gate._client.publish("edge-mask/gate-01/visits", b"%d" % number, 1)
        gate.tell("edge-mask/gate-01/visits", b"the last")
        until(lambda: len(gate.answers) == 1500)
    assert set(gate.answers) == {0}
    kept = tmp_path / "mosquitto/mosquitto.db"
    until(lambda: kept.exists() and b"the last" in kept.read_bytes())  # it writes each second
    broker.kill()
    broker.start()
    with client(broker, secrets, "sink", session="edge-mask-sink") as sink:
        until(lambda: len(sink.heard) == 1500)


@dataclass
class Store:
    """PostgreSQL with the users of compose.yaml."""

    server: DatabaseServer
    secrets: Path

    def url(self, user: str, password_of: str) -> str:
        password = (self.secrets / password_of).read_text()
        return f"postgresql+psycopg://{user}:{password}@{HOST}:{self.server.port}/edge_mask"

    def as_grafana(self, statement: str) -> list[Any]:
        with create_engine(self.url("grafana", "grafana-reader")).connect() as connection:
            return list(connection.execute(text(statement.replace(":", "\\:"))))


@pytest.fixture(scope="module")
def store(secrets: Path) -> Iterator[Store]:
    with started(Postgres) as server:
        password = (secrets / "postgres").read_text()
        server.query(f"CREATE ROLE edge_mask LOGIN SUPERUSER PASSWORD '{password}'")  # as the image makes it
        server.query("CREATE DATABASE edge_mask OWNER edge_mask")
        psql = program("psql")
        assert psql is not None
        environ = {
            "PATH": f"{Path(psql).parent}:{os.environ['PATH']}", "PGHOST": HOST, "PGPORT": str(server.port),
            "PGPASSWORD": password, "POSTGRES_USER": "edge_mask", "POSTGRES_DB": "edge_mask",
            "READER_PASSWORD_FILE": str(secrets / "grafana-reader"),
        }  # fmt: skip
        subprocess.run(["sh", str(DEPLOY / "postgres/reader.sh")], check=True, env=environ)
        yield Store(server, secrets)


def expanded(statement: str) -> str:
    """As Grafana fills in a statement."""
    statement = statement.replace("${thing:sqlstring}", "'gate-01','gate-02'").replace("$__interval", "1h")
    statement = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - interval '1 day' AND now()", statement)
    group = r'floor(extract(epoch FROM \1) / 3600) * 3600 AS "time"'
    statement = re.sub(r"\$__timeGroupAlias\((\w+),\s*'?1h'?\)", group, statement)
    assert "$" not in statement, statement
    return statement


def test_a_device_outside_reaches_the_database_and_the_board_shows_it(
    tmp_path: Path, broker: ShippedBroker, secrets: Path, store: Store
) -> None:
    found = yaml.safe_load((DEPLOY / "sink.yaml").read_text())
    found["mqtt"] |= {"host": HOST, "port": broker.port, "password_file": str(secrets / "sink-mqtt")}
    database = found["sink"]["database"].replace("@database/", f"@{HOST}:{store.server.port}/")
    port = free_port()
    found["sink"] |= {"database": database, "password_file": str(secrets / "postgres")}
    found["sink"]["page"] |= {"port": port}
    config = tmp_path / "sink.yaml"
    config.write_text(yaml.safe_dump(found))
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED] * 6 + [None] * 45 + [BARE] * 6 + [None] * 3)
    device = write_config(
        tmp_path, broker.outside,
        mqtt={"host": HOST, "port": broker.outside, "username": "gate-01", "tls": {"ca": str(secrets / "ca.pem")},
              "password_file": str(secrets / "things/gate-01")},
    )  # fmt: skip
    with Sink(config).is_ready() as sink:
        with Daemon(device, "--until-idle") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        until(lambda: len(store.as_grafana("SELECT FROM visits")) == 2)
        assert sink.stop() == 0
    assert store.as_grafana("SELECT verdict FROM visits ORDER BY ts") == [("pass",), ("no_pass",)]
    first = {panel["title"]: panel["targets"][0]["rawSql"] for panel in BOARD["panels"]}
    assert store.as_grafana(expanded(first["Passed"])) == [(1,)]
    assert store.as_grafana(expanded(first["Missing messages"])) == [(0,)]
    assert [row[0] for row in store.as_grafana(expanded(first["Devices"]))] == ["gate-01"]
    (variable,) = BOARD["templating"]["list"]
    assert store.as_grafana(variable["query"]) == [("gate-01",)]
    with pytest.raises(DBAPIError, match="read-only"):
        store.as_grafana("DELETE FROM messages RETURNING id")


@pytest.mark.parametrize("panel", BOARD["panels"], ids=lambda panel: str(panel["title"]))
def test_every_statement_of_the_board_is_understood(panel: dict[str, Any], store: Store, stored: None) -> None:
    for target in panel["targets"]:
        rows = store.as_grafana(expanded(target["rawSql"]))
        if panel["type"] == "timeseries":
            assert {"time"} <= rows[0]._mapping.keys()
        assert rows, "there is something to show"


@pytest.fixture(scope="module")
def stored(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A message of each kind that the board asks for, as a sink stores it."""
    folder = tmp_path_factory.mktemp("stored")
    kinds: dict[str, dict[str, Any]] = {
        "visits": {"time_to_verdict_ms": 812, "ispass": 0, "verdict": "no_pass", "reasons": ["no_mask"]},
        "alerts": {"kind": "no_mask", "text": "three looks", "streak": 3},
        "errors": {"component": "camera front", "code": "lost", "text": "it is away"},
        "temperature": {"sensor": "forehead", "temperature": 36.5, "unit": "C"},
    }
    with Mosquitto(folder / "mosquitto") as broker:
        config = folder / "sink.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "mqtt": {"host": HOST, "port": broker.port},
                    "sink": {
                        "database": f"postgresql+psycopg://edge_mask@{HOST}:{store.server.port}/edge_mask",
                        "password_file": str(store.secrets / "postgres"),
                    },
                }
            )
        )
        with Sink(config).is_ready() as sink, Client(broker, "", "") as device:
            for kind, fields in kinds.items():
                told = json.dumps(message(1, thing="gate-02", **fields)).encode()
                assert device.tell(f"edge-mask/gate-02/{kind}", told) == 0
            until(lambda: len(store.as_grafana("SELECT FROM messages WHERE thing = 'gate-02'")) == len(kinds))
            assert sink.stop() == 0


def test_the_board_reads_the_database_that_is_provisioned(secrets: Path) -> None:
    folder = DEPLOY / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/edge-mask.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/edge-mask.yaml").read_text())["providers"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    mounted = dict(each.split(":")[:2] for each in compose["services"]["grafana"]["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana/dashboards" / Path(home).name).exists()
    assert source["url"].partition(":")[0] in compose["services"]
    assert source["jsonData"]["database"] == compose["services"]["database"]["environment"]["POSTGRES_DB"]
    (password,) = re.findall(r"^\$__file\{/run/secrets/(.+)\}$", source["secureJsonData"]["password"])
    assert password in compose["services"]["grafana"]["secrets"]
    assert (secrets / password).exists()
    used = {panel["datasource"]["uid"] for panel in BOARD["panels"]}
    assert used == {source["uid"]}


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        rows, columns = range(place["y"], place["y"] + place["h"]), range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in rows}
        assert max(columns) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
