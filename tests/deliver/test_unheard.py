"""A real mosquitto to which nobody subscribes: what it throws away stays in the outbox."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.deliver.test_courier import round_of
from tests.waiting import until

from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Broker
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.deliver.paho import PahoTransport
from edge_mask.deliver.transport import Sending
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault, Message, Priority, Receipt
from edge_mask.runtime.clock import SystemClock


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as mosquitto:
        yield mosquitto


@dataclass
class Device:
    """A courier with its own thread, and the ledger that this thread settles with."""

    courier: Courier
    ledger: Ledger
    outbox: Outbox
    faults: list[Fault]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, topic: str, *numbers: int, priority: Priority = Priority.EVIDENCE) -> None:
        made = [OutboxRow("mqtt", _message(topic, number, priority), SystemClock().now()) for number in numbers]
        with self.lock:
            self.ledger.commit(Batch(outgoing=made), SystemClock().now())
        self.courier.poke()

    @property
    def pending(self) -> int:
        return len(self.outbox.after({}, 10_000))


def _message(topic: str, number: int, priority: Priority) -> Message:
    return Message(topic=topic, payload=b'{"n":%d}' % number, priority=priority, qos=1, id=f"{topic} {number}")


@contextmanager
def device(folder: Path, broker: Mosquitto, *, requires: bool = True, window: int = 5) -> Iterator[Device]:
    clock, faults = SystemClock(), list[Fault]()
    ledger = Ledger(folder / "edge-mask.db", Bounds(), "boot-1")
    ledger.open()
    made: list[Device] = []

    def settle(settlements: list[Settlement]) -> "Future[None]":
        with made[0].lock:
            ledger.settle(settlements, clock.now())
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def on_state(connected: bool, reason: str) -> None:
        made[0].courier.state_changed(connected, reason)

    transport = PahoTransport(
        host=broker.host, port=broker.port, client_id=f"device-{folder.name}", on_state=on_state,
        needs_subscriber=requires,
    )  # fmt: skip
    destination = Broker(name="mqtt", boot="boot-1", window=window, drain_rate=1000.0)
    outbox = Outbox(folder / "edge-mask.db", "mqtt")
    courier = Courier(destination, transport, Outbox(folder / "edge-mask.db", "mqtt"), settle, faults.append, clock)
    made.append(Device(courier, ledger, outbox, faults))
    stop = threading.Event()

    def work() -> None:
        courier.begin()
        while not stop.is_set():
            courier.step(stop)
        courier.end()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made[0]
    finally:
        stop.set()
        courier.interrupt()
        thread.join()
        outbox.close()
        ledger.close()


def numbers(subscriber: Subscriber, topic: str) -> list[int]:
    return [json.loads(message.payload)["n"] for message in subscriber.on(topic)]


def test_what_nobody_subscribes_to_stays_and_arrives_in_order_once_somebody_does(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with device(tmp_path, broker) as house:
        house.record("unheard/a", *range(100))
        until(lambda: house.courier.is_unheard)
        assert house.pending == 100
        assert not house.courier.is_idle
        with Subscriber(broker.port, "unheard/a") as sink:
            sink.wait_for_count("unheard/a", 100)
            assert list(dict.fromkeys(numbers(sink, "unheard/a"))) == list(range(100))
            until(lambda: house.pending == 0 and house.courier.is_idle)
        assert [fault.code for fault in house.faults] == ["no_subscriber"]


def test_a_topic_without_a_subscriber_holds_up_no_other(broker: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(broker.port, "heard/b") as sink, device(tmp_path, broker) as house:
        house.record("unheard/b", *range(20), priority=Priority.URGENT)
        house.record("heard/b", *range(20), priority=Priority.TELEMETRY)
        sink.wait_for_count("heard/b", 20)
        house.record("heard/b", *range(20, 40), priority=Priority.TELEMETRY)
        sink.wait_for_count("heard/b", 40)
        assert numbers(sink, "heard/b") == list(range(40))
        until(lambda: house.pending == 20)


class Deaf(MemoryTransport):
    """A broker without subscribers, which counts what it is offered."""

    offered = 0

    def send(self, message: Message) -> "Future[Receipt]":
        self.offered += 1
        sending = Sending(message)
        sending.end_unheard("no matching subscribers")
        return sending.future


def test_one_message_at_a_time_asks_whether_somebody_subscribes_now(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", window=20, kind=Deaf) as it:
        assert isinstance(it.transport, Deaf)
        for topic in range(5):
            it.record(*range(200), topic=f"t/{topic}")
        it.steps(10, 0.01)
        first = it.transport.offered
        it.steps(6000, 0.1)  # ten minutes
        probes = it.transport.offered - first
        assert first < 5 * 20 + 40  # a window of each, not all that waits
        assert 5 * 600 / 30 / 2 < probes < 5 * 600 / 30 * 4  # each topic about every 15 s, as half of 30 is drawn
        assert it.pending() == 1000
        assert [fault.code for fault in it.faults] == ["no_subscriber"]


def test_without_the_setting_the_broker_is_believed(broker: Mosquitto, tmp_path: Path) -> None:
    with device(tmp_path, broker, requires=False) as house:
        house.record("unheard/d", *range(20))
        until(lambda: house.pending == 0)
        assert not house.faults


def test_what_was_purged_while_it_waited_is_not_offered_again(broker: Mosquitto, tmp_path: Path) -> None:
    with device(tmp_path, broker) as house:
        house.record("unheard/e", *range(20))
        until(lambda: house.courier.is_unheard)
        with house.lock:
            house.ledger.purge(refused_only=False)
        with Subscriber(broker.port, "unheard/e") as sink:
            until(lambda: not house.courier.is_unheard)
            house.record("unheard/e", 20)
            sink.wait_for_count("unheard/e", 1)
            assert numbers(sink, "unheard/e") == [20]


def test_the_broker_goes_and_comes_while_nobody_subscribes(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, device(tmp_path, broker) as house:
        house.record("unheard/f", *range(20))
        until(lambda: house.courier.is_unheard)
        broker.kill()
        until(lambda: house.courier.away_for(SystemClock().now().mono) > 0)
        broker.start()
        with Subscriber(broker.port, "unheard/f") as sink:
            sink.wait_for_count("unheard/f", 20)
            assert list(dict.fromkeys(numbers(sink, "unheard/f"))) == list(range(20))


def test_a_retained_message_needs_nobody(broker: Mosquitto, tmp_path: Path) -> None:
    with device(tmp_path, broker) as house:
        message = Message(topic="unheard/g", payload=b"{}", priority=Priority.EVIDENCE, qos=1, id="g", retain=True)
        with house.lock:
            house.ledger.commit(Batch(outgoing=[OutboxRow("mqtt", message, SystemClock().now())]), SystemClock().now())
        house.courier.poke()
        until(lambda: house.pending == 0)
        assert not house.faults
