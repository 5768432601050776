"""A device that gives frames to others: whom it asks, what it believes, and what is lost when they fail."""

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.capture.http_server import HttpCameraServer, Request
from tests.detect import packages, tiny_tflite
from tests.end_to_end.daemon import BARE, THING, Daemon, edge_mask, topic, write_config, write_scene
from tests.end_to_end.others import FakePeer, correlation_of, frame
from tests.waiting import until

from edge_mask.errors import ConfigurationError
from edge_mask.settings.overlay import Overlay

pytestmark = pytest.mark.broker

Reply = Callable[[FakePeer, Received], None]


def write_site(folder: Path, port: int, role: str = "cctv", **changes: Any) -> Path:
    """A camera over bare faces, and a model that says nothing sensible of a face."""
    write_scene(folder / "scene", [BARE, BARE])
    graph = tiny_tflite.anchor_free(strides=(16,), boxes=(math.nan, 0.0, 0.0, 0.0))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    packages.write_package(folder / "model", graph, decoding=decoding)
    camera = {"name": "hall", "source": f"images:{folder / 'scene'}", "role": role, "loop": True, "interval": "0.05s"}
    usual = {
        "cameras": [camera],
        "fleet": {"peers": {"offer": True}},
        "health": {"interval": "1s"},
        "detections": "all",
    }
    return write_config(folder, port, **(usual | changes))


