"""The announcer: on each connection, on Home Assistant's birth, and what becomes of what was announced before."""

import json
import logging
import random
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.homeassistant.home import check
from tests.homeassistant.test_discovery import GATE

from edge_mask.deliver.memory import MemoryTransport
from edge_mask.homeassistant.announcer import Announcer
from edge_mask.homeassistant.discovery import MOST_IDS, announcement
from edge_mask.homeassistant.memory import Memory
from edge_mask.homeassistant.site import Meter, Site
from edge_mask.messages import Fault, Message, Priority
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished
from edge_mask.units import Seconds

HERE = "homeassistant/device/edge-mask-gate-01/config"


def said_by_home(payload: bytes, *, retain: bool = False) -> Message:
    return Message(topic="homeassistant/status", payload=payload, priority=Priority.LIVE, qos=0, retain=retain)


class Stage:
    """An announcer on a clock that is turned by hand, with a broker in memory."""

    def __init__(self, folder: Path, site: Site | None = GATE, prefix: str = "homeassistant") -> None:
        self.clock = ManualClock()
        self.file = folder / "edge-mask.db.homeassistant.json"
        self.faults: list[Fault] = []
        self.refreshed_at: list[float] = []
        self.transport = MemoryTransport(on_state=lambda connected, _reason: self.announcer.state_changed(connected))
        self.announcer = Announcer(
            None if site is None else partial(announcement, site, prefix),
            Memory(self.file), self.transport, self.clock, self.faults.append,
            refresh=lambda: self.refreshed_at.append(self.clock.now().mono), rng=random.Random(1),
        )  # fmt: skip
        self.stop = threading.Event()

    def begin(self, *, connected: bool = True) -> "Stage":
        self.announcer.begin()
        if connected:
            self.transport.open()
        return self

    def run(self, seconds: float = 30.0) -> None:
        """Steps until that time has passed."""
        until = self.clock.now().mono + seconds
        while self.clock.now().mono < until:
            self.announcer.step(self.stop)

    @property
    def announcements(self) -> list[dict[str, Any]]:
        return [json.loads(each.payload) for each in self.transport.delivered if each.topic == HERE and each.payload]


def test_it_is_announced_retained_on_each_connection(tmp_path: Path) -> None:
    stage = Stage(tmp_path).begin(connected=False)
    stage.run()
    assert stage.transport.delivered == []
    stage.transport.open()
    stage.run()
    assert len(stage.announcements) == 1
    assert stage.transport.retained[HERE].qos == 1
    stage.transport.go_away()
    stage.transport.come_back()
    stage.run()
    assert len(stage.announcements) == 2


