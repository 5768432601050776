"""The transport through the nucleus: what an answer means, and what its faults do to a message."""

import logging
import queue
from collections.abc import Iterator, Sequence

import pytest
from tests.deliver.stages import BIRTH, STATUS, VISITS, WILL, States, greengrass_transport, note
from tests.nucleus.fake import FakeNucleus, Kind
from tests.waiting import PATIENCE

from edge_mask.deliver import greengrass_session
from edge_mask.deliver.greengrass import GreengrassTransport
from edge_mask.errors import Refused
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.nucleus.place import SOCKET, TOKEN
from edge_mask.units import Seconds

COMMANDS = "edge-mask/gate-01/commands/+"


@pytest.fixture
def lite() -> Iterator[FakeNucleus]:
    with FakeNucleus("lite") as fake:
        yield fake


class Device:
    """A transport that is open, and what it told."""

    def __init__(self, fake: FakeNucleus, local: Sequence[str] = ()) -> None:
        self.states = States()
        self.transport = greengrass_transport(fake, self.states, local)
        self.transport.open()

    def send(self, message: Message) -> Receipt:
        return self.transport.send(message).result(PATIENCE)


@pytest.fixture
def device(lite: FakeNucleus) -> Iterator[Device]:
    made = Device(lite)
    made.states.wait_until(True)
    yield made
    made.transport.close(Seconds(2.0))


# -- what is handed over -----------------------------------------------------------------------------------------


def test_quality_retain_and_properties_are_handed_over(device: Device, lite: FakeNucleus) -> None:
    message = Message(
        topic="a/b",
        payload=b"\0",
        priority=Priority.LIVE,
        qos=0,
        properties={
            "content_type": "application/json",
            "response_topic": "r",
            "correlation_data": b"\1",
            "user_properties": {"k": "v"},
            "message_expiry_interval": 60,
            "payload_format_indicator": 1,
        },
    )
    assert device.send(message).outcome is Outcome.DELIVERED
    assert lite.on("a/b")[0].request == {
        "topicName": "a/b",
        "qos": "0",
        "payload": "AA==",
        "contentType": "application/json",
        "responseTopic": "r",
        "correlationData": "AQ==",
        "userProperties": [{"key": "k", "value": "v"}],
        "messageExpiryIntervalSeconds": 60,
        "payloadFormat": "1",
    }
    assert lite.on(STATUS)[0].retain


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (note(bytes(131_073)), "at most 131072"),
        (note(topic="a/" * 8 + "b"), "8 slashes"),
        (note(topic="x" * 257), "256 bytes"),
        (note(topic="a/+"), "wildcard"),
    ],
)
def test_what_the_service_would_silently_drop_is_refused_before(
    device: Device, lite: FakeNucleus, message: Message, sentence: str
) -> None:
    """An OK of the nucleus comes before AWS IoT Core has seen the message: its no would reach nobody."""
    receipt = device.send(message)
    assert receipt.outcome is Outcome.REFUSED
    assert sentence in receipt.reason
    assert device.send(note()).outcome is Outcome.DELIVERED
    assert len(lite.published) == 2  # status, and the last one


# -- what the nucleus does not take ------------------------------------------------------------------------------


def test_a_topic_without_right_is_refused_and_the_others_go_on(device: Device, lite: FakeNucleus) -> None:
    lite.deny("edge-mask/gate-01/looks")
    refused = device.send(note(topic="edge-mask/gate-01/looks"))
    assert refused.outcome is Outcome.REFUSED
    assert "accessControl" in refused.reason
    assert device.send(note()).outcome is Outcome.DELIVERED
    assert [connected for connected, _ in device.states.told] == [True]


def test_a_single_service_error_is_undecided_and_what_follows_does_not_overtake(
    device: Device, lite: FakeNucleus
) -> None:
    lite.fail(1)
    receipts = [future.result(PATIENCE) for future in [device.transport.send(note(str(n))) for n in range(4)]]
    assert receipts[0].outcome is Outcome.UNKNOWN
    assert receipts[0].is_suspect  # `status` was taken: it is this message
    overtaking = [n for n, receipt in enumerate(receipts) if n and receipt.outcome is Outcome.DELIVERED]
    assert overtaking == list(range(4 - len(overtaking), 4))  # only what was handed over after the question
    assert device.transport.is_connected
    assert lite.on(STATUS)[-1].payload == BIRTH.payload


def test_a_storm_of_service_errors_is_one_outage_without_blame(device: Device, lite: FakeNucleus) -> None:
    lite.lose_core()
    receipt = device.send(note())
    assert receipt.outcome is Outcome.UNKNOWN
    assert not receipt.is_suspect
    assert "it has no connection itself" in device.states.wait_until(False)
    assert device.send(note()).outcome is Outcome.UNKNOWN
    lite.find_core()
    device.states.wait_until(True, after=len(device.states.told))
    assert device.send(note(b"after")).outcome is Outcome.DELIVERED
    assert [each.payload for each in lite.on(VISITS)] == [b"after"]
    assert lite.connections == 1


