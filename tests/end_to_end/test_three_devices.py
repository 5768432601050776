"""Three installed daemons and a broker: one without a model that answers, and two that look for it."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import Daemon, topic
from tests.end_to_end.others import Analysing, analyser
from tests.end_to_end.test_peers_in_the_daemon import figures, write_site

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


def test_devices_find_each_other_and_outlive_each_other(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = write_site(tmp_path / "gate", broker.port, fleet={"group": "north", "peers": {"offer": True}})
    peers = [
        analyser(
            tmp_path / name,
            broker.port,
            name,
            fleet={"type": "analysis", "group": "north", "peers": {"accept": 2}},
            health={"interval": "1s"},
        )
        for name in ("peer-a", "peer-b")
    ]

    def answered(than: Mapping[str, int], more: int = 10) -> Callable[[Mapping[str, int]], bool]:
        return lambda each: each["answered"] >= than["answered"] + more

    with Analysing(peers[0]) as killed, Analysing(peers[1]) as frozen, Daemon(config) as daemon:
        both = figures(subscriber, lambda each: each["answered"] > 20)

        killed.send(signal.SIGKILL)
        subscriber.wait_for_count("edge-mask/peer-a/status", 2)  # online, and what the broker says of it now
        alone = figures(subscriber, answered(both))

        frozen.send(signal.SIGSTOP)
        nobody = figures(subscriber, lambda each: each["lost"] > alone["lost"])

        frozen.send(signal.SIGCONT)
        again = figures(subscriber, answered(nobody))
        assert 0 <= again["offered"] - again["answered"] - again["lost"] <= 4, "those that are out"
        assert daemon.stop() == 0
    frames = [each.json()["frame"] for each in subscriber.on(topic("detections"))]
    assert frames == sorted(set(frames))
    health = [each.json()["peers"] for each in subscriber.on("edge-mask/peer-b/health")]
    assert health[-1]["refused"] == 0, "never offered to a full one"
