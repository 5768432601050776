"""The courier between a real outbox and the in-memory transport: in order, at least once, never silently lost."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_mask.deliver.courier import Courier
from edge_mask.deliver.destination import Broker
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.deliver.transport import Sending
from edge_mask.errors import Refused
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault, Message, Priority
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Moment, Seconds

BOOT = "boot-1"


@dataclass
class Round:
    """A courier that is stepped by hand, its ledger and its transport."""

    courier: Courier
    transport: MemoryTransport
    ledger: Ledger
    outbox: Outbox
    clock: ManualClock
    faults: list[Fault]

    def record(
        self,
        *numbers: int,
        priority: Priority = Priority.TELEMETRY,
        at: Moment | None = None,
        topic: str | None = None,
    ) -> None:
        made = [
            OutboxRow(
                "mqtt",
                Message(
                    topic=topic or f"t/{priority.name}",
                    payload=b'{"n":%d,"ts":"x"}' % n,
                    priority=priority,
                    qos=1,
                    id=str(n),
                ),
                at or self.clock.now(),
            )
            for n in numbers
        ]
        self.ledger.commit(Batch(outgoing=made), self.clock.now())
        self.courier.poke()

    def steps(self, count: int = 12, seconds: float = 1.0) -> None:
        for _ in range(count):
            self.courier._wake.set()  # the clock is turned by hand: nothing to wait for
            self.courier.step(threading.Event())
            self.clock.advance(seconds)

    def delivered(self) -> list[Any]:
        return [json.loads(m.payload).get("n") for m in self.transport.delivered]

    def pending(self) -> int:
        return len(self.outbox.after({}, 10_000))


@contextmanager
def round_of(
    path: Path,
    *,
    window: int = 20,
    drain_rate: float = 1000.0,
    blames_hang_ups: bool = True,
    kind: type[MemoryTransport] = MemoryTransport,
) -> Iterator[Round]:
    clock = ManualClock()
    ledger = Ledger(path, Bounds(), BOOT)
    ledger.open()

    def settle(settlements: list[Settlement]) -> "Future[None]":
        ledger.commit(Batch(settlements=settlements), clock.now())
        done: Future[None] = Future()
        done.set_result(None)
        return done

    faults: list[Fault] = []
    states: list[Callable[[bool, str], None]] = []
    transport = kind(on_state=lambda connected, reason: states[0](connected, reason))
    broker = Broker(name="mqtt", boot=BOOT, window=window, drain_rate=drain_rate, blames_hang_ups=blames_hang_ups)
    courier = Courier(broker, transport, Outbox(path, "mqtt"), settle, faults.append, clock)
    states.append(courier.state_changed)
    courier.begin()
    outbox = Outbox(path, "mqtt")
    yield Round(courier, transport, ledger, outbox, clock, faults)
    courier.interrupt()
    courier.end()
    outbox.close()
    ledger.close()


def test_what_was_recorded_is_delivered_in_order_and_leaves_the_outbox(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.record(*range(200))
        it.steps()
        assert it.delivered() == list(range(200))
        assert it.pending() == 0
        assert it.courier.is_idle


def test_nothing_is_lost_while_the_broker_is_away_and_everything_is_marked_late(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.go_away("unplugged")
        it.record(1, 2, 3)
        it.steps(20)
        assert it.delivered() == []
        assert it.pending() == 3
        it.transport.come_back()
        it.record(4)
        it.steps()
        assert [json.loads(m.payload) for m in it.transport.delivered] == [
            *({"n": n, "ts": "x", "late": True} for n in (1, 2, 3)),
            {"n": 4, "ts": "x"},
        ]
        assert [f.code for f in it.faults] == ["offline"]


def test_a_connection_lost_in_flight_means_sent_again_under_the_same_id(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.freeze()
        it.record(1, 2, 3)
        it.steps(2)
        it.transport.go_away()
        it.transport.come_back()
        it.steps()
        assert it.delivered() == [1, 2, 3]
        assert it.pending() == 0


def test_a_lost_acknowledgement_makes_a_duplicate_never_a_loss(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.lose_acks(2)
        it.record(1, 2, 3)
        it.steps(60)
        ids = [m.id for m in it.transport.delivered]
        assert set(ids) == {"1", "2", "3"}
        assert sorted(ids).count("1") == 2
        assert it.pending() == 0


def test_a_refused_message_is_set_aside_and_the_next_ones_go_on(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.refuse(lambda message: "not authorised" if message.id == "2" else "")
        it.record(1, 2, 3)
        it.steps()
        assert it.delivered() == [1, 3]
        assert it.pending() == 0


def test_a_topic_that_is_refused_is_reported_once_until_it_is_taken_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with round_of(tmp_path / "db") as it:
        it.transport.refuse(lambda message: "not authorised" if int(message.id) % 10 == 7 else "")
        it.record(*range(50))
        it.steps()
        reports = [(fault.component, fault.code) for fault in it.faults]
        assert reports == [("mqtt t/TELEMETRY", "message_refused")]
        assert caplog.text.count("a message was refused and set aside: not authorised") == 1
        assert "mqtt t/TELEMETRY: back after" not in caplog.text
        it.clock.advance(61.0)
        it.record(51)
        it.steps()
        assert caplog.text.count("mqtt t/TELEMETRY: back after") == 1
        it.record(57)
        it.steps()
        assert len(it.faults) == 2


def test_a_refused_report_makes_no_other_report(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.refuse(lambda _message: "not authorised")
        error = Message(topic="edge-mask/gate-01/errors", payload=b"{}", priority=Priority.EVIDENCE, qos=1, id="1")
        it.ledger.commit(Batch(outgoing=[OutboxRow("mqtt", error, it.clock.now())]), it.clock.now())
        it.courier.poke()
        it.steps()
        assert it.pending() == 0
        assert it.faults == []


def test_an_alert_overtakes_the_backlog(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", drain_rate=10.0) as it:
        it.transport.go_away()
        it.record(*range(100))
        it.transport.come_back()
        it.steps(2)
        it.record(500, priority=Priority.EVIDENCE)
        it.record(900, priority=Priority.URGENT)
        before = len(it.delivered())
        it.steps(4)
        assert it.delivered()[before : before + 2] == [900, 500]


def test_the_backlog_leaves_no_faster_than_the_drain_rate(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", drain_rate=10.0) as it:
        it.record(*range(300))
        began = it.clock.now().mono
        it.steps(100, seconds=0.1)
        lasted = it.clock.now().mono - began
        assert 0.8 * lasted * 10 <= len(it.delivered()) <= lasted * 10 + 2


def test_no_more_than_the_window_is_under_way(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", window=7) as it:
        it.transport.freeze()
        it.record(*range(50))
        it.steps(5)
        assert len(it.transport._unacknowledged) == 7
        it.transport.thaw()
        it.steps(30)
        assert it.delivered() == list(range(50))


def test_live_messages_go_now_or_never(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        live = Message(topic="health", payload=b'{"n":1}', priority=Priority.LIVE, qos=0)
        it.courier.offer_live(live)
        it.steps(1)
        assert it.delivered() == [1]
        it.transport.go_away()
        it.courier.offer_live(live)
        it.transport.come_back()
        it.steps(2)
        assert it.delivered() == [1]
        assert it.courier.live_dropped == 1


class Touchy(MemoryTransport):
    """A broker that hangs up on a message, without a word, instead of refusing it."""

    hung_up = 0

    def _answer(self, sending: Sending) -> None:
        if sending.message.id not in ("7", "17", "27"):
            super()._answer(sending)
            return
        self.hung_up += 1
        self._unacknowledged.append(sending)
        self.go_away("closed by the broker")


def test_a_message_that_the_broker_hangs_up_on_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", kind=Touchy) as it:
        it.record(*range(30))
        for turn in range(120):
            it.steps(1)
            if not it.transport.is_connected:
                it.record(
                    1000 + turn, priority=Priority.EVIDENCE
                )  # such as the report of the outage, which leaves first
                it.transport.come_back()
        assert [n for n in it.delivered() if n < 1000] == [n for n in range(30) if n % 10 != 7]
        assert it.pending() == 0
        connection = it.ledger.file.connection
        aside = connection.exec_driver_sql("SELECT message_id, reason FROM outbox ORDER BY id").all()
        connection.rollback()
        assert [tuple(row) for row in aside] == [(str(n), "the broker hung up on it 3 times") for n in (7, 17, 27)]


def test_a_network_that_is_lost_again_and_again_later_than_ten_seconds_blames_no_message(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.record(1)
        for _ in range(5):
            it.transport.freeze()
            while not it.transport._unacknowledged:
                it.steps(1)
            it.clock.advance(10.0)
            it.transport.go_away()
            it.transport.come_back()
        it.steps(40, seconds=5.0)  # the pauses between its tries have grown
        assert it.delivered() == [1]


def test_a_broker_that_is_throttling_is_sent_one_message_at_a_time(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.freeze()
        it.record(*range(100))
        it.steps(1)
        it.transport.time_out()  # "quota exceeded", for all of the window
        while not it.transport._unacknowledged:
            it.steps(1)
        assert [pending.message.id for pending in it.transport._unacknowledged] == ["0"]
        it.transport.thaw()
        it.steps(40)
        assert it.delivered() == list(range(100))


def anew(it: Round) -> None:
    """Somebody deletes the database while it is in use, and the ledger makes another one."""
    path = it.ledger.file._path
    for file in path.parent.glob(f"{path.name}*"):
        if not file.name.endswith("lock"):
            file.unlink()
    it.ledger.file.reopen()


def test_what_is_recorded_into_another_file_is_delivered_from_its_first_row(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.record(*range(100))
        it.steps()
        anew(it)
        it.record(*range(100, 105))
        it.steps()
        assert it.delivered() == list(range(105))
        assert it.pending() == 0


def test_a_receipt_from_another_file_settles_no_row_of_the_new_one(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.freeze()
        it.record(1)
        it.steps(2)
        anew(it)
        it.record(2)  # has the id that the first one had
        it.transport.thaw()
        it.steps()
        assert it.delivered() == [1, 2]


def test_an_outbox_that_cannot_be_read_fails_nobody_and_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with round_of(tmp_path / "db") as it:
        path = tmp_path / "db"
        it.record(1)
        it.steps()
        path.rename(tmp_path / "aside")
        it.courier.poke()
        it.steps(3)
        path.write_bytes(b"no database" * 1000)
        it.courier.poke()
        it.steps(3)
        (tmp_path / "aside").replace(path)
        it.record(2)
        it.steps(3)
        assert it.delivered() == [1, 2]
        assert caplog.text.count("the outbox cannot be read now") == 1


def test_a_slow_link_keeps_the_newest_live_messages_and_drops_the_old_ones(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.freeze()  # what is handed over is not written
        for n in range(100):
            it.courier.offer_live(Message(topic="live", payload=b'{"n":%d}' % n, priority=Priority.LIVE, qos=0))
            it.steps(1, seconds=0.1)
        assert len(it.transport._unacknowledged) == 4
        it.transport.thaw()
        it.steps(10, seconds=0.1)
        assert it.delivered() == [0, 1, 2, 3, *range(84, 100)]
        it.transport.freeze()
        for n in range(5):
            it.courier.offer_live(Message(topic="live", payload=b'{"n":%d}' % n, priority=Priority.LIVE, qos=0))
        it.steps(2, seconds=11.0)
        assert it.courier.is_idle
        assert it.courier.live_dropped == 80 + 1


def test_stored_messages_leave_before_live_ones(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.courier.offer_live(Message(topic="live", payload=b'{"n":1}', priority=Priority.LIVE, qos=0))
        it.record(2)
        it.steps(1)
        assert it.delivered() == [2, 1]


def test_a_message_from_before_the_clock_was_set_leaves_with_its_true_time(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.transport.go_away()
        it.clock.synced = False
        it.clock._wall = 100.0
        it.record(1)
        it.clock.advance(5)
        it.clock.set_wall(1_790_000_005.0)
        it.ledger.commit(Batch(), it.clock.now())
        it.transport.come_back()
        it.steps()
        (payload,) = [json.loads(m.payload) for m in it.transport.delivered]
        assert payload["ts"] == "2026-09-21T14:13:20.000Z"


def test_a_message_of_an_earlier_boot_without_a_clock_is_late(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        row = OutboxRow(
            "mqtt", Message(topic="t", payload=b'{"n":1}', priority=Priority.TELEMETRY, qos=1), it.clock.now()
        )
        other = Ledger.__new__(Ledger)
        other.__dict__.update(it.ledger.__dict__, _boot="boot-0")
        unset = OutboxRow("mqtt", row.message, Moment(Seconds(1e9), row.at.wall, synced=False))
        other.commit(Batch(outgoing=[unset]), Moment(row.at.mono, row.at.wall, synced=False))
        it.courier.poke()
        it.steps()
        assert json.loads(it.transport.delivered[0].payload)["late"] is True


def test_away_for_counts_from_the_loss_of_the_connection(tmp_path: Path) -> None:
    with round_of(tmp_path / "db") as it:
        it.steps(1)
        assert it.courier.away_for(it.clock.now().mono) == 0.0
        it.transport.go_away()
        it.steps(5)
        assert it.courier.away_for(it.clock.now().mono) >= 4.0


ACTIONS = st.lists(
    st.one_of(
        st.sampled_from(["step", "away", "back", "freeze", "thaw", "time out", "lose ack"]),
        st.sampled_from([Priority.URGENT, Priority.EVIDENCE, Priority.TELEMETRY]),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ACTIONS)
def test_whatever_happens_everything_arrives_and_first_arrivals_are_in_order(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str | Priority]
) -> None:
    with round_of(tmp_path_factory.mktemp("outbox") / "db", window=4, blames_hang_ups=False) as it:
        orders: dict[str, Callable[[], object]] = {
            "step": lambda: it.steps(1), "away": it.transport.go_away, "back": it.transport.come_back,
            "freeze": it.transport.freeze, "thaw": it.transport.thaw, "time out": it.transport.time_out,
            "lose ack": lambda: it.transport.lose_acks(1),
        }  # fmt: skip
        recorded: dict[str, list[str]] = {}
        for number, action in enumerate(actions):
            if isinstance(action, Priority):
                it.record(number, priority=action)
                recorded.setdefault(f"t/{action.name}", []).append(str(number))
            else:
                orders[action]()
        it.transport.thaw()
        it.transport.come_back()
        it.steps(80, seconds=10.0)
        assert it.pending() == 0
        for topic, ids in recorded.items():
            arrived = [m.id for m in it.transport.delivered if m.topic == topic]
            assert list(dict.fromkeys(arrived)) == ids


def test_a_certificate_that_cannot_be_read_is_tried_again_and_loses_nothing(tmp_path: Path) -> None:
    class Unreadable(MemoryTransport):
        broken = True

        def open(self) -> None:
            if self.broken:
                raise Refused("tls.cert: client.pem cannot be read")
            super().open()

    clock = ManualClock()
    faults: list[Fault] = []
    ledger = Ledger(tmp_path / "db", Bounds(), BOOT)
    ledger.open()
    transport = Unreadable()
    broker = Broker(name="mqtt", boot=BOOT)
    courier = Courier(
        broker, transport, Outbox(tmp_path / "db", "mqtt"), lambda _settlements: Future(), faults.append, clock
    )
    row = OutboxRow("mqtt", Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1), clock.now())
    ledger.commit(Batch(outgoing=[row]), clock.now())
    courier.begin()
    courier.turn(threading.Event())
    assert [fault.code for fault in faults] == ["refused"]
    transport.broken = False
    clock.advance(61)
    for _ in range(3):
        courier.turn(threading.Event())
    assert len(transport.delivered) == 1
    courier.end()
    ledger.close()