def test_a_nucleus_that_is_offline_at_the_start_is_told_and_found(lite: FakeNucleus) -> None:
    lite.lose_core()
    device = Device(lite)
    assert "takes nothing for AWS IoT Core" in device.states.wait_until(False)
    lite.find_core()
    device.states.wait_until(True)
    device.transport.close(Seconds(2.0))


@pytest.mark.parametrize("kind", ["classic", "lite"])
def test_while_the_nucleus_says_that_aws_iot_core_is_away_nothing_is_handed_over(kind: Kind) -> None:
    """The outbox survives a power cut, the memory of the nucleus does not."""
    with FakeNucleus(kind) as fake:
        fake.know_core(knows=True)
        device = Device(fake)
        device.states.wait_until(True)
        for _ in range(2):
            seen = len(device.states.told)
            fake.lose_core()
            assert "no connection to AWS IoT Core" in device.states.wait_until(False, after=seen)
            assert device.send(note(b"away")).outcome is Outcome.UNKNOWN
            asked = fake.asked.count("PublishToIoTCore")
            fake.find_core()
            device.states.wait_until(True, after=seen)
            assert fake.asked.count("PublishToIoTCore") <= asked + 1  # `status`
        assert device.send(note(b"back")).outcome is Outcome.DELIVERED
        assert [each.payload for each in fake.on(VISITS)] == [b"back"]
        device.transport.close(Seconds(2.0))


def test_a_return_of_aws_iot_core_that_the_nucleus_did_not_tell_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greengrass_session, "_ASKED_EVERY", 0.05)
    with FakeNucleus("classic") as fake:
        fake.lose_core()
        device = Device(fake)
        assert "no connection to AWS IoT Core" in device.states.wait_until(False)
        fake.find_core(tells=False)
        device.states.wait_until(True)
        device.transport.close(Seconds(2.0))


def test_a_nucleus_that_is_replaced_by_an_older_one_is_not_away_for_ever() -> None:
    with FakeNucleus("classic") as fake:
        device = Device(fake)
        device.states.wait_until(True)
        fake.lose_core()
        device.states.wait_until(False)
        fake.stop()
        fake.know_core(knows=False)
        fake.start()
        fake.find_core()
        device.states.wait_until(True, after=len(device.states.told))
        device.transport.close(Seconds(2.0))


def test_an_older_classic_nucleus_says_ok_before_anything_arrived() -> None:
    """Its spooler has the message: that is what an OK means, and what a power cut of the nucleus loses."""
    with FakeNucleus("classic") as fake:
        fake.know_core(knows=False)
        device = Device(fake)
        device.states.wait_until(True)
        fake.lose_core()
        assert device.send(note(b"spooled")).outcome is Outcome.DELIVERED
        assert fake.on(VISITS) == []
        fake.find_core()
        assert [each.payload for each in fake.wait_for_count(VISITS, 1)] == [b"spooled"]
        device.transport.close(Seconds(2.0))


def test_a_full_spooler_is_undecided_and_not_lost() -> None:
    with FakeNucleus("classic") as fake:
        fake.know_core(knows=False)
        device = Device(fake)
        device.states.wait_until(True)
        fake.lose_core()
        outcomes = [device.send(note(bytes(130_000))).outcome for _ in range(20)]
        assert outcomes[0] is Outcome.DELIVERED
        assert outcomes[-1] is Outcome.UNKNOWN
        device.transport.close(Seconds(2.0))


def test_a_lost_answer_is_undecided_and_comes_twice_rather_than_never(device: Device, lite: FakeNucleus) -> None:
    lite.lose_answers(1)
    assert device.send(note(b"1")).outcome is Outcome.UNKNOWN
    device.states.wait_until(True, after=1)
    assert device.send(note(b"1")).outcome is Outcome.DELIVERED
    assert [each.payload for each in lite.on(VISITS)] == [b"1", b"1"]


def test_a_message_on_which_lite_hangs_up_is_suspect(device: Device, lite: FakeNucleus) -> None:
    receipt = device.send(note(bytes(8000)))  # 10667 bytes as text: more than a frame of lite
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.is_suspect
    device.states.wait_until(True, after=len(device.states.told))
    assert device.send(note()).outcome is Outcome.DELIVERED


