"""`edge-mask run` with `transport: aws-iot` and a mosquitto that asks for a certificate."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, Mosquitto, Received, Subscriber
from tests.control.asker import Asker
from tests.end_to_end.daemon import (
    BARE,
    MASKED,
    Daemon,
    edge_mask,
    topic,
    write_config,
    write_model,
    write_scene,
)
from tests.papers import A_DAY, Paper, Papers

pytestmark = pytest.mark.broker

WITHOUT_AWS = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("awscrt", "awsiot", "_awscrt"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [BARE] * 6 + [None] * 45 + [MASKED] * 6 + [None] * 3)
    return tmp_path


@pytest.fixture
def aws(tmp_path: Path, papers: Papers) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", tls=papers.server) as broker:
        yield broker


def config_of(site: Path, papers: Papers, port: int, paper: Paper | None = None, **changes: Any) -> Path:
    paper = paper or papers.device
    tls = {"ca": str(papers.ca), "cert": str(paper.cert), "key": str(paper.key)}
    changes.setdefault("mqtt", {"transport": "aws-iot", "host": HOST, "port": port, "tls": tls})
    return write_config(site, port, **changes)


def a_room(site: Path) -> dict[str, Any]:
    """A camera that makes fewer messages than AWS IoT takes."""
    camera = {"name": "room", "source": f"images:{site / 'scene'}", "role": "cctv", "interval": "0.02s", "loop": True}
    return {"cameras": [camera]}


def imported(daemon: Daemon) -> list[str]:
    """Which of the MQTT libraries it loaded; it must run with PYTHONPROFILEIMPORTTIME."""
    modules = {line.split("|")[-1].strip() for line in daemon.stderr.splitlines() if line.startswith("import time:")}
    assert "edge_mask.deliver.courier" in modules
    return [name for name in ("awscrt", "awsiot", "paho") if name in modules]


def on(received: list[Received], kind: str) -> list[dict[str, Any]]:
    return [each.json() for each in received if each.topic == topic(kind)]


def test_a_broker_that_is_absent_at_the_start_and_killed_in_the_middle_misses_nothing(
    site: Path, papers: Papers, aws: Mosquitto
) -> None:
    aws.stop()
    with Daemon(config_of(site, papers, aws.port, **a_room(site))) as daemon:
        while "cannot be reached: socket connection refused; messages are kept" not in daemon.stderr:
            time.sleep(0.05)
        aws.start()
        with Subscriber(aws.plain_port) as subscriber:
            subscriber.wait_for(lambda got: len(on(got, "looks")) > 20)
            aws.kill()
            aws.start()
            so_far = on(subscriber.wait_for(lambda got: True), "looks")[-1]["seq"]
            heard = subscriber.wait_for(lambda got: on(got, "looks")[-1]["seq"] >= so_far + 60, 30)
            assert daemon.stop() == 0
    seqs = list(dict.fromkeys(look["seq"] for look in on(heard, "looks")))
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert [error["code"] for error in on(heard, "errors")][:1] == ["offline"]


def test_a_command_is_answered_on_the_topic_that_it_names(site: Path, papers: Papers, aws: Mosquitto) -> None:
    config = config_of(site, papers, aws.port, **a_room(site))
    with Asker(aws.plain_port) as asker, Subscriber(aws.plain_port) as subscriber, Daemon(config) as daemon:
        subscriber.wait_for(lambda got: [e["state"] for e in on(got, "status")][-1:] == ["online"])
        answer = asker.ask("status", {"request_id": "s-1"})
        assert daemon.stop() == 0
    assert (answer["ok"], answer["request_id"]) == (True, "s-1")


def test_kill_minus_nine_of_the_daemon_publishes_the_will_and_loses_nothing_that_was_recorded(
    site: Path, papers: Papers, aws: Mosquitto
) -> None:
    config = config_of(site, papers, aws.port, **a_room(site))
    with Subscriber(aws.plain_port) as subscriber:
        with Daemon(config) as daemon:
            subscriber.wait_for(lambda got: len(on(got, "looks")) >= 30)
            daemon.send(signal.SIGKILL)
            daemon.wait()
        subscriber.wait_for(lambda got: [e["state"] for e in on(got, "status")][-1:] == ["offline"])
        so_far = len(on(subscriber.wait_for(lambda got: True), "looks"))
        with Daemon(config) as daemon:
            heard = subscriber.wait_for(lambda got: len(on(got, "looks")) >= so_far + 30)
            assert daemon.stop() == 0
    seqs = list(dict.fromkeys(look["seq"] for look in on(heard, "looks")))
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_policy_that_denies_a_topic_sets_its_messages_aside_and_tells_it_once(
    site: Path, papers: Papers, tmp_path: Path
) -> None:
    acl = f"topic deny {topic('visits')}\npattern readwrite #\n"
    with Mosquitto(tmp_path / "mosquitto", tls=papers.server, acl=acl) as aws, Subscriber(aws.plain_port) as subscriber:
        config = config_of(site, papers, aws.port)
        with Daemon(config, "--until-idle", environ={"PYTHONPROFILEIMPORTTIME": "1"}) as daemon:
            assert daemon.wait() == 0
        assert imported(daemon) == ["awscrt"]
        told = on(subscriber.wait_for(lambda got: bool(on(got, "errors"))), "errors")
    (error,) = [each for each in told if each["component"] != "cloud"]  # the shadow's topics are denied as well
    assert (error["component"], error["code"]) == (f"mqtt {topic('visits')}", "message_refused")
    assert "does the policy of the certificate allow iot:Publish on this topic?" in error["text"]
    status = json.loads(edge_mask("outbox", "status", "--json", "--config", config, cwd=site).out)
    assert (status["pending"], status["refused"]) == (0, 2)


def test_a_wrong_authority_is_said_in_the_log_before_the_sdk_tells(site: Path, papers: Papers, aws: Mosquitto) -> None:
    stranger = Papers(site / "stranger")
    tls = {"ca": str(stranger.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)}
    mqtt = {"transport": "aws-iot", "host": HOST, "port": aws.port, "tls": tls}
    checked = edge_mask("check", "--config", config_of(site, papers, aws.port, mqtt=mqtt), cwd=site)
    assert checked.code == 1
    assert "the certificate of the broker is not trusted: " in checked.out
    assert f"mqtt.tls.ca is {stranger.ca}; is that the authority of this broker?" in checked.out


def test_a_certificate_that_ends_soon_is_told_once_and_counted_in_health(
    site: Path, papers: Papers, aws: Mosquitto
) -> None:
    short = papers.issue("short", ends=5.5 * A_DAY)
    config = config_of(site, papers, aws.port, short, health={"interval": "1s"}, **a_room(site))
    with Subscriber(aws.plain_port) as subscriber:
        for health in (1, 3):  # also after a restart it is told once in all
            with Daemon(config) as daemon:
                subscriber.wait_for(lambda got, wanted=health: len(on(got, "health")) >= wanted)  # type: ignore[misc]
                assert daemon.stop() == 0
        heard = subscriber.wait_for(lambda got: bool(on(got, "errors")))
    assert {health["certificate_days"] for health in on(heard, "health")} == {5}
    (error,) = on(heard, "errors")
    assert (error["component"], error["code"]) == ("certificate", "certificate_expires")
    assert f"{short.cert} expires within 7 days, on " in error["text"]
    assert "certificate            warning" in edge_mask("check", "--config", config, cwd=site).out


@pytest.fixture
def without_aws(tmp_path: Path) -> dict[str, str]:
    """An environment in which the AWS libraries are not installed."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_AWS)
    return {"PYTHONPATH": str(folder)}


def test_without_the_libraries_the_extra_is_named_and_everything_else_runs(
    site: Path, papers: Papers, without_aws: dict[str, str]
) -> None:
    with Daemon(config_of(site, papers, 1), environ=without_aws) as daemon:
        assert daemon.wait() == 2
    assert "mqtt.transport: aws-iot needs the AWS libraries" in daemon.stderr
    assert 'pip install "edge-mask[aws]"' in daemon.stderr
    assert "Traceback" not in daemon.stderr
    daemon.stderr_path.unlink()
    with Mosquitto(site / "plain") as broker, Subscriber(broker.port) as subscriber:
        looking = {**without_aws, "PYTHONPROFILEIMPORTTIME": "1"}
        with Daemon(write_config(site, broker.port), "--until-idle", environ=looking) as daemon:
            assert daemon.wait() == 0
        subscriber.wait_for(lambda got: len(on(got, "visits")) == 2)
    assert imported(daemon) == ["paho"]
