"""What only the MQTT driver does: limits and properties of MQTT 5, passwords, takeovers, many messages."""

import gc
import logging
import os
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.broker import HOST, Mosquitto, Subscriber, Wire, free_port
from tests.deliver.scripted import ScriptedBroker
from tests.deliver.stages import BIRTH, STATUS, WILL, States, note
from tests.waiting import PATIENCE

from edge_mask.deliver.paho import PahoTransport
from edge_mask.errors import Refused
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

pytestmark = pytest.mark.broker


class Transports:
    """Makes transports to one port and closes them at the end of the test."""

    def __init__(self) -> None:
        self.states = States()
        self._made: list[PahoTransport] = []

    def to(self, port: int, **options: Any) -> PahoTransport:
        options.setdefault("client_id", "gate-01")
        options.setdefault("backoff", Backoff(base=0.02, cap=0.1))
        options.setdefault("on_state", self.states)
        transport = PahoTransport(host=HOST, port=port, **options)
        self._made.append(transport)
        transport.open()
        return transport

    def connected_to(self, port: int, **options: Any) -> PahoTransport:
        transport = self.to(port, **options)
        self.states.wait_until(True)
        return transport

    def close(self) -> None:
        for transport in self._made:
            transport.close(Seconds(2.0))


@pytest.fixture
def transports() -> Iterator[Transports]:
    made = Transports()
    yield made
    made.close()


def test_a_message_that_nobody_subscribed_to_is_delivered(broker: Mosquitto, transports: Transports) -> None:
    receipt = transports.connected_to(broker.port).send(note()).result(PATIENCE)
    assert receipt.outcome is Outcome.DELIVERED
    assert receipt.reason == "No matching subscribers"


def test_the_properties_of_mqtt_5_arrive(broker: Mosquitto, subscriber: Subscriber, transports: Transports) -> None:
    properties = {
        "content_type": "application/json",
        "response_topic": "answers/here",
        "correlation_data": b"\x01\x02",
        "message_expiry_interval": 3600,
        "payload_format_indicator": 1,
        "user_properties": {"id": "7", "class": "evidence"},
    }
    message = Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1, properties=properties)
    assert transports.connected_to(broker.port).send(message).result(PATIENCE).outcome is Outcome.DELIVERED
    got = subscriber.wait_for_count("t", 1)[0].properties
    assert got is not None
    assert (got.ContentType, got.ResponseTopic, got.CorrelationData) == (
        "application/json",
        "answers/here",
        b"\x01\x02",
    )
    assert (got.PayloadFormatIndicator, got.UserProperty) == (1, [("id", "7"), ("class", "evidence")])


def test_a_listener_is_given_the_properties_of_a_request(broker: Mosquitto, transports: Transports) -> None:
    answering = transports.connected_to(broker.port, client_id="answering")
    heard: Future[Message] = Future()
    answering.subscribe("commands/+", heard.set_result)
    answering.send(note()).result(PATIENCE)
    wanted = {"response_topic": "answers", "correlation_data": b"7"}
    states = States()
    asking = transports.to(broker.port, client_id="asking", on_state=states)
    states.wait_until(True)
    asking.send(Message(topic="commands/infer", payload=b"{}", priority=Priority.LIVE, qos=1, properties=wanted))
    got = heard.result(PATIENCE)
    assert got.topic == "commands/infer"
    assert {name: got.properties[name] for name in wanted} == wanted


def test_a_listener_that_raises_does_not_end_the_connection(
    broker: Mosquitto, subscriber: Subscriber, transports: Transports, caplog: pytest.LogCaptureFixture
) -> None:
    transport = transports.connected_to(broker.port)
    transport.subscribe("t", lambda message: [][len(message.payload)])
    transport.send(note()).result(PATIENCE)
    with caplog.at_level(logging.ERROR):
        subscriber.publish("t", b"{}")
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
    assert "a listener failed on a message at t" in caplog.text
    assert [state for state, _ in transports.states.told] == [True]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_topic_that_cannot_be_published_is_refused(broker: Mosquitto, transports: Transports, version: str) -> None:
    transport = transports.connected_to(broker.port, version=version)
    receipt = transport.send(note(topic="visits/#")).result(PATIENCE)
    assert receipt.outcome is Outcome.REFUSED
    assert "visits/#" in receipt.reason


