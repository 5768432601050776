"""The daemon as a Greengrass component, through the installed command; nothing that was recorded is lost."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from tests.end_to_end.daemon import BARE, Daemon, edge_mask, topic, write_config, write_model, write_scene
from tests.nucleus.fake import FakeNucleus
from tests.waiting import PATIENCE

from edge_mask.nucleus.place import TOKEN

ROOM = {"name": "room", "role": "cctv", "interval": "0.01s", "loop": True}


@pytest.fixture
def lite() -> Iterator[FakeNucleus]:
    with FakeNucleus("lite") as fake:
        yield fake


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A room that is looked at all the time."""
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 4)
    return component_config(tmp_path)


QUIET: dict[str, Any] = {"mqtt": {"transport": "greengrass"}, "snapshots": {"looks": "none"}}
"""Looks come by the hundred, more than a disk could keep pictures of."""


def component_config(folder: Path, **changes: Any) -> Path:
    room = {**ROOM, "source": f"images:{folder / 'scene'}"}
    return write_config(folder, None, **{"cameras": [room], **QUIET, **changes})


def seqs(nucleus: FakeNucleus, kind: str = "looks") -> list[int]:
    return [json.loads(each.payload)["seq"] for each in nucleus.on(topic(kind))]


def states(nucleus: FakeNucleus) -> list[str]:
    return [json.loads(each.payload)["state"] for each in nucleus.on(topic("status"))]


def wait_for_looks(nucleus: FakeNucleus, more: int) -> None:
    wanted = len(seqs(nucleus)) + more
    nucleus.wait_for(lambda: len(seqs(nucleus)) >= wanted)


def assert_nothing_is_missing(nucleus: FakeNucleus) -> None:
    """At least once and in order: repeats come from an answer that was lost."""
    found = list(dict.fromkeys(seqs(nucleus)))
    missing = set(range(1, found[-1] + 1)) - set(found)
    assert found == sorted(found)
    assert missing <= {json.loads(e.payload)["seq"] for e in nucleus.lost_with_spooler if e.topic == topic("looks")}
    assert len(missing) <= 1  # handed over before the nucleus told that AWS IoT Core is away


def outbox(config: Path) -> dict[str, Any]:
    found = edge_mask("outbox", "status", "--json", "--config", config, cwd=config.parent)
    return cast("dict[str, Any]", json.loads(found.out))


def wait_until_waiting(config: Path, at_least: int) -> None:
    """Looks at the database itself: a command would take a second each time."""
    path = config.with_name("edge-mask.db")
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            if database.execute("SELECT messages FROM totals WHERE state = 0").fetchone()[0] >= at_least:
                return
        assert time.monotonic() < deadline


def codes(nucleus: FakeNucleus) -> list[str]:
    return [json.loads(each.payload)["code"] for each in nucleus.on(topic("errors"))]


def test_looks_arrive_and_status_says_online_and_offline(config: Path, lite: FakeNucleus) -> None:
    with Daemon(config, environ=lite.environment) as daemon:
        wait_for_looks(lite, 20)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)
    assert states(lite) == ["online", "offline"]
    assert all(each.retain and each.qos == 1 for each in lite.on(topic("status")))
    assert "connected to the Greengrass nucleus" in daemon.stderr
    assert lite.token not in daemon.stderr


def test_a_command_from_aws_iot_core_is_answered_there(config: Path, lite: FakeNucleus) -> None:
    with Daemon(config, environ=lite.environment) as daemon:
        lite.wait_for_count(topic("status"), 1)
        lite.say(topic("commands/status"), b'{"request_id": "s-1"}')
        (answer,) = lite.wait_for_count(topic("commands/status/response"), 1)
        assert daemon.stop() == 0
    found = json.loads(answer.payload)
    assert (found["ok"], found["request_id"]) == (True, "s-1")


def test_a_nucleus_that_restarts_misses_nothing(config: Path, lite: FakeNucleus) -> None:
    with Daemon(config, environ=lite.environment) as daemon:
        wait_for_looks(lite, 20)
        lite.stop()
        lite.start()
        wait_for_looks(lite, 20)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)
    assert codes(lite) == ["offline"]
    assert daemon.stderr.count("messages are kept") == 1


