"""One suite for every transport: what send and receipts promise, whoever carries them.

Those with a broker promise more: will, birth and subscriptions.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.deliver.stages import (
    BIRTH,
    FORBIDDEN,
    STATUS,
    VISITS,
    WILL,
    AwsIotStage,
    BrokerStage,
    GreengrassStage,
    HttpStage,
    MemoryStage,
    PahoStage,
    Stage,
    note,
)
from tests.papers import Papers
from tests.waiting import PATIENCE

from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.units import Seconds

pytestmark = pytest.mark.broker

WITH_WILL = ["memory", "paho-5", "paho-3.1.1", "aws-iot"]
BROKERS = [*WITH_WILL, "greengrass"]
"""Nobody publishes a will for a component: see docs/greengrass.md."""


def a_broker_stage(kind: str, folder: Path) -> BrokerStage:
    if kind == "memory":
        return MemoryStage()
    if kind == "aws-iot":
        return AwsIotStage(folder, Papers(folder / "papers"))
    if kind == "greengrass":
        return GreengrassStage()
    return PahoStage(folder, "5" if kind == "paho-5" else "3.1.1")


@pytest.fixture(params=[*BROKERS, "http"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made: Stage = HttpStage() if request.param == "http" else a_broker_stage(request.param, tmp_path / "broker")
    yield made
    made.end()


@pytest.fixture(params=BROKERS)
def broker_stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerStage]:
    made = a_broker_stage(request.param, tmp_path / "broker")
    yield made
    made.end()


@pytest.fixture
def connected(stage: Stage) -> Stage:
    stage.transport.open()
    stage.states.wait_until(True)
    return stage


@pytest.fixture
def at_broker(broker_stage: BrokerStage) -> BrokerStage:
    broker_stage.transport.open()
    broker_stage.states.wait_until(True)
    return broker_stage


def outcomes(futures: "list[Future[Receipt]]") -> list[Outcome]:
    return [future.result(PATIENCE).outcome for future in futures]


def test_a_message_is_delivered_when_the_broker_says_so(connected: Stage) -> None:
    receipt = connected.transport.send(connected.message(b'{"id":"1"}')).result(PATIENCE)
    assert receipt.outcome is Outcome.DELIVERED
    assert connected.arrived(VISITS, 1) == [b'{"id":"1"}']


def test_a_live_message_is_delivered_when_it_is_handed_over(at_broker: BrokerStage) -> None:
    live = Message(topic="edge-mask/gate-01/health", payload=b"{}", priority=note().priority, qos=0)
    assert at_broker.transport.send(live).result(PATIENCE).outcome is Outcome.DELIVERED
    assert at_broker.arrived(live.topic, 1) == [b"{}"]


def test_messages_arrive_in_the_order_of_sending(connected: Stage) -> None:
    payloads = [str(number).encode() for number in range(300)]
    futures = [connected.transport.send(connected.message(payload)) for payload in payloads]
    assert outcomes(futures) == [Outcome.DELIVERED] * 300
    assert connected.arrived(VISITS, 300) == payloads


@pytest.mark.parametrize("stage", ["memory", "paho-5", "aws-iot", "greengrass", "http"], indirect=True)
def test_a_brokers_no_is_told_as_refused_and_the_next_message_still_goes(connected: Stage) -> None:
    refused = connected.transport.send(connected.message(topic=FORBIDDEN)).result(PATIENCE)
    assert refused.outcome is Outcome.REFUSED
    assert refused.reason
    assert connected.transport.send(connected.message()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_an_absent_broker_does_not_keep_open_from_returning(broker_stage: BrokerStage) -> None:
    broker_stage.stop_broker()
    broker_stage.transport.open()
    assert broker_stage.states.wait_until(False)
    assert not broker_stage.transport.is_connected
    broker_stage.start_broker()
    broker_stage.states.wait_until(True)
    assert broker_stage.transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_what_is_sent_while_away_is_undecided_and_never_arrives(connected: Stage) -> None:
    seen = len(connected.states.told)
    connected.cut()
    connected.wait_until(False, after=seen)
    while_away = [connected.transport.send(connected.message(b"while away")) for _ in range(3)]
    assert outcomes(while_away) == [Outcome.UNKNOWN] * 3
    seen = len(connected.states.told)
    connected.mend()
    connected.wait_until(True, after=seen)
    connected.transport.send(connected.message(b"after")).result(PATIENCE)
    assert connected.arrived(VISITS, 1) == [b"after"]


def test_without_a_connection_the_receipt_is_there_at_once(at_broker: BrokerStage) -> None:
    seen = len(at_broker.states.told)
    at_broker.cut()
    at_broker.states.wait_until(False, after=seen)
    while_away = [at_broker.transport.send(note(b"while away")) for _ in range(3)]
    assert [future.done() for future in while_away] == [True] * 3


def test_a_lost_connection_makes_the_receipt_unknown_never_silent(connected: Stage) -> None:
    connected.freeze()
    futures = [connected.transport.send(connected.message(str(number))) for number in range(5)]
    connected.cut()
    assert outcomes(futures) == [Outcome.UNKNOWN] * 5
    assert all(future.result().reason for future in futures)
    connected.thaw()


def test_a_frozen_broker_makes_the_receipt_unknown_and_is_left(connected: Stage) -> None:
    connected.freeze()
    futures = [connected.transport.send(connected.message(str(number))) for number in range(5)]
    connected.let_time_pass()
    assert outcomes(futures) == [Outcome.UNKNOWN] * 5
    seen = len(connected.states.told)
    connected.thaw()
    connected.wait_until(True, after=seen)
    assert connected.transport.send(connected.message()).result(PATIENCE).outcome is Outcome.DELIVERED


def test_a_restarted_broker_is_found_again(connected: Stage) -> None:
    seen = len(connected.states.told)
    connected.stop_broker()
    connected.wait_until(False, after=seen)
    connected.start_broker()
    connected.wait_until(True, after=seen)
    assert connected.transport.send(connected.message(b"after")).result(PATIENCE).outcome is Outcome.DELIVERED
    assert connected.arrived(VISITS, 1) == [b"after"]


@pytest.mark.parametrize("broker_stage", WITH_WILL, indirect=True)
def test_the_will_is_published_after_a_break_and_the_birth_on_each_connect(at_broker: BrokerStage) -> None:
    assert at_broker.arrived(STATUS, 1) == [BIRTH.payload]
    at_broker.cut()
    assert at_broker.arrived(STATUS, 2) == [BIRTH.payload, WILL.payload]
    assert at_broker.retained(STATUS) == WILL.payload
    at_broker.mend()
    assert at_broker.arrived(STATUS, 3) == [BIRTH.payload, WILL.payload, BIRTH.payload]
    assert at_broker.retained(STATUS) == BIRTH.payload


def test_a_polite_close_leaves_offline_behind(at_broker: BrokerStage) -> None:
    last = at_broker.transport.send(note(b"last"))
    at_broker.transport.close(Seconds(5.0))
    assert last.result(PATIENCE).outcome is Outcome.DELIVERED
    assert at_broker.arrived(STATUS, 2) == [BIRTH.payload, WILL.payload]
    assert at_broker.retained(STATUS) == WILL.payload


def test_a_close_during_a_freeze_ends_everything_undecided_and_in_time(connected: Stage) -> None:
    connected.freeze()
    futures = [connected.transport.send(connected.message(str(number))) for number in range(5)]
    connected.transport.close(Seconds(0.5))
    assert [future.done() for future in futures] == [True] * 5
    assert outcomes(futures) == [Outcome.UNKNOWN] * 5
    connected.thaw()


def test_what_is_sent_after_the_close_is_undecided(connected: Stage) -> None:
    connected.transport.close(Seconds(5.0))
    assert not connected.transport.is_connected
    assert connected.transport.send(connected.message()).result(PATIENCE).outcome is Outcome.UNKNOWN


def test_closing_what_was_never_opened_is_fine(stage: Stage) -> None:
    stage.transport.close(Seconds(1.0))
    assert not stage.transport.is_connected


def test_a_retained_message_is_there_for_newcomers(at_broker: BrokerStage) -> None:
    kept = Message(topic="edge-mask/gate-01/last", payload=b"{}", priority=note().priority, qos=1, retain=True)
    assert at_broker.transport.send(kept).result(PATIENCE).outcome is Outcome.DELIVERED
    assert at_broker.retained(kept.topic) == b"{}"


def test_a_listener_hears_what_others_say_also_after_a_reconnection(broker_stage: BrokerStage) -> None:
    heard: Future[bytes] = Future()
    again: Future[bytes] = Future()
    commands = "edge-mask/gate-01/commands/status"
    broker_stage.transport.open()
    broker_stage.states.wait_until(True)
    broker_stage.transport.subscribe(
        commands, lambda message: (again if heard.done() else heard).set_result(message.payload)
    )
    # A subscription asked for before is in force once a later message has been acknowledged.
    broker_stage.transport.send(note()).result(PATIENCE)
    broker_stage.say(commands, b"first")
    assert heard.result(PATIENCE) == b"first"
    seen = len(broker_stage.states.told)
    broker_stage.cut()
    broker_stage.states.wait_until(False, after=seen)
    seen = len(broker_stage.states.told)
    broker_stage.mend()
    broker_stage.states.wait_until(True, after=seen)
    broker_stage.transport.send(note()).result(PATIENCE)
    broker_stage.say(commands, b"second")
    assert again.result(PATIENCE) == b"second"