def test_an_unknown_property_is_refused_by_name(broker: Mosquitto, transports: Transports) -> None:
    message = Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1, properties={"colour": "red"})
    receipt = transports.connected_to(broker.port).send(message).result(PATIENCE)
    assert receipt.outcome is Outcome.REFUSED
    assert "colour" in receipt.reason


UNSPEAKABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a topic of 70,000 bytes": ({}, "x" * 70_000),
    "a control character in the topic": ({}, "a\x01b"),
    "NUL in the topic": ({}, "a\x00b"),
    "half a surrogate pair in the topic": ({}, "a\ud800b"),
    "no character in the topic": ({}, "a\ufdd0"),
    "an empty topic": ({}, ""),
    "a content type of 70,000 bytes": ({"content_type": "x" * 70_000}, "t"),
    "a response topic with a wildcard": ({"response_topic": "a/#"}, "t"),
    "an empty response topic": ({"response_topic": ""}, "t"),
    "correlation data of 70,000 bytes": ({"correlation_data": b"x" * 70_000}, "t"),
    "a long user property": ({"user_properties": [("a", "x" * 70_000)]}, "t"),
    "a line break in a user property": ({"user_properties": {"a": "b\nc"}}, "t"),
    "user properties that are none": ({"user_properties": 7}, "t"),
    "a text for a number": ({"message_expiry_interval": "soon"}, "t"),
    "a number that is too big": ({"message_expiry_interval": 2**32}, "t"),
    "an indicator that MQTT does not know": ({"payload_format_indicator": 2}, "t"),
}


@pytest.mark.parametrize("kind", UNSPEAKABLE)
def test_a_message_that_no_packet_can_carry_is_refused_with_a_sentence_and_costs_no_connection(
    broker: Mosquitto, transports: Transports, kind: str
) -> None:
    properties, topic = UNSPEAKABLE[kind]
    transport = transports.connected_to(broker.port)
    message = Message(topic=topic, payload=b"{}", priority=Priority.EVIDENCE, qos=1, properties=properties)
    receipt = transport.send(message).result(PATIENCE)
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.reason.startswith("cannot be published: ")
    assert len(receipt.reason) < 300
    assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
    assert [state for state, _ in transports.states.told] == [True]