def figures(subscriber: Subscriber, is_enough: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """What `health` says of peers, once it is enough."""

    def peers(got: list[Received]) -> list[dict[str, Any]]:
        found = [each.json().get("peers", {}) for each in got if each.topic == topic("health")]
        return [each for each in found if each and is_enough(each)]

    got = subscriber.wait_for(lambda got: bool(peers(got)), 100)
    return peers(got)[-1]


def faithful(peer: FakePeer, got: Received) -> None:
    peer.reply(got, peer.faces())


def silent(peer: FakePeer, _got: Received) -> None:
    """As one that is frozen."""
    peer.hush()


def test_a_model_that_is_broken_lets_others_look(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    with FakePeer(broker.port, "gate-02", faithful) as peer, Daemon(write_site(tmp_path, broker.port)) as daemon:
        subscriber.wait_for_count(topic("looks"), 10)
        figures(subscriber, lambda each: each["answered"] > 5)
        assert daemon.stop() == 0
        asked = peer.got
    assert all(each.json()["faces"] == 1 and each.json()["no_mask"] == 1 for each in subscriber.on(topic("looks")))
    words = dict(asked[0].properties.UserProperty)
    assert (words["camera"], words["purpose"]) == ("hall", "peer")
    assert (asked[0].properties.ContentType, asked[0].properties.MessageExpiryInterval) == ("image/jpeg", 1)
    assert max(len(each.payload) for each in asked) <= 120_000
    assert {each.qos for each in asked} == {0}
    assert len({correlation_of(each) for each in asked}) == len(asked)


def test_a_house_without_a_model_lets_others_look(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    config = write_site(tmp_path, broker.port)
    (tmp_path / "model" / "model.tflite").write_bytes(b"broken")
    with FakePeer(broker.port, "gate-02", faithful), Daemon(config) as daemon:
        looks = subscriber.wait_for_count(topic("looks"), 5)
        assert daemon.stop() == 0
    assert all(each.json()["no_mask"] == 1 for each in looks)


def test_a_device_that_falls_behind_gives_away_frames_of_its_rooms_and_none_of_its_gate(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """The room asks for a hundred looks a second, and the model of this device is far too large for that."""
    graph = tiny_tflite.anchor_free((1024, 1024), strides=(16,))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    picture_input = {**packages.PLAIN_INPUT, "size": [1024, 1024]}
    pictures = [frame(quality=quality) for quality in range(60, 96)]

    def stream(request: Request) -> None:
        request.begin("multipart/x-mixed-replace; boundary=frame")
        for number in range(1_000_000):
            picture = pictures[number % len(pictures)]
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
            request.wfile.write(head + picture + b"\r\n")
            if request.server.stopped.wait(0.005):
                return

    with HttpCameraServer(stream) as server:
        config = write_site(
            tmp_path,
            broker.port,
            cameras=[
                {"name": "hall", "source": server.address("/stream"), "role": "cctv", "interval": "0.01s"},
                {"name": "front", "source": f"images:{tmp_path / 'scene'}", "loop": True, "interval": "0.2s"},
            ],
        )
        packages.write_package(tmp_path / "model", graph, decoding=decoding, input=picture_input)
        with FakePeer(broker.port, "gate-02", faithful) as peer, Daemon(config) as daemon:
            figures(subscriber, lambda each: each["answered"] > 20)
            assert daemon.stop() == 0
            given = {dict(each.properties.UserProperty)["camera"] for each in peer.got}
    looks = [(each.json()["camera"], each.json()["model"]) for each in subscriber.on(topic("detections"))]
    assert given == {"hall"}
    assert set(looks) == {("hall", "tiny 1.0.0"), ("hall", "fake 1"), ("front", "tiny 1.0.0")}


def test_each_frame_is_judged_once_and_in_its_order(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    """A peer that answers each frame twice, the second of two before the first."""
    held: list[Received] = []

    def backwards(peer: FakePeer, got: Received) -> None:
        held.append(got)
        if len(held) == 2:
            for each in (held.pop(), held.pop()):
                peer.reply(each, peer.faces())
                peer.reply(each, peer.faces())

    with FakePeer(broker.port, "gate-02", backwards), Daemon(write_site(tmp_path, broker.port)) as daemon:
        subscriber.wait_for_count(topic("detections"), 20)
        assert daemon.stop() == 0
    frames = [each.json()["frame"] for each in subscriber.on(topic("detections"))]
    assert frames == sorted(set(frames))


def test_a_gate_without_a_model_decides_on_what_others_see(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with FakePeer(broker.port, "gate-02", faithful), Daemon(write_site(tmp_path, broker.port, "gate")) as daemon:
        visit = subscriber.wait_for_count(topic("visits"), 1)[0].json()
        assert daemon.stop() == 0
    assert (visit["verdict"], visit["mask"]) == ("no_pass", "no_mask")


@pytest.mark.parametrize(
    ("free", "group", "offer"),
    [
        pytest.param(0, "", {"offer": True}, id="it has no room"),
        pytest.param(2, "other", {"offer": True}, id="it belongs to others"),
        pytest.param(2, "", {"offer": True, "group": "north"}, id="only some are asked"),
        pytest.param(2, "", {"offer": False}, id="nothing is offered"),
    ],
)
def test_nobody_else_is_ever_asked(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, free: int, group: str, offer: dict[str, Any]
) -> None:
    config = write_site(tmp_path, broker.port, fleet={"peers": offer})
    with FakePeer(broker.port, "gate-02", faithful, free=free, group=group) as peer, Daemon(config) as daemon:
        subscriber.wait_for_count(topic("health"), 3)
        assert daemon.stop() == 0
        assert peer.got == []


def test_a_peer_never_has_more_than_two_frames(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    with FakePeer(broker.port, "gate-02", silent, free=10) as peer, Daemon(write_site(tmp_path, broker.port)):
        peer.wait_for(lambda _got: True, 2)
        figures(subscriber, lambda each: each["lost"] >= 2)
        told = len(subscriber.on(topic("health")))
        subscriber.wait_for_count(topic("health"), told + 3)  # longer than its pause
        assert len(peer.got) == 2, "it gave no sign of life since"


def test_a_frozen_peer_costs_two_frames_and_is_asked_again_when_it_is_back(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    is_frozen, unanswered = threading.Event(), list[Received]()

    def moody(peer: FakePeer, got: Received) -> None:
        if is_frozen.is_set():
            unanswered.append(got)
            peer.hush()
        else:
            peer.reply(got, peer.faces())

    with FakePeer(broker.port, "gate-02", moody) as peer, Daemon(write_site(tmp_path, broker.port)):
        before = figures(subscriber, lambda each: each["answered"] > 5)
        is_frozen.set()
        frozen = figures(subscriber, lambda each: each["lost"] > before["lost"])
        told = len(subscriber.on(topic("health")))
        subscriber.wait_for_count(topic("health"), told + 3)  # longer than its pause
        assert len(unanswered) <= 2
        is_frozen.clear()

        def is_asked_again() -> bool:
            peer.tell_room(2)
            told = len(subscriber.on(topic("health")))
            subscriber.wait_for_count(topic("health"), told + 1)
            return bool(figures(subscriber, lambda each: True)["answered"] > frozen["answered"] + 5)

        until(is_asked_again)


def test_a_killed_peer_is_not_waited_for(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    """The broker says at once that it is gone, and the other one takes the next frame."""
    with (
        FakePeer(broker.port, "gate-02", silent) as gone,
        FakePeer(broker.port, "gate-03", faithful, free=0) as other,
        Daemon(write_site(tmp_path, broker.port)),
    ):
        gone.wait_for(lambda _got: True, 1)
        gone.say("edge-mask/gate-02/status", {"state": "offline"}, retain=True)
        other.tell_room(2)
        figures(subscriber, lambda each: each["answered"] > 5)
        assert len(gone.got) <= 2


def nan(peer: FakePeer, got: Received) -> None:
    body = json.dumps(peer.faces(inference_ms=1.0)).replace("160.0", "NaN")
    peer.reply(got, body.encode())


def box(**changes: Any) -> Reply:
    def answer(peer: FakePeer, got: Received) -> None:
        body = peer.faces()
        body["faces"][0]["box"] |= changes
        peer.reply(got, body)

    return answer


def body(**changes: Any) -> Reply:
    return lambda peer, got: peer.reply(got, peer.faces(**changes))


LIES = {
    "NaN": nan,
    "a face outside of the picture": box(x=600.0, w=400.0),
    "a face without a size": box(w=0.0),
    "a face without end": box(w=1e308),
    "a score above one": body(faces=[{"label": "mask", "score": 7, "box": {"x": 1, "y": 1, "w": 9, "h": 9}}]),
    "a label that no model has": body(faces=[{"label": "king", "score": 0.9, "box": {"x": 1, "y": 1, "w": 9, "h": 9}}]),
    "ten thousand faces": body(
        faces=[{"label": "mask", "score": 0.9, "box": {"x": 1, "y": 1, "w": 9, "h": 9}}] * 10**4
    ),
    "no JSON": lambda peer, got: peer.reply(got, b"\xff\x00 faces!"),
    "nested without end": lambda peer, got: peer.reply(got, b"[" * 50_000),
    "ten megabytes": lambda peer, got: peer.reply(got, bytes(10_000_000)),
    "in the name of another": lambda peer, got: peer.reply(got, peer.faces(by="gate-03")),
    "the question of another": lambda peer, got: peer.reply(got, peer.faces(), correlation=b"0123456789abcdef"),
}


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mosquitto, Subscriber]]:
    """A daemon that others lie to, one after the other."""
    folder = tmp_path_factory.mktemp("lied-to")
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Subscriber(broker.port) as subscriber,
        Daemon(write_site(folder, broker.port)),
    ):
        figures(subscriber, lambda _each: True)
        yield broker, subscriber


@pytest.mark.parametrize("what", LIES)
def test_an_answer_that_no_model_gives_is_not_believed(lied_to: tuple[Mosquitto, Subscriber], what: str) -> None:
    broker, subscriber = lied_to
    before = figures(subscriber, lambda _each: True)
    looks = len(subscriber.on(topic("looks")))
    with FakePeer(broker.port, f"liar-{list(LIES).index(what):02}", LIES[what]) as liar:
        liar.wait_for(lambda _got: True, 1)
        after = figures(subscriber, lambda each: each["lost"] > before["lost"])
        asked = len(liar.got)
        liar.say(f"edge-mask/{liar.thing}/status", {"state": "offline"}, retain=True)
    assert asked <= 2
    assert after["answered"] == before["answered"]
    assert len(subscriber.on(topic("looks"))) == looks


def test_frames_do_not_go_over_a_wire_that_anybody_reads(tmp_path: Path) -> None:
    config = write_site(tmp_path, 1, mqtt={"host": "broker.example", "port": 1883})
    ended = edge_mask("run", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert "fleet.peers.offer: pictures of people would go to broker.example as anybody can read them" in ended.err


def test_peers_need_a_root_with_the_thing_in_it(tmp_path: Path) -> None:
    config = write_site(tmp_path, 1, topics={"root": "site"}, fleet={"peers": {"accept": 2}})
    ended = edge_mask("run", "--config", config, cwd=tmp_path)
    assert ended.code == 2
    assert "devices find each other below their own roots; allowed: with /{thing}/ in topics.root" in ended.err


@pytest.mark.parametrize(
    ("wish", "key"),
    [
        ({"peers": {"offer": True}}, "fleet.peers.offer"),
        ({"peers": {"group": "theirs"}}, "fleet.peers.group"),
        ({"group": "theirs"}, "fleet.group"),
    ],
)
def test_nobody_outside_can_have_frames_sent(wish: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{key}: cannot be set from outside"):
        Overlay(config={"fleet": wish}).over({})


def test_a_device_is_no_peer_of_itself(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    config = write_site(tmp_path, broker.port, fleet={"peers": {"offer": True, "accept": 2}})
    with Daemon(config):
        room = {"free": 2, "ms": 1.0, "model": "tiny", "accepts": ["peer"]}
        subscriber.publish(f"edge-mask/{THING}/room", json.dumps(room).encode())
        assert figures(subscriber, lambda _each: True)["offered"] == 0
