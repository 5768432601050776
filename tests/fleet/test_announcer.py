"""Who this device is and what room it has, as it is told to others: when, and what becomes of it."""

import json
import threading
from itertools import pairwise
from typing import Any

from edge_mask.deliver.memory import MemoryTransport
from edge_mask.fleet.registry.announcer import Announcer, Voice
from edge_mask.fleet.registry.room import Room
from edge_mask.messages import Fault, Message
from edge_mask.runtime.clock import ManualClock
from edge_mask.wire.topics import Topics

ABOUT, ROOM = "edge-mask/gate-01/about", "edge-mask/gate-01/room"


class Stage:
    """An announcer on a clock that is turned by hand, with a broker in memory."""

    def __init__(self, *, keeps_room: bool = True) -> None:
        self.clock = ManualClock()
        self.faults: list[Fault] = []
        self.about: dict[str, Any] = {"name": "front"}
        self.room = Room(2, 31.44, "m 1", ("peer",))
        self.transport = MemoryTransport(on_state=lambda connected, _reason: self.announcer.state_changed(connected))
        voice = Voice(Topics("edge-mask/{thing}", "gate-01"), keeps_room=keeps_room)
        self.announcer = Announcer(
            voice, lambda: self.about, lambda: self.room, self.transport, self.clock, self.faults.append
        )
        self.stop = threading.Event()

    def run(self, seconds: float) -> None:
        until = self.clock.now().mono + seconds
        while self.clock.now().mono < until:
            self.announcer.step(self.stop)

    def on(self, topic: str) -> list[Message]:
        return [each for each in self.transport.delivered if each.topic == topic]


def begun(stage: Stage) -> Stage:
    stage.announcer.begin()
    stage.transport.open()
    stage.run(1.0)
    return stage


def test_about_is_retained_and_said_once_on_each_connection() -> None:
    stage = begun(Stage())
    stage.run(60.0)
    (said,) = stage.on(ABOUT)
    assert (said.qos, said.retain, said.properties) == (1, True, {})
    fields = json.loads(said.payload)
    assert fields == {"thing": "gate-01", "ts": fields["ts"], "v": 1, "name": "front"}
    stage.transport.go_away()
    stage.run(60.0)
    stage.transport.come_back()
    stage.run(1.0)
    assert len(stage.on(ABOUT)) == 2


def test_about_is_said_again_when_it_is_another() -> None:
    stage = begun(Stage())
    stage.about = {"name": "back"}
    stage.announcer.changed()
    stage.run(1.0)
    assert [json.loads(each.payload)["name"] for each in stage.on(ABOUT)] == ["front", "back"]


def test_room_expires_and_is_renewed_before_it_does() -> None:
    stage = begun(Stage())
    stage.run(60.0)
    said = stage.on(ROOM)
    assert {(each.qos, each.retain, each.properties["message_expiry_interval"]) for each in said} == {(1, True, 10)}
    times = [json.loads(each.payload)["ts"][17:19] for each in said]
    assert 8 <= len(times) <= 12
    gaps = [(int(b) - int(a)) % 60 for a, b in pairwise(times)]
    assert max(gaps) < 10


def test_another_room_is_told_within_two_seconds_and_the_same_one_is_not() -> None:
    stage = begun(Stage())
    before = len(stage.on(ROOM))
    stage.room = Room(0, 31.44, "m 1", ("peer",))
    stage.run(2.0)
    assert len(stage.on(ROOM)) == before + 1
    assert json.loads(stage.on(ROOM)[-1].payload)["free"] == 0


def test_a_clean_stop_takes_the_room_back_and_leaves_about() -> None:
    stage = begun(Stage())
    stage.announcer.end()
    assert (stage.on(ROOM)[-1].payload, stage.on(ROOM)[-1].retain) == (b"", True)
    assert stage.on(ABOUT)[-1].payload


def test_where_nothing_expires_room_is_not_kept() -> None:
    stage = begun(Stage(keeps_room=False))
    assert not any(each.retain for each in stage.on(ROOM))
    before = len(stage.on(ROOM))
    stage.announcer.end()
    assert len(stage.on(ROOM)) == before


def test_a_refused_about_is_one_fault_and_said_again_later() -> None:
    stage = Stage()
    stage.transport.refuse(lambda message: "not authorised" if message.topic == ABOUT else "")
    begun(stage).run(600.0)
    assert [(each.component, each.code) for each in stage.faults] == [("fleet", "refused")]
    assert ABOUT in stage.faults[0].text
    stage.transport.refuse(lambda _message: "")
    stage.run(120.0)
    assert len(stage.on(ABOUT)) == 1


def test_a_lost_acknowledgement_makes_about_go_again() -> None:
    stage = Stage()
    stage.transport.lose_acks(1)
    begun(stage).run(120.0)
    assert len(stage.on(ABOUT)) == 2
    assert stage.faults == []
