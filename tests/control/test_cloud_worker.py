"""The worker between the tables and the connection: bounded whatever comes, and nothing old is believed."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.control.site import Site, running
from tests.waiting import PATIENCE

from edge_mask.control.cloud.seen import SeenShadow
from edge_mask.control.cloud.shadow import WishShadow
from edge_mask.control.cloud.tables import Tables
from edge_mask.control.cloud.taking_over import TakingOver
from edge_mask.control.cloud.wished import Memory
from edge_mask.control.cloud.worker import Cloud
from edge_mask.control.kept import Kept
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.messages import Fault, Message, Priority
from edge_mask.runtime.clock import ManualClock
from edge_mask.wire.topics import WISHES, ShadowTopics

TOPICS = ShadowTopics("gate-01", WISHES)


class Stage:
    """The worker with a connection and a service, which are the test."""

    def __init__(self, site: Site) -> None:
        self.wishes = site.wishes
        self.clock = ManualClock()
        taking = TakingOver(Memory(Kept(site.folder / "shadow.json")), site.wishes.in_force)
        table = WishShadow(TOPICS, taking, site.wishes.in_force, program="0.1.0", new_token=lambda: "t")
        self.transport = MemoryTransport()
        self.tables = Tables(table, None)
        self.looks: list[Future[Any]] = []
        self.faults: list[Fault] = []
        seen = SeenShadow(ShadowTopics("gate-01"))
        self.worker = Cloud(
            self.tables, seen, self.transport, site.wishes, site.folder, self._look, self.faults.append, self.clock
        )
        self.worker.begin()
        self.transport.open()
        self.worker.state_changed(True)

    def _look(self) -> "Future[Any]":
        self.looks.append(Future())
        return self.looks[-1]

    def hang_up(self) -> None:
        """The connection is lost, and there again."""
        self.worker.state_changed(False)
        self.worker.turn()
        self.clock.advance(1.0)
        self.worker.state_changed(True)
        self.worker.turn()

    def say(self, content: Any, *, topic: str = TOPICS.documents, retain: bool = False) -> None:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.transport.arrive(Message(topic=topic, payload=payload, priority=Priority.LIVE, qos=1, retain=retain))

    def desire(self, version: int, seconds: int, **how: Any) -> None:
        state = {"desired": {"config": {"health": {"interval": f"{seconds}s"}}}}
        self.say({"current": {"state": state, "version": version}}, **how)

    def sent(self, topic: str) -> int:
        return sum(message.topic == topic for message in self.transport.delivered)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with running(Site(tmp_path)) as site:
        yield Stage(site)


def wait_until_ended(stage: Stage) -> None:
    """Until what was wished last has ended, and the worker knows."""
    event = stage.tables.ends.get(timeout=PATIENCE)
    event(stage.clock.now().mono)


def test_a_wish_comes_into_force_and_is_reported(stage: Stage) -> None:
    stage.worker.turn()
    assert stage.sent(TOPICS.get) == 1
    stage.desire(1, 50)
    stage.worker.turn()
    wait_until_ended(stage)
    stage.worker.turn()
    report = json.loads(stage.transport.delivered[-1].payload)
    assert report["state"]["reported"]["config"] == {"health": {"interval": "50s"}}


def test_a_flood_is_not_kept_and_the_newest_state_is_asked_for_now_and_then(stage: Stage) -> None:
    stage.worker.turn()
    for _ in range(20):
        for number in range(200):
            stage.say(b"x" * 1000 if number % 2 else b"{}")
        stage.worker.turn()
    assert stage.sent(TOPICS.get) <= 3
    stage.clock.advance(5.0)
    stage.worker.turn()
    assert stage.sent(TOPICS.get) <= 4
    stage.desire(1, 50)
    stage.worker.turn()
    wait_until_ended(stage)
    assert stage.wishes.in_force().config == {"health": {"interval": "50s"}}


def test_a_retained_message_is_no_answer_of_the_service(stage: Stage) -> None:
    stage.worker.turn()
    stage.desire(9, 50, retain=True)
    stage.worker.turn()
    assert stage.wishes.in_force().version == 0
    stage.desire(1, 60)
    stage.worker.turn()
    wait_until_ended(stage)
    assert stage.wishes.in_force().config == {"health": {"interval": "60s"}}


def test_what_ended_while_no_house_stood_is_known_to_the_next(stage: Stage) -> None:
    stage.worker.turn()
    stage.desire(1, 50)
    stage.worker.turn()
    stage.worker.end()
    stage.worker.turn()  # away: nothing is said
    assert stage.sent(TOPICS.update) == 0
    stage.worker.state_changed(True)
    wait_until_ended(stage)
    stage.worker.turn()
    stage.desire(1, 50)
    stage.worker.turn()
    assert stage.sent(TOPICS.update) == 1


def test_a_flood_while_the_local_shadow_is_read_does_not_end_the_reports_of_what_was_seen(stage: Stage) -> None:
    stage.worker.turn()
    for _ in range(200):
        stage.say(b"{}")
    stage.looks[0].set_result({"uploaded_at": "1"})
    stage.worker.turn()
    assert stage.sent("$aws/things/gate-01/shadow/update") == 1


def test_a_service_that_hangs_up_on_each_question_is_left_alone_for_a_while(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.worker.turn()
    asked = []
    for _ in range(200):
        stage.hang_up()
        asked.append(stage.sent(TOPICS.get))
    assert asked[3] == asked[2] == 3
    assert asked[-1] <= 8
    assert caplog.text.count("left alone for a while") >= 1
    stage.clock.advance(600.0)
    stage.worker.turn()
    assert stage.sent(TOPICS.get) == asked[-1] + 1


def test_a_connection_that_comes_and_goes_is_no_hang_up_when_answers_come(stage: Stage) -> None:
    for number in range(1, 20):
        stage.hang_up()
        stage.say({"state": {}, "version": number}, topic=TOPICS.got)
        stage.worker.turn()
    assert stage.sent(TOPICS.get) == 19


def test_a_policy_that_denies_a_topic_is_told_once(stage: Stage) -> None:
    stage.transport.refuse(lambda message: "not authorized" if message.topic == TOPICS.get else "")
    for _ in range(5):
        stage.worker.turn()
        stage.clock.advance(300.0)
    (fault,) = stage.faults
    assert (fault.component, fault.code) == ("cloud", "refused")
    assert fault.text.startswith(f"{TOPICS.get}: not authorized; `edge-mask aws policy`")


def test_reports_that_a_policy_denies_are_tried_ever_more_seldom(stage: Stage) -> None:
    tried: list[str] = []

    def refused(message: Message) -> str:
        tried.append(message.topic)
        return "not authorized"

    stage.worker.turn()
    stage.say({"state": {}, "version": 1}, topic=TOPICS.got)
    stage.transport.refuse(refused)
    for _ in range(3600):
        for look in stage.looks:
            if not look.done():
                look.set_result({"uploaded_at": "1"})
        stage.worker.turn()
        stage.clock.advance(1.0)
    assert 10 < tried.count(TOPICS.update) < 25
    assert tried.count("$aws/things/gate-01/shadow/update") <= 13
    assert len(stage.faults) == 2
