"""`edge-mask analyse` as others see it: frames over a real broker, and what becomes of odd ones."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.broker import Mosquitto
from tests.end_to_end.daemon import THING, Daemon, edge_mask, write_config, write_model, write_scene
from tests.end_to_end.others import Analysing, Asker, analyser, frame, now
from tests.waiting import until

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def analysing(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysing]:
    with Analysing(analyser(tmp_path_factory.mktemp("analyser"), broker.port, accept=2)) as daemon:
        yield daemon


@pytest.fixture
def asker(broker: Mosquitto, analysing: Analysing) -> Iterator[Asker]:
    with Asker(broker.port, "analyser-01") as asking:
        asking.wait_until_there()
        yield asking


def test_a_frame_is_answered_with_its_faces(asker: Asker) -> None:
    answer = asker.ask(frame())
    assert (answer["ok"], answer["by"], answer["model"], answer["free"]) == (True, "analyser-01", "tiny 1.0.0", 2)
    assert answer["inference_ms"] >= 0
    assert {face["label"] for face in answer["faces"]} == {"no_mask"}
    assert set(answer["faces"][0]["box"]) == {"x", "y", "w", "h"}


def test_an_answer_leaves_at_qos_0_with_the_correlation_data(asker: Asker) -> None:
    correlation = asker.send(frame())
    asker.answer_to(correlation)
    assert [got.qos for got in asker.got] == [0] * len(asker.got)
    assert len(asker.answers(correlation)) == 1


def test_a_second_look_has_places_of_its_own(asker: Asker) -> None:
    assert asker.ask(frame(), purpose="second_look")["ok"]


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xd8 this is no picture", id="no JPEG"),
        pytest.param(frame()[:-500], id="cut off"),
        pytest.param(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes(), id="a PNG"),
        pytest.param(b"\xff\xd8" + bytes(200_000), id="too large"),
        pytest.param(frame((2400, 1800), quality=1), id="more pixels than are decoded"),
    ],
)
def test_what_is_no_picture_is_answered_so(asker: Asker, picture: bytes) -> None:
    answer = asker.ask(picture)
    assert answer["ok"] is False
    assert answer["error"] == {"code": "bad_picture"}
    assert asker.ask(frame())["ok"]


def test_a_stale_frame_is_dropped_unanswered(asker: Asker) -> None:
    asker.ask(frame())  # what is fresh is known from here
    stale = asker.send(frame(), ts=now(seconds_ago=3))
    assert asker.ask(frame())["ok"]
    assert asker.answers(stale) == []


def test_thousands_of_properties_do_no_harm(asker: Asker) -> None:
    assert asker.ask(frame(), more=900)["ok"]


def test_an_answer_never_goes_where_the_device_itself_speaks(asker: Asker) -> None:
    for topic in ("edge-mask/analyser-01/visits", "edge-mask/analyser-01/commands/erase", "$SYS/broker"):
        silent = asker.send(frame(), ResponseTopic=topic)
        assert asker.ask(frame())["ok"]
        assert asker.answers(silent) == []


def test_above_its_places_a_device_is_busy_at_once(broker: Mosquitto, tmp_path: Path) -> None:
    config = analyser(tmp_path, broker.port, "narrow-01", accept=1)
    with Analysing(config), Asker(broker.port, "narrow-01") as asker:
        asker.wait_until_there()
        picture = frame((1900, 1900))  # takes longer than the next ones need to arrive
        answers = [asker.answer_to(each) for each in [asker.send(picture) for _ in range(20)]]
        assert answers[0]["ok"]
        codes = {answer["error"]["code"] for answer in answers if not answer["ok"]}
        assert codes == {"busy"}


def test_a_device_that_takes_none_is_always_busy(broker: Mosquitto, tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [None] * 2)
    camera = {"name": "hall", "source": f"images:{tmp_path / 'scene'}", "role": "cctv", "loop": True, "interval": "1s"}
    config = write_config(tmp_path, broker.port, cameras=[camera], fleet={"peers": {"accept": 0}})
    with Daemon(config), Asker(broker.port, THING) as asker:
        asker.wait_until_there("busy")
        assert [asker.ask(frame(), purpose=each)["error"] for each in ("peer", "second_look")] == [{"code": "busy"}] * 2


def test_a_frozen_device_answers_nothing_that_is_old_when_it_goes_on(broker: Mosquitto, tmp_path: Path) -> None:
    with Analysing(analyser(tmp_path, broker.port, "frozen-01")) as daemon, Asker(broker.port, "frozen-01") as asker:
        asker.wait_until_there()
        for _ in range(5):  # the fastest of them says how long a frame takes at the least
            asker.ask(frame())
        daemon.send(signal.SIGSTOP)
        old, sent_at = [asker.send(frame()) for _ in range(2)], time.monotonic()
        until(lambda: time.monotonic() - sent_at > 3.0)  # in the socket of the device they grow old
        daemon.send(signal.SIGCONT)
        assert asker.ask(frame())["ok"]
        assert [asker.answers(each) for each in old] == [[], []]


def test_a_camera_in_the_configuration_is_a_sentence(tmp_path: Path) -> None:
    camera = {"name": "hall", "source": "usb:0", "role": "cctv"}
    config = analyser(tmp_path, 1, cameras=[camera])
    ended = edge_mask("analyse", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert ended.err == (
        "cameras: `edge-mask analyse` has none; remove them, or use `edge-mask run`, which looks for others too\n"
    )


def test_a_configuration_of_a_gate_is_a_sentence(tmp_path: Path) -> None:
    sensors = [{"name": "cpu", "kind": "thermal"}]
    config = analyser(tmp_path, 1, fleet={"type": "gate"}, sensors=sensors, mqtt={"transport": "none"})
    ended = edge_mask("analyse", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert "fleet.type: `edge-mask analyse` needs it to be analysis" in ended.err
    assert "mqtt.transport: is none, so nobody could send frames; allowed: another transport" in ended.err


def test_an_analyser_whose_model_is_broken_goes_on_and_is_busy(broker: Mosquitto, tmp_path: Path) -> None:
    config = analyser(tmp_path, broker.port, "broken-01")
    (tmp_path / "model" / "model.tflite").write_bytes(b"broken")
    with Analysing(config) as daemon, Asker(broker.port, "broken-01") as asker:
        asker.wait_until_there("busy")
        assert [asker.ask(frame(), purpose=each)["error"] for each in ("peer", "second_look")] == [{"code": "busy"}] * 2
        assert daemon.stop() == 0