def test_a_connection_that_was_there_before_the_announcer_counts(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.transport.open()
    stage.begin(connected=False)
    stage.run()
    assert len(stage.announcements) == 1


def test_news_of_a_connection_that_was_used_already_announce_nothing_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.transport.open()
    stage.begin(connected=False).run()
    stage.announcer.state_changed(True)
    stage.run()
    assert len(stage.announcements) == 1


def test_after_the_birth_of_home_assistant_it_is_announced_again_and_then_the_figures(tmp_path: Path) -> None:
    stage = Stage(tmp_path).begin()
    stage.run(1.0)
    born_at = stage.clock.now().mono
    stage.transport.arrive(said_by_home(b"online"))
    stage.run()
    assert len(stage.announcements) == 2
    [refreshed] = stage.refreshed_at
    assert born_at + 2.0 <= refreshed <= born_at + 5.5


def test_many_devices_do_not_answer_a_birth_at_once(tmp_path: Path) -> None:
    times = set()
    for seed in range(5):
        stage = Stage(tmp_path)
        stage.announcer._rng = random.Random(seed)
        stage.begin().run(1.0)
        stage.announcer.heard(said_by_home(b"online"))
        times.add(round(stage.announcer._due, 3))
    assert len(times) == 5


@pytest.mark.parametrize("birth", [said_by_home(b"offline"), said_by_home(b"online", retain=True), said_by_home(b"")])
def test_the_end_of_home_assistant_and_a_birth_of_earlier_are_no_birth(tmp_path: Path, birth: Message) -> None:
    stage = Stage(tmp_path).begin()
    stage.run(1.0)
    stage.transport.arrive(birth)
    stage.run()
    assert len(stage.announcements) == 1
    assert stage.refreshed_at == []


def test_switched_off_it_takes_the_device_away_forgets_it_and_ends(tmp_path: Path) -> None:
    Stage(tmp_path).begin().run()
    off = Stage(tmp_path, site=None).begin(connected=False)
    off.run()
    assert off.file.exists(), "without a connection nothing can be taken away"
    off.transport.open()
    with pytest.raises(Finished):
        off.run()
    assert [(each.topic, each.payload, each.retain) for each in off.transport.delivered] == [(HERE, b"", True)]
    assert not off.file.exists()


def test_a_lost_connection_while_it_is_taken_away_begins_again(tmp_path: Path) -> None:
    Stage(tmp_path).begin().run()
    off = Stage(tmp_path, site=None)
    off.transport.freeze()
    off.begin().run(1.0)
    off.transport.go_away()
    off.run(1.0)
    assert off.file.exists()
    off.transport.come_back()
    with pytest.raises(Finished):
        off.run()
    assert off.transport.delivered[-1].payload == b""


@pytest.mark.parametrize(
    ("site", "prefix", "topic"),
    [
        (replace(GATE, thing="gate-02"), "homeassistant", "homeassistant/device/edge-mask-gate-02/config"),
        (GATE, "hass", "hass/device/edge-mask-gate-01/config"),
    ],
    ids=["another thing name", "another prefix"],
)
def test_renamed_it_does_not_stay_under_its_old_name(tmp_path: Path, site: Site, prefix: str, topic: str) -> None:
    Stage(tmp_path).begin().run()
    renamed = Stage(tmp_path, site, prefix).begin()
    renamed.run()
    last = {each.topic: each.payload for each in renamed.transport.delivered}
    assert last[HERE] == b""
    assert json.loads(last[topic])["components"]
    assert list(json.loads(renamed.file.read_text())) == [topic]


def test_the_entities_of_a_camera_that_is_gone_are_removed(tmp_path: Path) -> None:
    Stage(tmp_path).begin().run()
    later = Stage(tmp_path, replace(GATE, gates=("back",))).begin()
    later.run()
    components = later.announcements[-1]["components"]
    assert components["front_verdict"] == {"platform": "sensor"}
    assert components["front_visit"] == {"platform": "event"}
    assert components["back_verdict"]["name"] == "back verdict"
    again = Stage(tmp_path, GATE).begin()
    again.run()
    assert len(again.announcements[-1]["components"]["front_verdict"]) > 1


def test_it_is_remembered_before_it_is_sent(tmp_path: Path) -> None:
    """After a power cut in between, a device that is switched off must still be taken away."""
    stage = Stage(tmp_path).begin(connected=False)
    assert list(json.loads(stage.file.read_text())) == [HERE]


def test_a_refused_announcement_is_told_once_and_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.transport.refuse(lambda message: "not authorized")
    stage.begin().run(300.0)
    [fault] = stage.faults
    assert (fault.component, fault.code) == ("homeassistant", "refused")
    assert HERE in fault.text
    assert "not authorized" in fault.text
    stage.transport.refuse(lambda message: "")
    stage.run(100.0)
    assert len(stage.announcements) == 1


def test_an_announcement_without_an_answer_is_sent_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.transport.lose_acks(1)
    stage.begin().run()
    assert len(stage.announcements) == 2
    assert stage.faults == []


@pytest.mark.parametrize("content", ["", "[]", "no JSON", '{"a": 1}', '{"ids": ["line-001"]}', "[" * 100_000, "null"])
def test_a_memory_that_cannot_be_used_stops_nothing(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stage = Stage(tmp_path)
    stage.file.write_text(content)
    stage.begin().run()
    assert len(stage.announcements) == 1
    assert str(stage.file) in caplog.text


def test_a_memory_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path / "gone").begin()
    stage.run()
    assert len(stage.announcements) == 1
    assert "cannot be written: No such file or directory" in caplog.text


# -- sensors that are known only once they speak ---------------------------------------------------------

LINE = replace(
    GATE,
    voices={
        "line": tuple(
            Meter(sensor="line", quantity=quantity, unit=unit, interval=Seconds(10.0))
            for quantity, unit in (("flow", "m3/h"), ("pressure", "bar"))
        )
    },
)
DAY = 86400.0


def sensors(announced: dict[str, Any]) -> list[str]:
    """The components of sensors of the line that are there."""
    return [key for key, each in announced["components"].items() if "_line" in key and len(each) > 1]


def of(number: int) -> list[str]:
    return [f"sensor_line-{number:03}_{what}" for what in ("flow", "pressure", "problem")]


def test_a_port_is_announced_before_anything_speaks_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LINE).begin()
    stage.run()
    assert sensors(stage.announcements[-1]) == ["sensor_line_problem"]


