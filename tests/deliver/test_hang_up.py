"""A courier at work with a real broker that does not take some of the messages: the others arrive."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.broker import HOST, Mosquitto, Subscriber
from tests.deliver.stages import BIRTH, WILL
from tests.waiting import PATIENCE

from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Broker
from edge_mask.deliver.paho import PahoTransport
from edge_mask.deliver.paho_client import Version
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Message, Priority
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Worker

pytestmark = pytest.mark.broker


class Desk:
    """A courier in its own thread, with a ledger and a connection to a broker."""

    def __init__(self, folder: Path, port: int, version: Version) -> None:
        self.outcomes: dict[int, Settlement] = {}
        self._clock = SystemClock(lambda: True)
        self._changed = threading.Condition()
        self._ledger = Ledger(folder / "db", Bounds(), "boot-1")
        self._ledger.open()
        states: list[Callable[[bool, str], None]] = []
        transport = PahoTransport(
            host=HOST,
            port=port,
            client_id="gate-01",
            version=version,
            will=WILL,
            birth=BIRTH,
            on_state=lambda connected, reason: states[0](connected, reason),
            backoff=Backoff(base=0.02, cap=0.1, rng=random.Random(1)),
        )
        retries = Backoff(base=0.01, cap=0.05, settled_after=0.0)
        destination = Broker(name="mqtt", boot="boot-1", drain_rate=1e6, backoff=retries)
        self._courier = Courier(
            destination, transport, Outbox(folder / "db", "mqtt"), self._settle, lambda _fault: None, self._clock
        )
        states.append(self._courier.state_changed)
        self._worker = Worker(self._courier, self._clock, lambda _failed: None)
        self._worker.start()

    def record(self, messages: list[Message]) -> None:
        rows = [OutboxRow("mqtt", message, self._clock.now()) for message in messages]
        with self._changed:
            self._ledger.commit(Batch(outgoing=rows), self._clock.now())
        self._courier.poke()

    def wait_for(self, number: int) -> None:
        """Until so many were delivered or refused."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.outcomes) >= number, 2 * PATIENCE), self.outcomes

    def close(self) -> None:
        self._worker.request_stop()
        assert self._worker.join(PATIENCE)
        assert self._worker.failure is None
        self._ledger.close()

    def _settle(self, settlements: list[Settlement]) -> "Future[None]":
        with self._changed:
            self._ledger.commit(Batch(settlements=settlements), self._clock.now())
            self.outcomes.update((each.row, each) for each in settlements)
            self._changed.notify_all()
        done: Future[None] = Future()
        done.set_result(None)
        return done


@contextmanager
def desk(folder: Path, port: int, version: Version) -> Iterator[Desk]:
    made = Desk(folder, port, version)
    yield made
    made.close()


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
    with (
        Mosquitto(tmp_path / "mosquitto", options=(limit,)) as broker,
        Subscriber(broker.port) as subscriber,
        desk(tmp_path, broker.port, version) as it,
    ):
        it.record([note(str(n), payload=b"x" * (3000 if n == 10 else 100)) for n in range(50)])
        it.wait_for(50)
        arrived = subscriber.wait_for_count("t", 49)
    assert {len(message.payload) for message in arrived} == {100}
    refused = [each for each in it.outcomes.values() if not each.is_delivered]
    assert [(each.row, each.receipt.reason) for each in refused] == [(11, why)]


def note(
    name: str,
    *,
    topic: str = "t",
    payload: bytes = b"{}",
    qos: Literal[0, 1] = 1,
    retain: bool = False,
    properties: dict[str, Any] | None = None,
) -> Message:
    return Message(
        topic=topic,
        payload=payload,
        priority=Priority.TELEMETRY,
        qos=qos,
        id=name,
        retain=retain,
        properties=properties or {},
    )


LONG = "x" * 70_000
TEXTS = st.text(max_size=12) | st.sampled_from(["", LONG, "a\x00b", "a\nb", "\x7f", "\ufdd0", "\U0001ffff", "\ufeff"])
TOPICS = TEXTS | st.sampled_from(["a/#", "+", "$SYS/x", "$share/g/t", "/", "a/" * 250 + "a", "높이/1"])
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "content_type": TEXTS,
        "response_topic": TOPICS,
        "correlation_data": st.binary(max_size=8) | st.just(b"x" * 70_000),
        "message_expiry_interval": st.integers(-1, 2**33),
        "payload_format_indicator": st.integers(-1, 300),
        "user_properties": st.lists(st.tuples(TEXTS, TEXTS), max_size=3),
        "colour": st.just("red"),
    },
)
MESSAGES = st.tuples(
    TOPICS, st.binary(max_size=8) | st.just(b"x" * 3000), st.sampled_from([0, 1]), st.booleans(), PROPERTIES
)


@pytest.fixture(scope="module", params=["5", "3.1.1"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Subscriber]]:
    folder = tmp_path_factory.mktemp("real")
    with (
        Mosquitto(folder / "mosquitto", options=("max_packet_size 2000",)) as broker,
        Subscriber(broker.port, "good") as subscriber,
        desk(folder, broker.port, request.param) as it,
    ):
        yield it, subscriber


NUMBERS = count()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(MESSAGES, min_size=1, max_size=4))
def test_no_message_that_rules_can_make_stops_those_behind_it(
    real: tuple[Desk, Subscriber], made: list[tuple[str, bytes, Literal[0, 1], bool, dict[str, Any]]]
) -> None:
    it, subscriber = real
    good = f"good {next(NUMBERS)}"
    odd = [
        note(f"{good}, odd {n}", topic=topic, payload=payload, qos=qos, retain=retain, properties=properties)
        for n, (topic, payload, qos, retain, properties) in enumerate(made)
    ]
    it.record([*odd, note(good, topic="good", payload=good.encode())])
    subscriber.wait_for(lambda got: any(message.payload == good.encode() for message in got), 2 * PATIENCE)
