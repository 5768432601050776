"""The worker between the tables and the connection: bounded whatever comes, and nothing old is believed."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.control.site import PATIENCE, Site, running

from edge_mask.control.cloud.shadow import WishShadow
from edge_mask.control.cloud.taking_over import TakingOver
from edge_mask.control.cloud.wished import Memory
from edge_mask.control.cloud.worker import Cloud, Tables
from edge_mask.control.kept import Kept
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.messages import Message, Priority
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
        look: Future[Any] = Future()
        self.worker = Cloud(
            self.tables, None, self.transport, site.wishes, site.folder, lambda: look, self.clock
        )  # fmt: skip
        self.worker.begin()
        self.transport.open()
        self.worker.state_changed(True)

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