def test_sensors_of_one_port_are_announced_together_when_they_first_speak(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LINE).begin()
    stage.run()
    for number in range(3):
        stage.announcer.met("line", f"line-{number:03}")
    stage.run()
    assert len(stage.announcements) == 2
    assert set(sensors(stage.announcements[-1])) == {"sensor_line_problem", *of(0), *of(1), *of(2)}
    check(stage.announcements[-1])


def test_a_line_without_its_id_speaks_for_the_port(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LINE).begin()
    stage.announcer.met("line", "line")
    stage.announcer.met("forehead", "forehead")
    stage.run()
    assert set(sensors(stage.announcements[-1])) == {f"sensor_line_{what}" for what in ("flow", "pressure", "problem")}
    check(stage.announcements[-1])


def test_who_is_announced_already_is_not_announced_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LINE).begin()
    stage.run()
    stage.announcer.met("forehead", "forehead")
    stage.run()
    assert len(stage.announcements) == 1


def test_after_a_restart_they_are_there_before_they_speak_and_are_not_announced_again(tmp_path: Path) -> None:
    first = Stage(tmp_path, LINE).begin(connected=False)
    first.announcer.met("line", "line-001")
    first.run()
    later = Stage(tmp_path, LINE).begin()
    later.announcer.met("line", "line-001")
    later.run()
    assert [sensors(each) for each in later.announcements] == [[*of(1)[:2], "sensor_line_problem", of(1)[2]]]


def test_a_port_that_is_gone_takes_its_sensors_along(tmp_path: Path) -> None:
    first = Stage(tmp_path, LINE).begin()
    first.announcer.met("line", "line-001")
    first.run()
    without = Stage(tmp_path, GATE).begin()
    without.run()
    assert sensors(without.announcements[-1]) == []
    assert without.announcements[-1]["components"]["sensor_line-001_flow"] == {"platform": "sensor"}
    again = Stage(tmp_path, LINE).begin()
    again.run()
    assert sensors(again.announcements[-1]) == ["sensor_line_problem"], "what has gone must speak first"


def test_a_sensor_of_an_earlier_time_that_is_silent_for_a_week_is_taken_back(tmp_path: Path) -> None:
    first = Stage(tmp_path, LINE).begin()
    for number in (1, 2):
        first.announcer.met("line", f"line-{number:03}")
    first.run()
    later = Stage(tmp_path, LINE).begin()
    later.announcer.met("line", "line-002")
    later.run(6.9 * DAY)
    assert of(1)[0] in sensors(later.announcements[-1])
    later.run(0.2 * DAY)
    assert later.announcements[-1]["components"][of(1)[0]] == {"platform": "sensor"}
    assert of(2)[0] in sensors(later.announcements[-1])
    assert json.loads(later.file.read_text())["ids"] == {"line-002": "line"}


def test_noise_that_looks_like_ids_is_bounded(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LINE).begin()
    for number in range(500):
        stage.announcer.met("line", f"line-{number:03}")
        stage.run(1.5)
    told = stage.announcements
    assert len(sensors(told[-1])) == 3 * MOST_IDS + 1
    assert len(told) == 1 + MOST_IDS, "nothing is said of those that find no room"
    assert len(stage.transport.delivered[-1].payload) < 128 * 1024


def test_of_what_has_been_gone_for_long_nothing_is_said(tmp_path: Path) -> None:
    for year in range(10):
        stage = Stage(tmp_path, replace(GATE, gates=tuple(f"c{year}-{n}" for n in range(40)))).begin()
        stage.run(1.0)
    gone = [each for each in stage.announcements[-1]["components"].values() if len(each) == 1]
    assert len(gone) == 500
    assert "c8-39_verdict" in stage.announcements[-1]["components"]
