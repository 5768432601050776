"""The access list that docs/fleet.md prints, on a real mosquitto: no device speaks under another's name."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from tests.broker import HOST, Mosquitto, Subscriber
from tests.end_to_end.daemon import BARE, Daemon, edge_mask
from tests.fleet.devices import PATIENCE, Listener, device
from tests.fleet.test_registry import ABOUT
from tests.waiting import until

pytestmark = pytest.mark.broker

PAGE = Path(__file__).parents[2] / "docs/fleet.md"
USERS = {name: f"secret of {name}" for name in ("gate-01", "gate-02", "desk", "sink")}
NOT_AUTHORIZED = 0x87


def printed_list() -> str:
    blocks = re.findall(r"^```\w*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if "pattern write edge-mask/%u/#" in block]
    return str(found)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", users=USERS, acl=printed_list()) as running:
        yield running


@pytest.fixture
def desk(guarded: Mosquitto) -> Iterator[Subscriber]:
    with Listener(guarded.port, "edge-mask/#", username="desk", password=USERS["desk"]) as listening:
        yield listening


class Client:
    """Somebody who publishes, and reads the broker's answer."""

    def __init__(self, port: int, user: str) -> None:
        self._answers: dict[int, ReasonCode] = {}
        self._changed = threading.Condition()
        self.heard: list[str] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"{user}-raw", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user, USERS[user])
        self._client.on_publish = self._answered
        self._client.on_message = lambda _client, _data, got: self.heard.append(got.topic)
        self._client.connect(HOST, port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def listen(self, topic: str) -> None:
        self._client.subscribe(topic, 1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """The reason code of the acknowledgement."""
        mid = self._client.publish(topic, payload, 1, retain).mid
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._answers, PATIENCE)
            return int(self._answers[mid].value)

    def _answered(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        with self._changed:
            self._answers[mid] = code
            self._changed.notify_all()


SAID = ("about", "room", "status", "alerts", "visits", "errors", "model/reported", "model/desired", "stored")


def test_a_device_that_sends_anothers_name_is_refused(guarded: Mosquitto, desk: Subscriber) -> None:
    with Client(guarded.port, "gate-02") as liar:
        for kind in SAID:
            about = json.dumps(ABOUT).encode()
            assert liar.publish(f"edge-mask/gate-01/{kind}", about, retain=True) == NOT_AUTHORIZED, kind
        assert liar.publish("edge-mask/gate-02/about", b"mine") < 0x80
        assert liar.publish("elsewhere", b"x") == NOT_AUTHORIZED
    desk.wait_for_count("edge-mask/gate-02/about", 1)
    assert {each.topic for each in desk.messages} == {"edge-mask/gate-02/about"}


def test_a_device_hears_who_others_are_and_their_alerts_and_nothing_else_of_them(guarded: Mosquitto) -> None:
    with Client(guarded.port, "gate-02") as curious, Client(guarded.port, "gate-01") as other:
        curious.listen("edge-mask/#")
        until(lambda: other.publish("edge-mask/gate-01/about", b"x") < 0x80 and curious.heard)
        for kind in ("visits", "health", "looks", "status", "errors", "room", "alerts"):
            other.publish(f"edge-mask/gate-01/{kind}", b"x")
        until(lambda: "edge-mask/gate-01/alerts" in curious.heard)
        assert set(curious.heard) == {f"edge-mask/gate-01/{kind}" for kind in ("about", "room", "status", "alerts")}


def test_who_asks_and_who_stores_may_do_what_is_theirs(guarded: Mosquitto, desk: Subscriber) -> None:
    with Client(guarded.port, "desk") as person, Client(guarded.port, "sink") as store:
        assert person.publish("edge-mask/gate-01/model/desired", b"x") < 0x80
        assert store.publish("edge-mask/gate-01/stored", b"x") < 0x80
        assert store.publish("edge-mask/gate-01/commands/history", b"x") < 0x80
        assert person.publish("edge-mask/gate-01/status", b"x") == NOT_AUTHORIZED
        assert store.publish("edge-mask/gate-01/visits", b"x") == NOT_AUTHORIZED
    topics = {f"edge-mask/gate-01/{kind}" for kind in ("model/desired", "stored", "commands/history")}
    desk.wait_for(lambda got: len(got) >= len(topics))
    assert {each.topic for each in desk.messages} == topics


def configured(folder: Path, port: int, thing: str, user: str, **sections: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"password-{user}").write_text(USERS[user])
    mqtt = {"host": HOST, "port": port, "username": user, "password_file": str(folder / f"password-{user}")}
    return device(folder, port, thing, mqtt=mqtt, **sections)


def test_devices_work_behind_it_and_one_under_anothers_name_is_heard_by_nobody(
    tmp_path: Path, guarded: Mosquitto, desk: Subscriber
) -> None:
    a = configured(tmp_path, guarded.port, "gate-01", "gate-01", fleet={}, scene=[BARE] * 4, cctv={"streak": 3})
    watch = {"neighbours": ["gate-01"], "watch": {"for": "1h"}}
    b = configured(tmp_path, guarded.port, "gate-02", "gate-02", fleet=watch)
    with Daemon(b) as second:
        desk.wait_for_count("edge-mask/gate-02/about", 1)
        with Daemon(a) as first:
            desk.wait_for(
                lambda got: any(each.topic == "edge-mask/gate-02/about" and b"watching" in each.payload for each in got)
            )
            desk.wait_for_count("edge-mask/gate-02/room", 1)
            assert first.stop() == 0, first.stderr
        assert second.stop() == 0, second.stderr
    assert not [each for each in desk.messages if each.topic.endswith("/errors")]
    desk.wait_for(lambda got: sum(b'"offline"' in each.payload for each in got) >= len((a, b)))
    before = len(desk.messages)
    c = configured(tmp_path / "c", guarded.port, "gate-01", "gate-02", fleet={})
    with Daemon(c) as third:
        until(lambda: "not authorized" in third.stderr.lower())
        until(lambda: json.loads(edge_mask("outbox", "status", "--json", "--config", c, cwd=tmp_path).out)["refused"])
        assert third.stop() == 0, third.stderr
    assert len(desk.messages) == before
