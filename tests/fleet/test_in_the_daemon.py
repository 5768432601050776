"""Devices on one real broker: what each tells the others of itself."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import Daemon
from tests.fleet.devices import PASSWORD, Listener, device
from tests.waiting import until

from edge_mask.packages.remote.build import manifest_of

pytestmark = pytest.mark.broker

ABOUT, ROOM = "edge-mask/gate-01/about", "edge-mask/gate-01/room"


def newest(got: list[Received], topic: str) -> dict[str, Any]:
    """The last thing said there, {} before the first and after it was taken back."""
    said = [each.payload for each in got if each.topic == topic]
    return json.loads(said[-1]) if said and said[-1] else {}


def test_a_device_says_who_it_is_and_a_clean_stop_takes_its_room_back(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = device(
        tmp_path, broker.port, "gate-01",
        device={"thing_name": "gate-01", "labels": {"name": "EdgeCCTV01", "latitude": 37.57, "longitude": 126.98}},
        fleet={
            "group": "hall", "peers": {"accept": 2}, "stream_url": f"rtsp://admin:{PASSWORD}@10.0.0.4/live",
        },
    )  # fmt: skip
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: newest(got, ROOM).get("ms") is not None)
        about, room = newest(subscriber.messages, ABOUT), newest(subscriber.messages, ROOM)
        with Listener(broker.port, "edge-mask/+/+") as late:  # they are kept for whoever comes later
            late.wait_for(lambda got: {ABOUT, ROOM} <= {each.topic for each in got if each.retain})
            (kept,) = [each for each in late.on(ROOM) if each.retain]
            assert 0 < kept.properties.MessageExpiryInterval <= 10
        assert daemon.stop() == 0, daemon.stderr
    wanted = {
        "thing": "gate-01", "v": 1, "name": "EdgeCCTV01", "type": "cctv", "latitude": 37.57, "longitude": 126.98,
        "address": "", "ip": "127.0.0.1", "supports_analysis": True, "stream_url": "rtsp://10.0.0.4/live",
        "description": "", "neighbours": [], "group": "hall",
    }  # fmt: skip
    assert {key: about[key] for key in wanted} == wanted
    assert about["software"].startswith("edge-mask ")
    assert about["model"]["name"] in room["model"]
    assert about["model"]["digest"] == manifest_of(tmp_path / "gate-01" / "model").digest
    assert (room["free"], room["accepts"]) == (2, ["peer", "second_look"])
    assert not any(PASSWORD.encode() in each.payload for each in subscriber.messages)
    assert PASSWORD not in daemon.stderr
    with Listener(broker.port, "edge-mask/+/+") as late:
        late.wait_for(lambda got: any(each.topic == ABOUT for each in got))
        assert late.on(ROOM) == []


def test_a_reload_tells_what_is_another(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    config = device(tmp_path, broker.port, "gate-01", fleet={"group": "hall"})
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: newest(got, ABOUT).get("group") == "hall")
        changed = {**yaml.safe_load(config.read_text()), "fleet": {"group": "roof"}}
        config.write_text(yaml.safe_dump(changed))
        daemon.send(signal.SIGHUP)
        subscriber.wait_for(lambda got: newest(got, ABOUT).get("group") == "roof")
        subscriber.wait_for(lambda got: newest(got, ROOM) != {})


PROGRAM = """
import sys
from edge_mask.cli import main
main(sys.argv[1:])
print([name for name in sys.modules if name.startswith(("edge_mask.fleet", "edge_mask.app.fleet"))])
"""


def test_without_the_section_nothing_of_it_is_imported_or_said(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = device(tmp_path, broker.port, "gate-01")
    words = [sys.executable, "-c", PROGRAM, "run", "--max-seconds", "1", "--config", str(config)]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"
    assert not {ABOUT, ROOM} & {each.topic for each in subscriber.messages}


def test_what_was_announced_is_taken_back_when_the_section_is_taken_out(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = device(tmp_path, broker.port, "gate-01", fleet={"group": "hall"})
    remembered = config.with_name("edge-mask.db.about.json")
    with Daemon(config) as daemon:
        subscriber.wait_for(lambda got: newest(got, ABOUT) != {})
        assert json.loads(remembered.read_text()) == [ABOUT]
        assert daemon.stop() == 0, daemon.stderr
    config.write_text(yaml.safe_dump({k: v for k, v in yaml.safe_load(config.read_text()).items() if k != "fleet"}))
    with Daemon(config):
        subscriber.wait_for(lambda got: [each.payload for each in got if each.topic == ABOUT][-1] == b"")
        until(lambda: not remembered.exists())
