"""AWS IoT's answers and quotas, through the AWS SDK: a real mosquitto, and a scripted broker for what it never says."""

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from awscrt import io
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.broker import HOST, Mosquitto, Subscriber
from tests.deliver.scripted import ScriptedBroker
from tests.deliver.stages import BIRTH, STATUS, WILL, States, note
from tests.papers import Papers
from tests.waiting import PATIENCE, until

from edge_mask.deliver.aws_iot import AwsIotTransport
from edge_mask.deliver.aws_iot_identity import Identity
from edge_mask.deliver.factory import broker_for
from edge_mask.deliver.tls import TlsFiles
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.runtime.outage import Backoff
from edge_mask.settings.sending import Mqtt, Outbox
from edge_mask.units import Seconds

pytestmark = pytest.mark.broker

DENIED = "edge-mask/gate-01/looks"
NOT_AUTHORIZED, QUOTA_EXCEEDED, NO_SUBSCRIBERS = 0x87, 0x97, 0x10


class Plain(Identity):
    """No TLS: for a scripted broker."""

    def __init__(self) -> None:
        super().__init__(TlsFiles())

    def context(self) -> io.ClientTlsContext:
        return None


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def broker(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    acl = f"topic deny {DENIED}\ntopic deny {STATUS}\npattern readwrite #\n"
    with Mosquitto(tmp_path_factory.mktemp("broker"), tls=papers.server, acl=acl) as broker:
        yield broker


def identity_of(papers: Papers) -> Identity:
    return Identity(TlsFiles(ca=papers.ca, cert=papers.device.cert, key=papers.device.key))


@contextmanager
def connected(port: int, identity: Identity, **options: Any) -> Iterator[tuple[States, AwsIotTransport]]:
    states = States()
    chosen: dict[str, Any] = {
        "client_id": "gate-01",
        "backoff": Backoff(base=0.02, cap=0.1),
        "refused_backoff": Backoff(base=3600.0, cap=3600.0),
        **options,
    }
    transport = AwsIotTransport(host=HOST, port=port, identity=identity, on_state=states, **chosen)
    transport.open()
    try:
        states.wait_until(True)
        yield states, transport
    finally:
        transport.close(Seconds(2.0))


@contextmanager
def scripted(puback: int | None, **options: Any) -> Iterator[tuple[ScriptedBroker, States, AwsIotTransport]]:
    with ScriptedBroker(puback=puback) as far, connected(far.port, Plain(), **options) as (states, transport):
        yield far, states, transport


def test_a_topic_that_the_policy_denies_is_refused_with_a_hint_at_the_policy(broker: Mosquitto, papers: Papers) -> None:
    with connected(broker.port, identity_of(papers)) as (_, transport):
        receipt = transport.send(note(topic=DENIED)).result(PATIENCE)
        assert receipt.outcome is Outcome.REFUSED
        assert receipt.reason == (
            "the broker refused the message: Not authorized"
            " (does the policy of the certificate allow iot:Publish on this topic?)"
        )
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_a_denied_live_topic_is_logged_once_over_reconnections(
    broker: Mosquitto, papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(broker.port, identity_of(papers), birth=BIRTH) as (states, transport):
        transport.send(note()).result(PATIENCE)
        broker.stop()
        broker.start()
        states.wait_for(lambda told: [is_there for is_there, _ in told].count(True) == 2)
        transport.send(note()).result(PATIENCE)
    assert caplog.text.count(f"{STATUS}: the broker refused the message: Not authorized") == 1


def test_a_policy_that_denies_the_connection_is_named_as_the_cause(papers: Papers, tmp_path: Path) -> None:
    states = States()
    with Mosquitto(tmp_path / "broker", tls=papers.server, users={"somebody": "else"}) as broker:
        transport = AwsIotTransport(
            host=HOST, port=broker.port, client_id="gate-01", identity=identity_of(papers), on_state=states
        )
        transport.open()
        said = states.wait_until(False)
        transport.close(Seconds(2.0))
    assert "refused the connection: Not authorized" in said
    assert "does the policy of the certificate allow iot:Connect for client/gate-01" in said


TAKEN_OVER = bytes([0xE0, 2, 0x8E, 0])
"""A DISCONNECT, which AWS IoT sends and this mosquitto does not."""


def test_a_takeover_of_the_client_id_names_the_nucleus_that_shares_the_thing_name() -> None:
    with scripted(0, thing="gate-01") as (far, states, _):
        far.say(TAKEN_OVER)
        said = states.wait_until(False)
    assert f"another client connected to {HOST}:{far.port} as gate-01, its thing name" in said
    assert "A Greengrass nucleus takes the thing name; where one runs, set mqtt.client_id to another" in said
    assert "such as gate-01-edge-mask" in said
    assert far.connections == 1  # the loser waits long: no war over the id


def test_a_takeover_of_an_id_of_ones_own_asks_for_the_second_device() -> None:
    with scripted(0, thing="gate-01", client_id="front") as (far, states, _):
        far.say(TAKEN_OVER)
        assert "is a second device set up with this one?" in states.wait_until(False)


def test_two_clients_that_kick_each_other_out_without_a_word_are_told_so(broker: Mosquitto, papers: Papers) -> None:
    with (
        connected(broker.port, identity_of(papers), thing="gate-01") as (states, _),
        connected(broker.port, identity_of(papers), thing="gate-01") as (others, _other),
    ):
        assert "(did another client connect as gate-01?)" in states.wait_until(False)
        states.wait_for(lambda told: [is_there for is_there, _ in told].count(False) == 2)
        said = [reason for is_there, reason in states.told if not is_there][1]
        assert others.told
    assert "it ends each time soon after it was made: another client connects as gate-01, its thing name" in said
    assert "A Greengrass nucleus takes the thing name" in said


def test_nobody_listening_is_a_success() -> None:
    with scripted(NO_SUBSCRIBERS) as (_, _, transport):
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_an_exceeded_quota_leaves_the_message_undecided() -> None:
    with scripted(QUOTA_EXCEEDED) as (_, _, transport):
        receipt = transport.send(note()).result(PATIENCE)
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.is_suspect


def test_a_reason_code_that_nobody_knows_refuses_the_message() -> None:
    with scripted(0xF3) as (_, _, transport):
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.REFUSED


def test_at_most_a_hundred_publishes_are_unacknowledged() -> None:
    with scripted(None, ack_timeout=1.5) as (far, states, transport):
        futures = [transport.send(note()) for _ in range(150)]
        assert {future.result(PATIENCE).outcome for future in futures} == {Outcome.UNKNOWN}
        states.wait_until(False)
        assert len(far.published) == 100


def test_what_was_not_acknowledged_is_not_sent_again_by_the_library() -> None:
    with scripted(None, ack_timeout=0.3) as (far, states, transport):
        futures = [transport.send(note(str(number))) for number in range(3)]
        assert {future.result(PATIENCE).outcome for future in futures} == {Outcome.UNKNOWN}
        states.wait_for(lambda told: [is_there for is_there, _ in told].count(True) == 2)
        last = transport.send(note("last"))
        assert last.result(PATIENCE).outcome is Outcome.UNKNOWN
        assert [body[-4:] for body in far.published[3:]] == [b"last"]


@pytest.mark.parametrize(
    ("topic", "size", "sentence"),
    [
        ("a/b", 131_073, "its payload has 131073 bytes; AWS IoT takes at most 131072"),
        ("1/2/3/4/5/6/7/8/9", 2, "the topic has 8 slashes; at most 7 are allowed"),
        ("x" * 257, 2, "the topic is longer than 256 bytes"),
    ],
)
def test_a_message_beyond_the_quotas_is_refused_and_costs_no_connection(topic: str, size: int, sentence: str) -> None:
    with scripted(0) as (far, _, transport):
        receipt = transport.send(note("x" * size, topic)).result(PATIENCE)
        assert receipt.outcome is Outcome.REFUSED
        assert sentence in receipt.reason
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
        assert far.connections == 1


def test_basic_ingest_has_room_for_its_prefix(broker: Mosquitto, papers: Papers) -> None:
    with connected(broker.port, identity_of(papers)) as (_, transport):
        receipt = transport.send(note(topic="$aws/rules/r/1/2/3/4/5/6/7/8")).result(PATIENCE)
    assert "slashes" not in receipt.reason


def test_window_and_rate_stay_within_the_quotas_only_where_they_count() -> None:
    outbox = Outbox(window=500, drain_rate="1000/s")  # type: ignore[arg-type]  # as a file says it
    there = broker_for(Mqtt(transport="aws-iot", host="example"), outbox, "boot")
    assert (there.window, there.drain_rate) == (100, 100.0)
    anywhere = broker_for(Mqtt(), outbox, "boot")
    assert (anywhere.window, anywhere.drain_rate) == (500, 1000.0)


def test_properties_of_mqtt_5_travel_both_ways(broker: Mosquitto, papers: Papers) -> None:
    heard: Future[Message] = Future()
    properties = {
        "content_type": "image/jpeg",
        "response_topic": "answers/1",
        "correlation_data": b"\x00\xff1",
        "message_expiry_interval": 60,
        "payload_format_indicator": 1,
        "user_properties": [("camera", "front"), ("camera", "back")],
    }
    sent = Message(topic="a/b", payload=b"x", priority=Priority.EVIDENCE, qos=1, retain=True, properties=properties)
    with Subscriber(broker.plain_port) as other, connected(broker.port, identity_of(papers)) as (_, transport):
        transport.subscribe("commands/+", heard.set_result)
        assert transport.send(sent).result(PATIENCE).outcome is Outcome.DELIVERED
        got = other.wait_for_count("a/b", 1)[0].properties
        assert (got.ContentType, got.ResponseTopic, got.CorrelationData) == ("image/jpeg", "answers/1", b"\x00\xff1")
        assert got.UserProperty == [("camera", "front"), ("camera", "back")]
        assert (got.MessageExpiryInterval, got.PayloadFormatIndicator) == (60, 1)
        with Subscriber(broker.plain_port, "a/b") as newcomer:
            assert newcomer.wait_for_count("a/b", 1)[0].retain
        asked = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho left it without annotations
        asked.ResponseTopic, asked.CorrelationData, asked.UserProperty = "answers/2", b"\xfe2", ("a", "b")
        other.publish("commands/status", b"{}", asked)
        arrived = heard.result(PATIENCE)
    assert (arrived.topic, arrived.payload, arrived.qos, arrived.retain) == ("commands/status", b"{}", 1, False)
    assert arrived.properties == {
        "response_topic": "answers/2", "correlation_data": b"\xfe2", "user_properties": [("a", "b")],
    }  # fmt: skip


def test_a_listener_that_raises_costs_neither_the_connection_nor_the_next_message(
    broker: Mosquitto, papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    heard: Future[bytes] = Future()

    def listen(message: Message) -> None:
        if message.payload == b"bad":
            raise ValueError("a bug")
        heard.set_result(message.payload)

    with Subscriber(broker.plain_port, "nothing") as other, connected(broker.port, identity_of(papers)) as (_, it):
        it.subscribe("commands/+", listen)
        it.send(note()).result(PATIENCE)
        other.publish("commands/status", b"bad")
        other.publish("commands/status", b"good")
        assert heard.result(PATIENCE) == b"good"
    assert "a listener failed on a message at commands/status" in caplog.text


def test_port_443_asks_for_the_protocol_of_mqtt(papers: Papers) -> None:
    wanted = _asked_protocols(papers, Identity(identity_of(papers).files, alpn="x-amzn-mqtt-ca"))
    assert wanted == "x-amzn-mqtt-ca"


def _asked_protocols(papers: Papers, identity: Identity) -> str | None:
    """What a TLS server and a client with this identity agreed on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.server.cert, papers.server.key)
    context.load_verify_locations(papers.ca)
    context.verify_mode = ssl.CERT_REQUIRED  # the SDK connects to no server that does not ask
    context.set_alpn_protocols(["http/1.1", "x-amzn-mqtt-ca"])
    agreed: Future[str | None] = Future()

    def serve(server: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as connection:
            agreed.set_result(connection.selected_alpn_protocol())

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        transport = AwsIotTransport(
            host=HOST,
            port=port,
            client_id="gate-01",
            identity=identity,
            connect_timeout=0.2,
            backoff=Backoff(base=3600.0),
        )
        transport.open()
        try:
            return agreed.result(PATIENCE)
        finally:
            transport.close(Seconds(2.0))
            thread.join(PATIENCE)


def test_the_last_will_is_said_on_a_break_and_on_a_close(papers: Papers, tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker", tls=papers.server) as broker,
        Subscriber(broker.plain_port) as other,
        connected(broker.port, identity_of(papers), will=WILL, birth=BIRTH),
    ):
        other.wait_for_count(STATUS, 1)
    assert [each.payload for each in other.on(STATUS)][-1] == WILL.payload


def at_most(process: psutil.Process, threads: int, files: int) -> None:
    """Soon: the SDK's last thread ends after it has told so."""
    until(lambda: process.num_threads() <= threads)
    until(lambda: process.num_fds() <= files)


def test_a_close_ends_the_threads_of_the_sdk(broker: Mosquitto, papers: Papers) -> None:
    process = psutil.Process()
    for _ in range(3):
        with connected(broker.port, identity_of(papers)) as (_, transport):
            transport.send(note()).result(PATIENCE)
            running, files = process.num_threads(), process.num_fds()
        at_most(process, running - 2, files - 1)  # the link's thread and the SDK's


def test_many_failed_attempts_leave_no_thread_and_no_file_behind() -> None:
    states, process = States(), psutil.Process()
    with ScriptedBroker(connack=bytes([0x20, 3, 0, 0x89, 0])) as busy:
        threads, files = process.num_threads(), process.num_fds()
        backoff = Backoff(base=0.001, cap=0.002)
        transport = AwsIotTransport(
            host=HOST, port=busy.port, client_id="gate-01", identity=Plain(), on_state=states, backoff=backoff
        )
        transport.open()
        states.wait_for(lambda told: len(told) >= 60)
        transport.close(Seconds(5.0))
        # The SDK opens /dev/urandom once and keeps it; the scripted broker keeps its ends.
        at_most(process, threads, files + 1 + busy.connections)
    assert {is_there for is_there, _ in states.told} == {False}
    assert "refused the connection: Server busy" in states.told[0][1]
