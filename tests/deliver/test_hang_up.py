"""A courier at work with a real broker that hangs up on one of the messages."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.broker import HOST, Mosquitto, Subscriber
from tests.deliver.stages import BIRTH, PATIENCE, WILL

from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Broker
from edge_mask.deliver.paho import PahoTransport
from edge_mask.deliver.paho_client import Version
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Message, Priority
from edge_mask.runtime.backoff import Backoff
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.worker import Worker

pytestmark = pytest.mark.broker


@pytest.mark.parametrize(
    ("version", "limit", "why"),
    [
        ("3.1.1", "max_packet_size 2000", "the broker hung up on it 3 times"),
        ("5", "message_size_limit 2000", "the broker refused the message: reason code 149"),
    ],
)
def test_a_message_that_mosquitto_hangs_up_on_is_set_aside_and_the_others_arrive(
    tmp_path: Path, version: Version, limit: str, why: str
) -> None:
    clock = SystemClock(lambda: True)
    ledger = Ledger(tmp_path / "db", Bounds(), "boot-1")
    ledger.open()
    rows = [
        OutboxRow(
            "mqtt",
            Message(
                topic="t", payload=b"x" * (3000 if n == 10 else 100), priority=Priority.TELEMETRY, qos=1, id=str(n)
            ),
            clock.now(),
        )
        for n in range(50)
    ]
    ledger.commit(Batch(outgoing=rows), clock.now())
    settled = threading.Condition()
    outcomes: dict[int, Settlement] = {}

    def settle(settlements: list[Settlement]) -> "Future[None]":
        with settled:
            ledger.commit(Batch(settlements=settlements), clock.now())
            outcomes.update((each.row, each) for each in settlements)
            settled.notify_all()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    states: list[Callable[[bool, str], None]] = []
    with Mosquitto(tmp_path / "mosquitto", options=(limit,)) as broker, Subscriber(broker.port) as subscriber:
        transport = PahoTransport(
            host=HOST,
            port=broker.port,
            client_id="gate-01",
            version=version,
            will=WILL,
            birth=BIRTH,
            on_state=lambda connected, reason: states[0](connected, reason),
            backoff=Backoff(base=0.02, cap=0.1, rng=random.Random(1)),
        )
        destination = Broker(name="mqtt", boot="boot-1")
        courier = Courier(destination, transport, Outbox(tmp_path / "db", "mqtt"), settle, lambda _fault: None, clock)
        states.append(courier.state_changed)
        worker = Worker(courier, clock, lambda _failed: None)
        worker.start()
        with settled:
            assert settled.wait_for(lambda: len(outcomes) == 50, PATIENCE), outcomes
        arrived = subscriber.wait_for_count("t", 49)
        worker.request_stop()
        assert worker.join(PATIENCE)
    assert {len(message.payload) for message in arrived} == {100}
    refused = [each for each in outcomes.values() if not each.is_delivered]
    assert [(each.row, each.receipt.reason) for each in refused] == [(11, why)]
    ledger.close()
