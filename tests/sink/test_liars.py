"""Devices that lie: about their numbers, in their topics, in their answers. The store goes on for all others."""

import json
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.broker import HOST
from tests.sink.central import Central, message
from tests.sink.store import ACCESS, SECRET
from tests.waiting import until


class Liar:
    """A device that is online, and answers each question in its own way."""

    def __init__(self, central: Central, answer: dict[str, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer = answer
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._asked
        self._client.connect(HOST, central.port)
        self._client.subscribe("edge-mask/liar/commands/#", 1)
        self._client.loop_start()
        central.publisher.tell("edge-mask/liar/status", {"state": "online"}, retain=True)

    def _asked(self, client: mqtt.Client, _data: Any, got: mqtt.MQTTMessage) -> None:
        if got.topic.endswith("/response"):
            return
        question = json.loads(got.payload)
        self.asked.append(question)
        client.publish(f"{got.topic}/response", json.dumps({"request_id": question["request_id"], **self._answer}), 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def liars() -> Iterator[list[Liar]]:
    made: list[Liar] = []
    yield made
    for each in made:
        each.close()


def still_counts(central: Central, thing: str = "honest") -> None:
    """What is missing of another device is found and kept."""
    for seq in (1, 4):
        central.visit(seq, thing=thing)
    until(lambda: central.query("SELECT from_seq, to_seq FROM gaps WHERE thing = :thing", thing=thing) == [(2, 3)])


def test_a_newest_number_that_no_device_can_have_reached_stops_nobody(central: Central, liars: list[Liar]) -> None:
    liars.append(Liar(central, {"ok": True, "sent": 0, "missing": [[-5, 10**40]], "last": 10**40}))
    with central.sink(central.write_config(refill_after="0s")) as sink:
        sink.is_ready()
        central.visit(1, thing="liar")
        until(lambda: liars[0].asked)
        still_counts(central)
        assert sink.stop() == 0
    assert "cannot be kept" not in sink.stderr


def test_the_largest_number_there_is_stops_nobody(central: Central, liars: list[Liar]) -> None:
    liars.append(Liar(central, {"ok": True, "sent": 0, "missing": [], "last": 2**63}))
    with central.sink(central.write_config(refill_after="0s")) as sink:
        sink.is_ready()
        central.visit(1, thing="liar")
        central.visit(2**63 - 1, thing="liar")
        until(lambda: liars[0].asked)
        still_counts(central)
        assert sink.stop() == 0
    assert "cannot be kept" not in sink.stderr


def test_topics_that_differ_in_trailing_blanks_alone_stop_nobody(central: Central) -> None:
    with central.sink() as sink:
        sink.is_ready()
        for topic in ("visits", "visits ", "visits  "):
            central.publish(f"edge-mask/liar/{topic}", message(1, thing="liar"))
        still_counts(central)
        assert sink.stop() == 0
    assert central.count() == 5
    assert "Traceback" not in sink.stderr


@pytest.mark.parametrize("text", ["nul \0 in it", "half a letter \ud800", "long " * 50_000, "two\nlines"])
def test_a_reason_that_no_database_takes_stops_no_picture(central: Central, liars: list[Liar], text: str) -> None:
    liars.append(Liar(central, {"ok": False, "error": {"code": "bad_request", "text": text}}))
    for name, key in (("access", ACCESS), ("secret", SECRET)):
        (central.folder / name).write_text(key)
    keys = {f"{name}_key_file": str(central.folder / name) for name in ("access", "secret")}
    config = central.write_config(
        pictures={"endpoint": "http://127.0.0.1:9", "bucket": "pictures", **keys}, refill=False
    )
    with central.sink(config) as sink:
        sink.is_ready()
        visit = central.visit(1, thing="liar", snapshot="a.jpg")
        until(lambda: central.query("SELECT id, state FROM pictures") != [])
        assert [(str(id_), state) for id_, state in central.query("SELECT id, state FROM pictures")] == [
            (visit["id"], "gone")
        ]
        assert sink.stop() == 0
    assert "Traceback" not in sink.stderr
    assert SECRET not in sink.stderr