def test_what_the_library_raises_on_a_message_refuses_that_message(
    broker: Mosquitto, transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_mask.deliver import paho_session

    def too_strict(message: Message, **_options: Any) -> str:
        return "" if message.payload != b"odd" else [""][len(message.payload)]

    monkeypatch.setattr(paho_session, "problem", too_strict)
    transport = transports.connected_to(broker.port)
    receipt = transport.send(note(b"odd")).result(PATIENCE)
    assert receipt.outcome is Outcome.REFUSED
    assert "IndexError" in receipt.reason
    assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_a_broker_that_sends_what_is_not_mqtt_is_one_sentence_and_no_traceback(
    transports: Transports, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = bytes([0x20, 3, 0, 0, 0]) + bytes([0x30, 2, 0xFF, 0xFF])  # a PUBLISH whose topic is longer than it
    with ScriptedBroker(connack=garbage) as broker:
        transports.to(broker.port)
        transports.states.wait_for(lambda told: any(not is_there for is_there, _ in told))
    assert "Traceback" not in caplog.text
    assert "fault of our own" not in caplog.text


def test_small_packets_leave_at_once(broker: Mosquitto, transports: Transports) -> None:
    """The socket is found among the process's own: no driver shows it."""
    transports.connected_to(broker.port)
    ours = next(each for each in psutil.Process().net_connections("tcp") if each.raddr[-1:] == (broker.port,))
    with socket.socket(fileno=os.dup(ours.fd)) as copy:
        assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_message_over_the_brokers_maximum_packet_size_is_refused_and_the_others_go(
    tmp_path: Path, transports: Transports
) -> None:
    with Mosquitto(tmp_path / "small", options=("max_packet_size 1000",)) as broker:
        transport = transports.connected_to(broker.port)
        overhead = 1 + 2 + 2 + len(note().topic) + 2 + 1  # type, length, topic, packet id, no properties
        fits, over = note(b"x" * (1000 - overhead)), note(b"x" * (1001 - overhead))
        receipts = [transport.send(message).result(PATIENCE) for message in (fits, over, fits)]
        transport.close(Seconds(2.0))
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.DELIVERED]
    assert receipts[1].reason == "the message takes 1001 bytes and the broker's maximum packet size is 1000"


def test_the_brokers_receive_maximum_is_kept(tmp_path: Path, transports: Transports) -> None:
    with Mosquitto(tmp_path / "narrow", options=("max_inflight_messages 2",)) as broker, Subscriber(broker.port) as ear:
        transport = transports.connected_to(broker.port)
        payloads = [str(number).encode() for number in range(200)]
        futures = [transport.send(note(payload)) for payload in payloads]
        assert {future.result(PATIENCE).outcome for future in futures} == {Outcome.DELIVERED}
        assert [message.payload for message in ear.wait_for_count(note().topic, 200)] == payloads
        transport.close(Seconds(2.0))
    assert [state for state, _ in transports.states.told] == [True, False]


def test_no_more_than_the_receive_maximum_is_unacknowledged(transports: Transports) -> None:
    connack = bytes([0x20, 6, 0, 0, 3, 0x21, 0, 1])  # Receive Maximum 1
    with ScriptedBroker(connack=connack, puback=0x87) as broker:
        transport = transports.connected_to(broker.port)
        receipts = [future.result(PATIENCE) for future in [transport.send(note(str(n))) for n in range(3)]]
        assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
        assert len(broker.published) == 3


def test_a_reason_code_that_mqtt_does_not_have_is_a_refusal_and_no_end_of_the_connection(
    transports: Transports,
) -> None:
    with ScriptedBroker(puback=0x95) as broker:
        transport = transports.connected_to(broker.port)
        receipts = [transport.send(note()).result(PATIENCE) for _ in range(2)]
    assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
    assert receipts[0].reason == "the broker refused the message: reason code 149"


def test_a_broker_that_is_throttling_leaves_the_message_undecided(transports: Transports) -> None:
    with ScriptedBroker(puback=0x97) as broker:
        receipt = transports.connected_to(broker.port).send(note()).result(PATIENCE)
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.reason == "Quota exceeded"


def test_a_live_message_that_the_network_has_not_taken_is_not_counted_as_sent(transports: Transports) -> None:
    with ScriptedBroker(reads=False) as broker:
        transport = transports.connected_to(broker.port, ack_timeout=3600.0)
        live = Message(topic="t", payload=b"x" * 10_000, priority=Priority.LIVE, qos=0)
        futures = [transport.send(live) for _ in range(100)]
        with pytest.raises(TimeoutError):
            futures[50].result(1.0)


def test_a_broker_without_retained_messages_refuses_only_those(transports: Transports) -> None:
    connack = bytes([0x20, 5, 0, 0, 2, 0x25, 0])  # Retain Available 0
    with ScriptedBroker(connack=connack) as broker:
        transport = transports.connected_to(broker.port)
        kept = Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1, retain=True)
        receipts = [transport.send(message).result(PATIENCE) for message in (kept, note())]
    assert [receipt.outcome for receipt in receipts] == [Outcome.REFUSED, Outcome.DELIVERED]


def test_a_broker_that_keeps_nothing_is_told_the_status_all_the_same_and_that_is_said_once(
    tmp_path: Path, transports: Transports, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Mosquitto(tmp_path / "forgetful", options=("retain_available false",)) as broker,
        Wire(broker.port) as wire,
        Subscriber(broker.port) as subscriber,
    ):
        transport = transports.connected_to(wire.port, will=WILL, birth=BIRTH)
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
        wire.cut()
        wire.mend()
        subscriber.wait_for_count(STATUS, 3)
        transport.close(Seconds(2.0))
        told = [message.payload for message in subscriber.wait_for_count(STATUS, 4)]
    assert told == [BIRTH.payload, WILL.payload, BIRTH.payload, WILL.payload]
    assert caplog.text.count("keeps no retained messages") == 1


