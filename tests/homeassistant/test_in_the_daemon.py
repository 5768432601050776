"""The daemon and Home Assistant on one real broker: found, followed, found again, and gone when it is switched off."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    Daemon,
    write_config,
    write_model,
    write_readings,
    write_scene,
)
from tests.homeassistant.home import Home, check

pytestmark = pytest.mark.broker

HERE = "homeassistant/device/edge-mask-gate-01/config"
REMEMBERED = "edge-mask.db.homeassistant.json"


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 6 + [None] * 45 + [MASKED] * 6 + [None] * 3)
    scene, readings = f"images:{tmp_path / 'scene'}", write_readings(tmp_path / "t.csv", [36.5] * 200)
    return write_config(
        tmp_path, broker.port,
        cameras=[
            {"name": "front", "source": scene, "role": "gate", "interval": "0.05s"},
            {"name": "room", "source": scene, "role": "cctv", "interval": "0.05s"},
            {"name": "roof", "source": "usb:/dev/no-such-camera", "role": "cctv"},
        ],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(readings), "interval": "0.1s", "loop": True}],
        gate={"votes": 3, "still": "ignore", "temperature_sensor": "forehead"},
        health={"interval": "60s"},
        homeassistant={"enabled": True},
    )  # fmt: skip


def change(config: Path, **sections: Any) -> None:
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **sections}))


def wait_until_forgotten(config: Path) -> None:
    """What was announced is remembered until the broker has acknowledged its end."""
    deadline = time.monotonic() + 10.0
    while config.with_name(REMEMBERED).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def judged(got: list[Received]) -> list[int]:
    """What the figures said, one after the other, of visitors judged today."""
    today = [each.json()["visits_today"] for each in got if each.topic.endswith("/health")]
    return [each["passed"] + each["refused"] for each in today]


def test_home_assistant_finds_the_device_follows_it_and_loses_it_when_that_is_switched_off(
    config: Path, subscriber: Subscriber
) -> None:
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: sum(each.topic.endswith("/visits") for each in got) == 2)
        subscriber.publish("homeassistant/status", b"online")
        heard = subscriber.wait_for(lambda got: bool(judged(got)) and judged(got)[-1] == 2)
        assert len(subscriber.on(HERE)) == 2
        change(config, homeassistant={"enabled": False})
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: any(each.topic == HERE and not each.payload for each in got))
        wait_until_forgotten(config)
        assert daemon.stop() == 0
    check(json.loads(subscriber.on(HERE)[0].payload))
    home = Home(subscriber.on(HERE)[0].payload)
    alarms = []
    for each in heard:
        home.receive(each.topic, each.payload, retain=each.retain)
        alarms.append(home["room_no_mask"].state)
    shown = {key: entity.state for key, entity in home.entities.items()}
    assert all(entity.is_available for entity in home.entities.values())
    figures = ("connectivity", "front_verdict", "passed_today", "refused_today")
    assert [shown[key] for key in figures] == ["on", "pass", "1", "1"]
    problems = ("front_problem", "room_problem", "roof_problem", "sensor_forehead_problem")
    assert [shown[key] for key in problems] == ["off", "off", "on", "off"]
    assert shown["sensor_forehead_temperature"] == "36.5"
    assert "on" in alarms
    assert shown["room_no_mask"] == "off"
    assert float(shown["outbox"]) >= 0
    assert [event["event_type"] for event in home["front_visit"].events] == ["no_pass", "pass"]
    assert [event["event_type"] for event in home["alert"].events] == ["no_mask"]
    for key in ("room_faces_count", "fps"):
        float(shown[key])


def test_a_device_that_comes_up_switched_off_takes_back_what_it_announced_before(
    config: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    change(config, cameras=[], gate={})
    with Daemon(config) as daemon:
        subscriber.wait_for_count(HERE, 1)
        assert daemon.stop() == 0
    with Subscriber(broker.port, HERE) as late:
        assert late.wait_for_count(HERE, 1)[0].retain
    change(config, homeassistant={"enabled": False})
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: any(each.topic == HERE and not each.payload for each in got))
        wait_until_forgotten(config)
        assert daemon.stop() == 0


def test_switched_off_nothing_of_it_is_imported_and_nothing_subscribed(config: Path, broker: Mosquitto) -> None:
    change(config, cameras=[], gate={}, homeassistant={"enabled": False})
    program = (
        "import sys; from edge_mask.cli import main; code = main(sys.argv[1:]);"
        "print([name for name in sys.modules if name.startswith('edge_mask.homeassistant')]); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "run", "--config", str(config), "--until-idle"]
    done = subprocess.run(command, cwd=config.parent, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert not config.with_name(REMEMBERED).exists()
