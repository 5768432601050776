"""Alerts of neighbours: which count, what they change, and for how long; on a clock that is turned by hand."""

import json
import logging
import threading
from typing import Any

import pytest

from edge_mask.deliver.memory import MemoryTransport
from edge_mask.detect import model
from edge_mask.detect.detector import Answer
from edge_mask.fleet.alerts import NeighbourAlert, alert_of
from edge_mask.fleet.closer import CloserLook
from edge_mask.fleet.neighbours import Neighbours
from edge_mask.messages import Alert, Box, Face, Look, Message, Priority
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings import fleet
from edge_mask.settings.fleet import Watch
from edge_mask.units import Moment, Seconds
from edge_mask.wire import timestamp

THING, TOPIC = "gate-02", "edge-mask/gate-02/alerts"
WATCH = Watch.model_validate({"interval": "0.2s", "votes": 7, "threshold": 0.3, "for": "60s"})


class Clock(ManualClock):
    """It does not wait for what has happened."""

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return stop.is_set() or super().wait(stop, seconds)


class Stage:
    """A device with one neighbour."""

    def __init__(self, watch: Watch = WATCH) -> None:
        self.clock = Clock()
        self.closer = CloserLook(watch, self.clock)
        self.begun: list[float] = []
        self.changes: list[float] = []
        self.transport = MemoryTransport()
        self.neighbours = Neighbours(
            {THING: TOPIC}, self.closer, watch.lasts, self.clock,
            on_begin=lambda: self.begun.append(self.clock.now().mono),
            on_change=lambda: self.changes.append(self.clock.now().mono),
        )  # fmt: skip
        self.neighbours.subscribe_with(self.transport)
        self.transport.open()
        self.stop = threading.Event()
        self._ids = 0

    def run(self, seconds: float) -> None:
        until = self.clock.now().mono + seconds
        while self.clock.now().mono < until:
            self.neighbours.step(self.stop)

    def alert(self, **changes: Any) -> None:
        self._ids += 1
        fields = {"id": f"id-{self._ids}", "thing": THING, "ts": timestamp(self.clock.now().wall), "v": 1}
        self.say(json.dumps({**fields, "kind": "no_mask", "text": "", **changes}).encode())

    def say(self, payload: bytes, *, retain: bool = False) -> None:
        self.transport.arrive(Message(topic=TOPIC, payload=payload, priority=Priority.LIVE, qos=1, retain=retain))
        self.neighbours.step(self.stop)

    def is_close(self) -> bool:
        return self.closer.reason is not None


def face(score: float, label: str = "mask") -> Face:
    return Face(label, score, Box(0, 0, 10, 10))


@pytest.mark.parametrize("kind", ["no_mask", "fever", "tailgating"])
def test_an_alert_of_a_neighbour_makes_everything_closer_and_it_ends_by_itself(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage()
    answer = Answer([face(0.9)], 1.0, faint=[face(0.4), face(0.2)])
    usual = (stage.closer.interval(Seconds(5.0)), stage.closer.votes(5), stage.closer.faces(answer))
    assert usual == (5.0, 5, answer)
    stage.alert(kind=kind)
    assert stage.closer.interval(Seconds(5.0)) == 0.2
    assert stage.closer.votes(5) == 7
    close = stage.closer.faces(answer)
    assert ([each.score for each in close.faces], [each.score for each in close.faint]) == ([0.9, 0.4], [0.2])
    reason = stage.closer.reason
    assert reason is not None
    assert reason.because_of == THING
    stage.clock.advance(59.0)
    assert stage.is_close()
    stage.clock.advance(2.0)
    assert not stage.is_close()
    stage.run(11.0)
    assert (stage.closer.interval(Seconds(5.0)), stage.closer.votes(5), stage.closer.faces(answer)) == usual
    assert len(stage.begun) == 1
    assert len(stage.changes) == 2
    told = [each.getMessage() for each in caplog.records]
    assert told == [
        f"neighbours: gate-02 raised an alert ({kind}); looking more closely for 60 s",
        "neighbours: looking as usual again",
    ]


def test_it_never_makes_a_device_look_less_closely() -> None:
    stage = Stage(Watch.model_validate({"interval": "2s", "votes": 3, "threshold": 0.9}))
    stage.alert()
    answer = Answer([face(0.5)], 1.0, faint=[face(0.4)])
    assert stage.closer.interval(Seconds(0.1)) == 0.1
    assert stage.closer.interval(Seconds(0.0)) == 0.0
    assert stage.closer.votes(5) == 5
    assert stage.closer.faces(answer) == answer


def test_what_is_not_configured_stays_as_it_is() -> None:
    stage = Stage(Watch())
    stage.alert()
    answer = Answer([face(0.5)], 1.0, faint=[face(0.4)])
    assert stage.is_close()
    assert (stage.closer.votes(5), stage.closer.faces(answer)) == (5, answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "outlier"},
        {"kind": "something"},
        {"kind": ["no_mask"]},
        {"kind": None},
        {"watching": True},
        {"thing": "gate-03"},
        {"thing": None},
        {"id": 7},
        {"id": ""},
        {"id": "x" * 65},
        {"late": True, "ts": "2000-01-01T00:00:00.000Z"},
        {"late": True, "ts": "9999-12-31T23:59:59.999Z"},
        {"late": True, "ts": "0001-01-01T00:00:00.000+14:00"},
        {"late": True, "ts": "yesterday"},
        {"late": True, "ts": 5},
    ],
)
def test_what_does_not_count(changes: dict[str, Any]) -> None:
    stage = Stage()
    stage.alert(**changes)
    assert not stage.is_close()


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"no JSON", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5_000, b"{" + b" " * 20_000 + b"}",
        b'{"id": "1", "thing": "gate-02", "kind": "no_mask"' + b" " * 20_000 + b"}",
    ],
    ids=["empty", "text", "list", "number", "bytes", "deep list", "deep object", "long", "a long alert"],
)  # fmt: skip
def test_what_is_no_alert_changes_nothing(payload: bytes) -> None:
    stage = Stage()
    stage.say(payload)
    assert not stage.is_close()
    stage.alert()
    assert stage.is_close()


