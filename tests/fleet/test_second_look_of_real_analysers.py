"""Two installed daemons: a gate, and the one that looks again, over the broker and over HTTPS."""

import ssl
from pathlib import Path

from tests.broker import Mosquitto, Subscriber, free_port
from tests.detect import packages, tiny_tflite
from tests.end_to_end.daemon import Daemon, topic, write_config
from tests.fleet.test_second_look_in_the_daemon import VISITORS, history, write_gate
from tests.papers import Papers
from tests.waiting import until
from tests.web.served import Client, add_user, served, token

BRIGHT = (0, 0, 160)
SCENE = [BRIGHT if each else None for each in VISITORS]


def write_other_model(folder: Path) -> Path:
    """A model that calls bare what the gate's calls masked."""
    graph = tiny_tflite.anchor_free(strides=(16,))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    labels = ["no_mask", "mask", "incorrect"]
    return packages.write_package(
        folder / "other", graph, name="large", version="2.0.0", decoding=decoding, labels=labels
    )


def is_there(client: Client) -> bool:
    try:
        return client.get("/healthz").status == 200
    except OSError:
        return False


def test_another_edge_mask_on_the_broker_looks_again(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    gate = write_gate(tmp_path / "gate", broker.port, SCENE, second_look={"band": 0.5, "timeout": "20s"})
    analyser = write_config(
        tmp_path / "analyser",
        broker.port,
        device={"thing_name": "analyser-01"},
        cameras=[],
        detector={"model": str(write_other_model(tmp_path / "analyser")), "threads": 1},
        fleet={"type": "analysis"},
    )
    with Daemon(analyser) as other, Daemon(gate) as daemon:
        (first, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=60)
        daemon.stop()
        other.stop()
    said = first.json()
    assert (said["was"], said["verdict"], said["mask"], said["by"]) == ("pass", "no_pass", "no_mask", "analyser-01")
    assert said["model"] == "large 2.0.0"
    assert history(gate)[said["amends"]]["amended"] is True


def test_another_edge_mask_looks_again_over_https_and_the_page_shows_it(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    papers = Papers(tmp_path / "papers")
    tls = {"cert": str(papers.server.cert), "key": str(papers.server.key)}
    other = tmp_path / "analyser"
    other.mkdir()
    model = write_other_model(other)
    with served(other, web={"tls": tls}, detector={"model": str(model), "threads": 1}) as house:
        trusted = ssl.create_default_context(cafile=papers.ca)
        (tmp_path / "token").write_text(token(house.config, "gate-01", "infer"))
        until(lambda: is_there(Client(house.port, tls=trusted)))
        second = {
            "to": f"https://127.0.0.1:{house.port}/mask/", "token_file": str(tmp_path / "token"),
            "ca": str(papers.ca), "band": 0.5, "timeout": "20s",
        }  # fmt: skip
        port = broker.port
        page_port = free_port()
        gate = write_gate(tmp_path / "gate", port, SCENE, second_look=second, web={"enabled": True, "port": page_port})
        with Daemon(gate) as daemon:
            (first, *_) = subscriber.wait_for_count(topic("amendments"), 1, timeout=60)
            said = first.json()
            add_user(gate, "kim")
            page = Client(page_port)
            until(lambda: is_there(page))
            shown = page.login("kim").get(f"/visits/{said['amends']}").body.decode()
            told = page.get(f"/api/v1/visits/{said['amends']}").json()
            program = Client(page_port, token=token(gate, "prometheus", "metrics"))
            counted = program.get("/metrics").body.decode()
            daemon.stop()
    assert (said["was"], said["verdict"], said["by"]) == ("pass", "no_pass", "127.0.0.1")
    assert 'data-part="second-look"' in shown
    assert told["amended"] is True
    assert [each["verdict"] for each in told["second_looks"]] == ["no_pass"]
    assert 'edge_mask_second_looks_total{outcome="changed"}' in counted
