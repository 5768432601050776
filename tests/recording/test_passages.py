"""The desk where visits wait: a GPIO line, a topic and a recording as the sensor, and everything that fails."""

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.rows import visit

from edge_mask.decide.passage import PassagePolicy
from edge_mask.messages import Alert, Event, Held, Message, Priority, Quality, Reading, Settled
from edge_mask.recording.passages import PassageDesk
from edge_mask.runtime.clock import ManualClock
from edge_mask.sense.feed import Utterance
from edge_mask.sense.feed_meter import FeedMeter, Voice
from edge_mask.sense.gpio import GpioFeed
from edge_mask.sense.listener import hear
from edge_mask.sense.meter import Meter
from edge_mask.sense.mqtt_feed import Ear, MqttFeed
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.replay import Replay
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

STAND_IN = Path(__file__).parents[1] / "act/stand_in"
BEAM = Identity("beam", "passage", "", interval=Seconds(0.0))
NEVER = threading.Event()


class Gate:
    """A desk that is turned by hand, and what it said."""

    def __init__(self, *, tells_changes_only: bool = False) -> None:
        self.clock = ManualClock()
        self.said: list[Held | Settled | Alert] = []
        policy = PassagePolicy(sensor="beam", camera="front", tells_changes_only=tells_changes_only)
        numbers = iter(range(1000))
        self.desk = PassageDesk(policy, self.said.append, lambda _at: str(next(numbers)), self.clock)
        self.desk._patience = lambda: 0.0  # type: ignore[method-assign]

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.desk.step(NEVER)

    def judge(self) -> None:
        self.desk.hold(visit(self.clock.now()))
        self.turn()

    def ends(self, seconds: float = 10.0) -> list[bool | None]:
        """What became of the visits when this time is over."""
        self.turn(seconds)
        return [each.visit.passed_through for each in self.said if isinstance(each, Settled) and each.visit]

    def is_settled(self) -> bool:
        return self.desk.is_settled

    @property
    def alerts(self) -> list[str]:
        return [each.kind for each in self.said if isinstance(each, Alert)]