def test_a_time_without_aws_iot_core_is_one_outage_and_everything_comes_later(config: Path, lite: FakeNucleus) -> None:
    lite.lose_core()
    with Daemon(config, environ=lite.environment) as daemon:
        lite.wait_for(lambda: lite.asked.count("PublishToIoTCore") >= 3)
        lite.find_core()
        wait_for_looks(lite, 40)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)
    assert codes(lite) == ["offline"]
    assert daemon.stderr.count("it has no connection itself") == 1


def test_the_memory_of_the_nucleus_stays_empty_while_aws_iot_core_is_away(config: Path) -> None:
    with FakeNucleus("classic") as fake, Daemon(config, environ=fake.environment) as daemon:
        wait_for_looks(fake, 10)
        fake.lose_core()
        wait_until_waiting(config, 10)
        asked = fake.asked.count("PublishToIoTCore")
        fake.stop()  # it would lose what it kept
        fake.start()
        fake.wait_for(lambda: fake.connections == 2)
        wait_until_waiting(config, 30)
        assert fake.asked.count("PublishToIoTCore") <= asked + 1  # the question with `status`
        fake.find_core()
        wait_for_looks(fake, 20)
        assert daemon.stop() == 0
        assert_nothing_is_missing(fake)
        assert codes(fake) == ["offline"]


def test_service_errors_now_and_then_keep_the_order(config: Path, lite: FakeNucleus) -> None:
    with Daemon(config, environ=lite.environment) as daemon:
        for _ in range(3):
            wait_for_looks(lite, 5)
            lite.fail(1)
        wait_for_looks(lite, 5)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)
    assert seqs(lite) == sorted(set(seqs(lite)))


def test_kill_minus_nine_of_the_daemon_loses_nothing_that_was_recorded(config: Path, lite: FakeNucleus) -> None:
    for _ in range(2):
        with Daemon(config, environ=lite.environment) as daemon:
            wait_for_looks(lite, 15)
            daemon.send(signal.SIGKILL)
            daemon.wait()
    assert states(lite) == ["online"] * 2  # a component has no last will
    with Daemon(config, environ=lite.environment) as daemon:
        wait_for_looks(lite, 15)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)


def test_a_frozen_nucleus_does_not_keep_the_daemon_from_stopping_and_loses_nothing(
    config: Path, lite: FakeNucleus
) -> None:
    with Daemon(config, environ=lite.environment) as daemon:
        wait_for_looks(lite, 10)
        lite.freeze()
        assert daemon.stop() == 0
    lite.thaw()
    with Daemon(config, environ=lite.environment) as daemon:
        wait_for_looks(lite, 10)
        assert daemon.stop() == 0
    assert_nothing_is_missing(lite)


def test_a_denied_topic_is_set_aside_and_told_once(config: Path, lite: FakeNucleus) -> None:
    lite.deny(topic("looks"))
    with Daemon(config, environ=lite.environment) as daemon:
        lite.wait_for(lambda: lite.asked.count("PublishToIoTCore") >= 12)
        lite.wait_for_count(topic("errors"), 1)
        assert daemon.stop() == 0
    assert codes(lite) == ["message_refused"]
    assert daemon.stderr.count("accessControl does not allow it") == 1
    assert outbox(config)["refused"] > 0


def test_outside_of_greengrass_the_daemon_says_so_and_keeps_everything(config: Path) -> None:
    with Daemon(config) as daemon:
        wait_until_waiting(config, 10)
        assert daemon.stop() == 0
    assert daemon.stderr.count("only works in a Greengrass component") == 1


def test_check_tells_about_the_nucleus(config: Path, lite: FakeNucleus, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = edge_mask("check", "--config", config, cwd=config.parent)
    assert outside.code == 0
    assert "warning" in next(line for line in outside.out.splitlines() if "broker" in line)
    for name, value in lite.environment.items():
        monkeypatch.setenv(name, value)
    inside = edge_mask("check", "--config", config, cwd=config.parent)
    assert "connected to the Greengrass nucleus" in inside.out
    monkeypatch.setenv(TOKEN, "stale")
    stale = edge_mask("check", "--config", config, cwd=config.parent)
    assert stale.code == 1
    assert "the token in SVCUID is of an earlier start" in stale.out
    lite.stop()
    away = edge_mask("check", "--config", config, cwd=config.parent)
    assert away.code == 1
    assert "Greengrass is stopped or starting" in away.out