def test_a_busy_broker_is_tried_again_soon_and_one_that_says_no_is_not(transports: Transports) -> None:
    never = Backoff(base=3600.0, cap=3600.0)
    with ScriptedBroker(connack=bytes([0x20, 3, 0, 0x89, 0])) as busy:
        transports.to(busy.port, refused_backoff=never)
        transports.states.wait_for(lambda told: len(told) >= 3)
        assert all(reason.endswith("Server busy") for _, reason in transports.states.told)
    denied = States()
    with ScriptedBroker(connack=bytes([0x20, 3, 0, 0x87, 0])) as strict:
        transports.to(strict.port, backoff=never, refused_backoff=Backoff(base=0.02, cap=0.1), on_state=denied)
        denied.wait_for(lambda told: len(told) >= 3)
        assert all(reason.endswith("Not authorized") for _, reason in denied.told)


def test_a_broker_that_accepts_but_never_answers_is_left(transports: Transports) -> None:
    with ScriptedBroker(connack=b"") as broker:
        transport = transports.to(broker.port, connect_timeout=0.2)
        assert "does not answer" in transports.states.wait_until(False)
        transport.close(Seconds(2.0))


def test_a_will_that_cannot_be_published_is_refused_when_it_is_opened() -> None:
    transport = PahoTransport(host=HOST, client_id="gate-01", will=note(topic=""))
    with pytest.raises(Refused, match="no client can be made"):
        transport.open()
    transport.close(Seconds(1.0))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "..", ""])
def test_a_host_that_is_not_there_is_a_state_with_a_sentence(host: str) -> None:
    states = States()
    transport = PahoTransport(host=host, port=free_port(), client_id="gate-01", on_state=states)
    transport.open()
    assert host in states.wait_until(False)
    transport.close(Seconds(10.0))


def test_a_password_is_read_on_each_connect_and_is_told_to_nobody(
    tmp_path: Path, transports: Transports, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = tmp_path / "password"
    secret.write_text("wr0ng-secret\n")
    quick = Backoff(base=0.02, cap=0.1)
    with Mosquitto(tmp_path / "closed", users={"gate": "r1ght-secret"}) as broker:
        transport = transports.to(
            broker.port,
            username="gate",
            password=lambda: secret.read_text().strip(),
            refused_backoff=quick,
            version="3.1.1",
        )
        assert transports.states.wait_until(False).endswith("refused the connection: Not authorized")
        secret.unlink()
        transports.states.wait_for(lambda told: "cannot be read" in told[-1][1])
        secret.write_text("r1ght-secret\n")
        transports.states.wait_until(True)
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
        transport.close(Seconds(2.0))
    told = caplog.text + repr(transport) + repr(vars(transport)) + repr(transports.states.told)
    assert "r1ght" not in told
    assert "wr0ng" not in told


def test_many_failed_attempts_leave_no_socket_and_no_thread_behind(transports: Transports) -> None:
    process = psutil.Process()
    gc.collect()
    before, threads = process.num_fds(), threading.active_count()
    with ScriptedBroker(connack=bytes([0x20, 3, 0, 0x89, 0])) as busy:
        transport = transports.to(busy.port, backoff=Backoff(base=0.001, cap=0.002))
        transports.states.wait_for(lambda told: len(told) >= 60)
        transport.close(Seconds(2.0))
    gc.collect()
    assert process.num_fds() == before
    assert threading.active_count() == threads


class Written(random.Random):
    """Randomness that waits little and writes down how long it could have been."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append(b)
        return min(b, 0.02)


def test_two_daemons_with_one_client_id_slow_down_instead_of_storming(
    broker: Mosquitto, transports: Transports
) -> None:
    written = Written()
    transports.to(broker.port, on_state=States(), backoff=Backoff(base=0.01, cap=30.0))
    transports.to(broker.port, backoff=Backoff(base=0.01, cap=60.0, settled_after=3600.0, rng=written))
    transports.states.wait_for(lambda told: [state for state, _ in told].count(True) >= 5)
    assert written.bounds[:4] == [0.01, 0.02, 0.04, 0.08]


@pytest.mark.slow
def test_packet_numbers_may_wrap_around(broker: Mosquitto, transports: Transports) -> None:
    transport = transports.connected_to(broker.port)
    message = note(b"x")
    for _ in range(67):
        futures = [transport.send(message) for _ in range(100)]
        assert all(future.result(PATIENCE).outcome is Outcome.DELIVERED for future in futures)
    assert [state for state, _ in transports.states.told] == [True]