def no_events(_event: Event) -> None:
    """Readings go elsewhere."""


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One chip of 28 lines, importable as gpiod for one test."""
    monkeypatch.syspath_prepend(str(STAND_IN))
    library: Any = importlib.import_module("gpiod")
    library.boards["/dev/gpiochip0"] = library.Board([f"GPIO{number}" for number in range(28)])
    yield library.boards["/dev/gpiochip0"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "gpiod"]:
        del sys.modules[name]


def meter_of(gate: Gate, feed: Any) -> FeedMeter:
    voice = Voice("beam", {"passage": QualityPolicy()})
    return FeedMeter(feed, [voice], gate.clock, no_events, listeners={"beam": gate.desk})


def test_a_line_tells_who_went_through_and_its_level_at_the_begin_nothing(board: Any) -> None:
    gate = Gate()
    board.drive(27, 1)
    meter = meter_of(gate, GpioFeed(BEAM, "gpiochip0", 27, clock=gate.clock))
    meter.step(NEVER)  # somebody stands in it when it is opened
    gate.judge()
    for level in (0, 1):
        board.drive(27, level, at_ns=int(gate.clock.advance(1.0).mono * 1e9))
    meter.step(NEVER)
    assert gate.ends() == [True]
    assert gate.alerts == []


def test_a_line_that_is_lost_and_found_makes_null_and_no_passage(board: Any) -> None:
    gate = Gate()
    meter = meter_of(gate, GpioFeed(BEAM, "gpiochip0", 27, clock=gate.clock))
    meter.step(NEVER)
    gate.judge()
    board.fail()
    meter.step(NEVER)
    board.is_broken = False
    board.drive(27, 1)
    while not board.consumers:  # its pause
        meter.step(NEVER)
    assert gate.ends() == [None]
    assert gate.alerts == []


def topic(payload: bytes, *, retain: bool = False, name: str = "beam") -> Message:
    return Message(topic=name, payload=payload, priority=Priority.LIVE, qos=1, retain=retain)


class Prompt(MqttFeed):
    """Waits for nothing: what a test wants heard has been said."""

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        return super().listen(Seconds(min(timeout, 0.0)))


@pytest.mark.parametrize(
    ("heard", "ends", "alerts"),
    [
        ([topic(b"0", retain=True), topic(b"1")], [True], []),
        ([topic(b"1", retain=True), topic(b"1")], [False], []),  # the door stands open
        ([topic(b"1", retain=True), topic(b"0"), topic(b"OFF")], [False], []),
        ([topic(b"ON")], [True], []),
        ([], [None], []),  # nobody has ever heard it
        ([topic(b"unavailable"), topic(b"1")], [None], []),
        ([topic(b"0"), topic(b"offline", name="there"), topic(b"1")], [None], []),
        ([topic(b"0"), topic(b"nonsense")], [False], []),
    ],
)
def test_a_topic(heard: list[Message], ends: list[bool | None], alerts: list[str]) -> None:
    """What is kept by the broker is heard before the verdict, everything else after it."""
    gate = Gate(tells_changes_only=True)
    feed = Prompt([Ear(BEAM, "beam", None, "there", is_state=True)], clock=gate.clock)
    meter = meter_of(gate, feed)
    known = [each for each in heard if each.retain or each.payload == b"0"]
    for each in known:
        feed.hear(each)
        meter.step(NEVER)
    gate.clock.advance(1.0)
    gate.judge()
    gate.clock.advance(1.0)
    for each in heard:
        if each not in known:
            feed.hear(each)
            meter.step(NEVER)
    assert gate.ends() == ends
    assert gate.alerts == alerts


def test_a_broker_that_is_away_lets_nobody_hear_its_topics() -> None:
    gate = Gate(tells_changes_only=True)
    for connected in (False, True):  # the first connection is none that was lost
        gate.desk.connection_changed(connected)
    gate.desk.said(Reading("beam", "passage", 0.0, "", gate.clock.now()))
    gate.judge()
    gate.desk.connection_changed(connected=False)
    gate.desk.connection_changed(connected=True)
    gate.desk.said(Reading("beam", "passage", 1.0, "", gate.clock.advance(1.0)))
    assert gate.ends() == [None]
    assert gate.alerts == []


def test_a_recording_with_a_broken_row_makes_null(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("seconds,value\n0,0\n1,none\n2,0\n3,1\n")
    gate = Gate()
    replay = Replay(BEAM, tmp_path / "r.csv", clock=gate.clock, rate="max")
    meter = Meter(replay, gate.clock, no_events, listener=gate.desk)
    meter.step(NEVER)
    gate.judge()
    meter.step(NEVER)
    assert gate.ends() == [None]


def test_what_cannot_be_believed_is_as_good_as_nothing() -> None:
    gate = Gate()
    gate.desk.said(Reading("beam", "passage", 0.0, "", gate.clock.now()))
    gate.judge()
    hear(gate.desk, Reading("beam", "passage", 1.0, "", gate.clock.advance(1.0), Quality.STUCK))
    assert gate.ends() == [None]


def test_a_sensor_that_says_more_than_anybody_can_take_makes_null_and_holds_nobody_up() -> None:
    gate = Gate()
    gate.desk.said(Reading("beam", "passage", 0.0, "", gate.clock.now()))
    gate.judge()
    for number in range(5000):
        gate.desk.said(Reading("beam", "passage", 0.0 * number, "", gate.clock.now()))
    gate.turn()
    gate.desk.said(Reading("beam", "passage", 0.0, "", gate.clock.now()))
    for _ in range(20):
        gate.turn()
    assert gate.ends() == [None]


def test_a_verdict_is_on_its_way_to_the_disk_before_anything_else_happens_to_it() -> None:
    gate = Gate()
    assert gate.is_settled()
    gate.desk.hold(visit(gate.clock.now()))
    assert [type(each) for each in gate.said] == [Held]
    assert not gate.is_settled()
    gate.turn()
    assert not gate.is_settled()
    assert gate.ends() == [None]
    assert gate.is_settled()


def test_a_verdict_that_comes_when_the_desk_has_ended_is_settled_at_once() -> None:
    gate = Gate()
    gate.judge()
    gate.desk.interrupt()
    gate.desk.end()
    gate.desk.hold(visit(gate.clock.now()))
    assert [type(each) for each in gate.said] == [Held, Settled, Held, Settled]
