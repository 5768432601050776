"""What can go wrong around a command: each test is named after the fault."""

import base64
import threading
from pathlib import Path

import pytest
import yaml
from paho.mqtt.enums import MQTTProtocolVersion
from tests.broker import Mosquitto, Subscriber
from tests.control.asker import Asker
from tests.control.conftest import Running, wait_until_online, write_site
from tests.control.test_commands import slow_picture
from tests.deliver.web_server import NonsenseServer
from tests.end_to_end.daemon import Daemon
from tests.waiting import PATIENCE

from edge_mask.control import look
from edge_mask.control.request import Reply, Request
from edge_mask.errors import TryLater
from edge_mask.picture import read_picture
from edge_mask.runtime.clock import ManualClock

pytestmark = pytest.mark.broker


def test_a_wish_is_answered_by_the_house_that_it_built(device: Running) -> None:
    with device.asker() as asker:
        first = asker.ask("configure", {"set": {"health": {"interval": "7s"}}})
        assert (first["config_version"], first["changed"]) == (1, ["health.interval"])
        device.config.write_text(device.config.read_text() + "forward: all\ndetections: all\n")
        assert asker.ask("reload", {})["changed"] == ["detections"]
        chosen = asker.ask("model", {"action": "activate", "name": "tiny", "version": "1.1"})
        assert chosen["active"] == {"name": "tiny", "version": "1.1"}
        assert asker.ask("infer", {"camera": "front"})["model"] == "tiny 1.1"
        back = asker.ask("model", {"action": "rollback"})
        assert back["active"] == {"name": "tiny", "version": "1.0"}
        code, text = asker.refused("model", {"action": "remove", "name": "tiny", "version": "1.1"})
        assert (code, "is the way back" in text) == ("failed", True)
        status = asker.ask("status", {})
        assert (status["config_version"], status["parts"][0]["part"]) == (2, "overlay")


def test_a_wish_whose_house_cannot_be_built_is_failed_and_rolled_back(device: Running) -> None:
    broken = device.folder / "models" / "tiny-1.1"
    (broken / "model.tflite").write_bytes(b"a bad sector")
    with device.asker() as asker:
        code, text = asker.refused("configure", {"set": {"detector": {"model": str(broken)}}})
        assert (code, "sha256" in text) == ("failed", True)
        assert asker.ask("infer", {"camera": "front"})["model"] == "tiny 1.0"
        assert asker.ask("status", {})["config_version"] == 0


def test_a_file_that_is_wrong_at_a_reload_leaves_the_old_house(device: Running) -> None:
    device.config.write_text(device.config.read_text() + "helth: {}\n")
    with device.asker() as asker:
        code, text = asker.refused("reload", {})
        assert (code, 'did you mean "health"' in text) == ("failed", True)
        assert asker.ask("infer", {"camera": "front"})["ok"]


def test_infer_does_not_wait_for_a_camera_that_shows_nothing_nor_does_another_wait_for_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with NonsenseServer(hangs_up=False) as silent:
        config = write_site(tmp_path, broker.port)
        found = yaml.safe_load(config.read_text())
        found["cameras"].append({"name": "silent", "source": f"{silent.url}/now.jpg", "role": "cctv"})
        config.write_text(yaml.safe_dump(found))
        with Daemon(config) as daemon:
            wait_until_online(broker.port)
            with Asker(broker.port) as asker:
                asker.send("infer", {"camera": "silent"}, correlation=b"slow", response=asker.reply)
                assert asker.ask("infer", {"camera": "front"})["ok"], "meanwhile"
                told = asker.answer_to(b"slow").json()
            assert told["error"]["code"] == "failed"
            assert "the camera silent has shown nothing new for 5 s" in told["error"]["text"]
            assert daemon.stop() == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_picture_of_infer_that_waits_for_those_before_it_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    monkeypatch.setattr(look, "TO_LOOK", 0.05 if waits else PATIENCE)
    let = threading.Event()

    def model() -> look.Model:
        assert let.wait(PATIENCE)
        raise TryLater("there is no model")

    looks = look.Look(look.Eyes({}, lambda _name: None, lambda: 0.0, model), ManualClock())
    first = looks.at(b"a picture that takes its time")
    if not waits:
        let.set()
    with pytest.raises(TryLater, match="the pictures before this one take longer" if waits else "there is no model"):
        looks(Request("infer", Reply("t", None, ""), picture=b"another"))
    let.set()
    assert isinstance(first.exception(PATIENCE), TryLater)


def test_the_broker_is_killed_while_commands_are_carried_out_and_every_answer_comes(device: Running) -> None:
    with Subscriber(device.broker.port, "replies/#") as heard:
        with device.asker() as asker:
            slow = slow_picture()
            for number in range(12):
                number_of = b"%d" % number
                asker.send("infer", slow, content_type="image/png", response="replies/kill", correlation=number_of)
            heard.wait_for_count("replies/kill", 1)
        device.broker.kill()
        device.broker.start()
        heard.wait_for(lambda got: len({each.properties.CorrelationData for each in got}) == 12, timeout=30)


def test_a_stop_during_commands_is_clean(device: Running) -> None:
    with device.asker() as asker:
        slow = slow_picture()
        for _ in range(36):
            asker.send("infer", slow, content_type="image/png", response=asker.reply)
        asker.wait_for(1, lambda got: got.topic == asker.reply)
        assert device.daemon.stop() == 0
    assert "Traceback" not in device.daemon.stderr
    assert "does not stop" not in device.daemon.stderr


def test_a_retained_request_is_not_carried_out_and_answered_once(tmp_path: Path, broker: Mosquitto) -> None:
    config = write_site(tmp_path, broker.port)
    with Asker(broker.port) as asker:
        asker.send("configure", {"set": {"health": {"interval": "7s"}}, "request_id": "kept"}, retain=True)
        with Daemon(config) as daemon:
            [answer] = asker.answers_on("configure", 1)
            assert answer["error"]["code"] == "bad_request"
            assert answer["request_id"] == "kept"
            asker.ask("reload", {})  # the new house gets it again
            assert asker.ask("status", {})["config_version"] == 0
            assert len(asker.answers_on("configure", 1)) == 1
            assert daemon.stop() == 0


def test_a_broker_of_mqtt_3_1_1_gets_its_answers_beside_the_requests(tmp_path: Path, broker: Mosquitto) -> None:
    mqtt = {"host": "127.0.0.1", "port": broker.port, "protocol": "3.1.1"}
    config = write_site(tmp_path, broker.port, mqtt=mqtt)
    with Daemon(config), Asker(broker.port, version=MQTTProtocolVersion.MQTTv311) as asker:
        wait_until_online(broker.port)
        asker.send("infer", {"camera": "front", "request_id": "old"})
        [answer] = asker.answers_on("infer", 1)
        assert (answer["verdict"], answer["request_id"]) == ("no_mask", "old")


def test_a_picture_leaves_only_where_the_file_allows_it_and_fits_into_a_message(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = write_site(tmp_path, broker.port, privacy={"send_pictures": True}, topics={"commands": "house/{thing}/do"})
    with Subscriber(broker.port, "house/#") as heard, Daemon(config):
        wait_until_online(broker.port)
        heard.publish("house/gate-01/do/infer", b'{"camera": "front"}')
        heard.wait_for_count("house/gate-01/do/infer/response", 1)
        heard.publish("house/gate-01/do/snapshot", b'{"camera": "front"}')
        [answer] = [each.json() for each in heard.wait_for_count("house/gate-01/do/snapshot/response", 1)]
        assert read_picture(base64.b64decode(answer["picture"])).shape == (480, 640, 3)