def test_a_status_without_right_is_told_once_and_messages_go(
    lite: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    lite.deny(STATUS)
    with caplog.at_level(logging.WARNING):
        device = Device(lite)
        for _ in range(2):
            device.states.wait_until(True, after=len(device.states.told))
            assert device.send(note()).outcome is Outcome.DELIVERED
            seen = len(device.states.told)
            lite.cut()
            device.states.wait_until(False, after=seen)
            lite.mend()
        device.transport.close(Seconds(2.0))
    assert sum("nobody sees whether this device is online" in record.message for record in caplog.records) == 1


# -- status --------------------------------------------------------------------------------------------------------


def test_after_a_break_status_is_published_again_and_nobody_publishes_a_will(device: Device, lite: FakeNucleus) -> None:
    seen = len(device.states.told)
    lite.cut()
    device.states.wait_until(False, after=seen)
    assert [each.payload for each in lite.on(STATUS)] == [BIRTH.payload]
    lite.mend()
    assert [each.payload for each in lite.wait_for_count(STATUS, 2)] == [BIRTH.payload] * 2
    device.states.wait_until(True, after=seen)
    device.transport.close(Seconds(5.0))
    assert [each.payload for each in lite.on(STATUS)] == [BIRTH.payload] * 2 + [WILL.payload]


# -- the local bus -------------------------------------------------------------------------------------------------


def test_local_topics_go_to_the_local_bus_and_the_others_do_not(lite: FakeNucleus) -> None:
    device = Device(lite, local=["edge-mask/+/detections"])
    device.states.wait_until(True)
    for kind in ("detections", "visits"):
        assert device.send(note(kind, f"edge-mask/gate-01/{kind}")).outcome is Outcome.DELIVERED
    found = {each.topic.rpartition("/")[2]: (each.is_local, each.payload) for each in lite.published}
    assert found["detections"] == (True, b"detections")
    assert found["visits"] == (False, b"visits")
    device.transport.close(Seconds(2.0))


def test_a_local_topic_without_right_is_refused(lite: FakeNucleus) -> None:
    lite.deny("hall/#")
    device = Device(lite, local=["hall/#"])
    device.states.wait_until(True)
    assert device.send(note(topic="hall/lamp")).outcome is Outcome.REFUSED
    device.transport.close(Seconds(2.0))


def test_commands_on_a_local_topic_are_heard_from_both_buses(lite: FakeNucleus) -> None:
    heard: queue.Queue[Message] = queue.Queue()
    device = Device(lite, local=["edge-mask/gate-01/commands/#"])
    device.transport.subscribe(COMMANDS, heard.put)
    device.states.wait_until(True)
    device.send(note())
    lite.say("edge-mask/gate-01/commands/status", b"core")
    lite.say_locally("edge-mask/gate-01/commands/status", b"local")
    assert [heard.get(timeout=PATIENCE).payload for _ in range(2)] == [b"core", b"local"]
    device.transport.close(Seconds(2.0))


def test_a_subscription_that_failed_while_the_nucleus_was_offline_is_asked_for_again(lite: FakeNucleus) -> None:
    heard: queue.Queue[Message] = queue.Queue()
    lite.lose_core()
    lite.fails["SubscribeToIoTCore"] = ""
    device = Device(lite)
    device.transport.subscribe(COMMANDS, heard.put)
    device.states.wait_until(False)
    lite.wait_for(lambda: "SubscribeToIoTCore" in lite.asked)
    del lite.fails["SubscribeToIoTCore"]
    lite.find_core()
    device.states.wait_until(True)
    device.send(note())
    lite.say("edge-mask/gate-01/commands/status", b"{}")
    assert heard.get(timeout=PATIENCE).payload == b"{}"
    device.transport.close(Seconds(2.0))


def test_subscriptions_that_the_nucleus_does_not_grant_are_told_in_one_line(
    device: Device, lite: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    lite.fails["SubscribeToIoTCore"] = ""
    with caplog.at_level(logging.WARNING):
        for name in ("commands", "shadow"):
            device.transport.subscribe(f"edge-mask/gate-01/{name}/+", lambda _message: None)
        lite.wait_for(lambda: lite.asked.count("SubscribeToIoTCore") >= 2)
        device.send(note())
    assert sum("nothing is heard there" in record.message for record in caplog.records) == 1


def test_a_subscription_without_right_is_told_once(
    device: Device, lite: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    lite.deny(COMMANDS)
    with caplog.at_level(logging.WARNING):
        device.transport.subscribe(COMMANDS, lambda _message: None)
        device.send(note())
        seen = len(device.states.told)
        lite.cut()
        device.states.wait_until(False, after=seen)
        lite.mend()
        device.states.wait_until(True, after=seen)
        device.send(note())
    assert sum("accessControl" in record.message for record in caplog.records) == 1


def test_outside_of_greengrass_it_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SOCKET, TOKEN):
        monkeypatch.delenv(name, raising=False)
    transport = GreengrassTransport()
    with pytest.raises(Refused, match="only works in a Greengrass component"):
        transport.open()
    transport.close(Seconds(1.0))
