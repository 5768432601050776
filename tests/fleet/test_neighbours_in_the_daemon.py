"""Two and three devices on one real broker: one raises an alert, its neighbour looks more closely, and nobody else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import BARE, MASKED, Daemon, edge_mask, write_scene
from tests.fleet.devices import device
from tests.waiting import until

pytestmark = pytest.mark.broker

WATCH = {"interval": "0.05s", "for": "3s"}


def said(subscriber: Subscriber, thing: str, kind: str) -> list[dict[str, Any]]:
    return [each.json() for each in subscriber.on(f"edge-mask/{thing}/{kind}") if each.payload]


def watching(subscriber: Subscriber, thing: str) -> list[Any]:
    """Whether it looked closely, as it was told one time after the other."""
    return [each.get("watching", {}).get("because_of") for each in said(subscriber, thing, "about")]


def alert_of(thing: str, name: str = "1", **changes: Any) -> bytes:
    return json.dumps({"id": name, "thing": thing, "v": 1, "kind": "no_mask", "text": "", **changes}).encode()


def looks_after(subscriber: Subscriber, thing: str, count: int) -> Callable[[list[Received]], bool]:
    before = len(subscriber.on(f"edge-mask/{thing}/looks"))
    return lambda got: sum(each.topic == f"edge-mask/{thing}/looks" for each in got) >= before + count


def test_a_device_looks_more_often_after_its_neighbours_alert_and_as_before_when_it_is_over(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """The usual pause between two looks is an hour: none comes without a reason."""
    near = device(tmp_path, broker.port, "b", interval="1h", fleet={"neighbours": ["a"], "watch": WATCH})
    far = device(tmp_path, broker.port, "a", scene=[BARE] * 4, cctv={"streak": 3}, fleet={})
    with Daemon(near) as b:
        subscriber.wait_for(lambda _: watching(subscriber, "b") == [None])
        subscriber.wait_for_count("edge-mask/b/looks", 1)
        with Daemon(far):
            subscriber.wait_for_count("edge-mask/a/alerts", 1)
            subscriber.wait_for(looks_after(subscriber, "b", 3))
            assert watching(subscriber, "b")[:2] == [None, "a"]
        subscriber.wait_for(lambda _: watching(subscriber, "b")[-1] is None)
        until(lambda: "looking as usual again" in b.stderr)
        assert b.stderr.count("looking more closely") == 1
        assert b.stop() == 0, b.stderr
    looks = said(subscriber, "b", "looks")
    assert len(looks) < 3.0 / 0.05 + 10
    assert len({each["id"] for each in looks}) == len(looks)


def test_an_alert_raised_in_a_closer_look_makes_nobody_else_look_closer(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """B sees bare faces, but looks only once an hour; C hears B, not A."""
    b = device(
        tmp_path, broker.port, "b", scene=[BARE] * 4, interval="1h", cctv={"streak": 3},
        fleet={"neighbours": ["a"], "watch": WATCH},
    )  # fmt: skip
    c = device(tmp_path, broker.port, "c", interval="1h", fleet={"neighbours": ["b"], "watch": WATCH})
    with Daemon(b), Daemon(c) as third:
        for thing in ("b", "c"):
            subscriber.wait_for_count(f"edge-mask/{thing}/looks", 1)
            subscriber.wait_for_count(f"edge-mask/{thing}/about", 1)
        subscriber.publish("edge-mask/a/alerts", alert_of("a"))
        subscriber.wait_for_count("edge-mask/b/alerts", 1)
        assert said(subscriber, "b", "alerts")[0]["watching"] is True
        subscriber.wait_for(lambda _: watching(subscriber, "b")[-1] is None and len(watching(subscriber, "b")) == 3)
        # What b says by itself is heard: so c would have heard of the other, too.
        subscriber.publish("edge-mask/b/alerts", alert_of("b", "2"))
        subscriber.wait_for(lambda _: watching(subscriber, "c") == [None, "b"])
        assert third.stderr.count("looking more closely") == 1


def test_alerts_of_strangers_and_what_the_broker_kept_change_nothing(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    subscriber.publish("edge-mask/a/alerts", b"", None)
    subscriber._client.publish("edge-mask/a/alerts", alert_of("a", "kept"), 1, retain=True).wait_for_publish(10.0)
    b = device(tmp_path, broker.port, "b", interval="1h", fleet={"neighbours": ["a"], "watch": WATCH})
    with Daemon(b) as daemon:
        subscriber.wait_for(lambda _: watching(subscriber, "b") == [None])
        subscriber.publish("edge-mask/x/alerts", alert_of("x"))
        subscriber.publish("edge-mask/a/alerts", alert_of("x", "another's name"))
        subscriber.publish("edge-mask/a/alerts", b"[" * 100_000)
        subscriber.publish("edge-mask/a/alerts", alert_of("a", "a late one", late=True, ts="2020-01-01T00:00:00Z"))
        for number in range(500):
            subscriber._client.publish("edge-mask/a/alerts", b"flood %d" % number, 1)
        subscriber.publish("edge-mask/a/alerts", alert_of("a", "true"))
        subscriber.wait_for(lambda _: watching(subscriber, "b") == [None, "a"])
        until(lambda: "looking more closely" in daemon.stderr)
        assert daemon.stderr.count("looking more closely") == 1


def test_whoever_comes_to_a_gate_meanwhile_is_judged_by_more_looks(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    scene = tmp_path / "b" / "scene"
    camera = {"name": "front", "source": f"images:{scene}", "role": "gate", "interval": "0.02s", "loop": True}
    b = device(
        tmp_path, broker.port, "b", scene=[None] * 4, cameras=[camera],
        gate={"votes": 3, "still": "ignore", "window": "20s"},
        fleet={"neighbours": ["a"], "watch": {"votes": 12, "for": "1h"}},
    )  # fmt: skip
    with Daemon(b):
        subscriber.wait_for(lambda _: watching(subscriber, "b") == [None])
        subscriber.publish("edge-mask/a/alerts", alert_of("a"))
        subscriber.wait_for(lambda _: watching(subscriber, "b")[-1:] == ["a"])
        write_scene(scene, [MASKED] * 20)  # from the next round on, somebody stands there
        (visit,) = subscriber.wait_for_count("edge-mask/b/visits", 1)[:1]
    again = edge_mask("replay", visit.json()["id"], "--config", b, "--json", cwd=tmp_path)
    assert again.code == 0, again
    assert json.loads(again.out)["gate"]["votes"] == 12