def test_what_the_broker_kept_tells_of_an_earlier_time() -> None:
    stage = Stage()
    stage.say(json.dumps({"id": "1", "thing": THING, "kind": "no_mask"}).encode(), retain=True)
    assert not stage.is_close()


def test_a_late_alert_counts_while_its_look_would_still_last_and_only_where_the_time_is_known() -> None:
    stage = Stage()
    then = timestamp(stage.clock.now().wall)
    stage.clock.advance(30.0)
    stage.clock.synced = False
    stage.alert(late=True, ts=then)
    assert not stage.is_close()
    stage.clock.synced = True
    stage.alert(late=True, ts=then)
    assert stage.is_close()


def test_an_alert_that_comes_twice_counts_once() -> None:
    stage = Stage()
    stage.alert(id="same")
    stage.clock.advance(61.0)
    stage.run(1.0)
    stage.alert(id="same")
    assert not stage.is_close()
    assert len(stage.begun) == 1


def test_another_alert_makes_it_last_longer_and_begins_nothing_anew() -> None:
    stage = Stage()
    stage.alert()
    stage.clock.advance(50.0)
    stage.alert()
    stage.clock.advance(50.0)
    assert stage.is_close()
    assert len(stage.begun) == 1


def test_a_flood_of_alerts_is_one_begin_and_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def judged(payload: bytes, thing: str, now: Moment, lasts: Seconds) -> NeighbourAlert | None:
        parsed.append(thing)
        return alert_of(payload, thing, now, lasts)

    monkeypatch.setattr("edge_mask.fleet.neighbours.alert_of", judged)
    stage, turns = Stage(), 0
    for number in range(5_000):
        payload = json.dumps({"id": str(number), "thing": THING, "kind": "no_mask"}).encode()
        stage.neighbours.heard(THING, Message(topic=TOPIC, payload=payload, priority=Priority.LIVE, qos=1))
        if number % 100 == 0:
            turns += 1
            stage.neighbours.step(stage.stop)
    stage.neighbours.step(stage.stop)
    assert stage.is_close()
    assert len(stage.begun) == 1
    assert len(stage.changes) <= 1 + (stage.clock.now().mono - stage.begun[0]) / 10.0
    assert len(parsed) <= 8 * (turns + 1)


def test_an_alert_raised_meanwhile_is_marked_and_nothing_else_is() -> None:
    stage = Stage()
    at = stage.clock.now()
    alert = Alert(at=at, kind="no_mask", text="t", camera="c")
    look = Look(at=at, camera="c", faces=0, no_mask=0, streak=0)
    assert stage.closer.marked(alert) is alert
    stage.alert()
    marked = stage.closer.marked(alert)
    assert isinstance(marked, Alert)
    assert marked.watching
    assert stage.closer.marked(look) is look


def test_the_lowest_threshold_is_what_the_model_still_says() -> None:
    assert fleet.FAINT == model.FAINT
