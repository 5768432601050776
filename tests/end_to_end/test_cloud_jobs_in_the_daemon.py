"""AWS IoT Jobs through the daemon, against a service that behaves as AWS's does and a web server with TLS."""

import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, Mosquitto, free_port
from tests.control.cloud_service import CloudBehindNucleus, CloudService
from tests.control.shop import Shop
from tests.control.test_models import write
from tests.end_to_end.daemon import BARE, Daemon, write_config, write_readings, write_scene
from tests.nucleus.fake import FakeNucleus, Kind
from tests.papers import Papers

from edge_mask.packages.store import Store
from edge_mask.settings.overlay import read_kept

pytestmark = pytest.mark.broker


@pytest.fixture
def service(broker: Mosquitto) -> Iterator[CloudService]:
    with CloudService(broker.port) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    readings = write_readings(tmp_path / "t.csv", [36.5])
    sensor = {"name": "forehead", "kind": "replay", "path": str(readings), "loop": True}
    return write_config(tmp_path, broker.port, cameras=[], sensors=[sensor], aws={"jobs": True})


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto) -> Path:
    """A camera that looks with the package tiny 1.0."""
    Store(tmp_path / "models").install(write(tmp_path / "made", "1.0"))
    camera = {"name": "front", "source": f"images:{write_scene(tmp_path / 'scene', [BARE])}", "loop": True}
    detector = {"model": str(tmp_path / "models" / "tiny-1.0"), "threads": 1}
    return write_config(tmp_path, broker.port, cameras=[camera], detector=detector, aws={"jobs": True})


def zipped(folder: Path, version: str) -> Path:
    made = shutil.make_archive(str(folder / f"tiny-{version}"), "zip", write(folder / f"tiny-{version}", version))
    return Path(made)


def installing(source: str | Path, content: bytes, version: str = "1.1", **more: Any) -> dict[str, Any]:
    checksum = hashlib.sha256(content).hexdigest()
    asked = {
        "operation": "install-model",
        "name": "tiny",
        "version": version,
        "source": str(source),
        "sha256": checksum,
    }
    return {**asked, **more}


def outcome(service: CloudService, job: str, document: Any) -> tuple[str, dict[str, str]]:
    service.create_job(job, document)
    done = service.wait_for_job(job)
    return done["status"], done["statusDetails"]


def test_jobs_are_done_one_after_the_other_and_their_outcomes_reported(config: Path, service: CloudService) -> None:
    service.create_job("waiting", {"operation": "configure", "set": {"health": {"interval": "50s"}}})
    with Daemon(config) as daemon:
        done = service.wait_for_job("waiting")
        assert (done["status"], done["statusDetails"]) == (
            "SUCCEEDED", {"config_version": "1", "changed": "health.interval"},
        )  # fmt: skip
        wrong: list[Any] = [None, [], "x", {"operation": "relod"}, {"operation": "configure"}]
        for number, document in enumerate(wrong):
            assert outcome(service, f"wrong-{number}", document)[0] == "REJECTED"
        status, details = outcome(service, "cut", {"operation": "configure", "set": {"mqtt": {"host": "elsewhere"}}})
        assert (status, "cannot be set from outside" in details["error"]) == ("REJECTED", True)
        config.write_text(config.read_text().replace("console", "json"))
        assert outcome(service, "again", {"operation": "reload"}) == (
            "SUCCEEDED", {"config_version": "1", "changed": "log.format"},
        )  # fmt: skip
        assert daemon.stop() == 0
    assert read_kept(config.parent / "edge-mask.db.overlay.json").config == {"health": {"interval": "50s"}}


def test_a_package_is_installed_from_a_file_and_looks_and_a_wrong_one_changes_nothing(
    gate: Path, service: CloudService, tmp_path: Path
) -> None:
    package = zipped(tmp_path, "1.1")
    content = package.read_bytes()
    with Daemon(gate) as daemon:
        other = installing(package, b"another")
        status, details = outcome(service, "other", other)
        assert (status, "its sha256 is" in details["error"]) == ("FAILED", True)
        away = outcome(service, "away", installing(tmp_path / "no.zip", content))
        assert (away[0], "there is no such file" in away[1]["error"]) == ("FAILED", True)
        misnamed = outcome(service, "misnamed", installing(package, content, version="2.0"))
        assert (misnamed[0], "and not tiny 2.0" in misnamed[1]["error"]) == ("FAILED", True)
        assert outcome(service, "good", installing(package, content)) == (
            "SUCCEEDED", {"active": "tiny 1.1", "installed": "tiny 1.1"},
        )  # fmt: skip
        package.unlink()
        assert outcome(service, "twice", installing(package, content))[0] == "SUCCEEDED"
        assert daemon.stop() == 0
    assert sorted(path.name for path in (tmp_path / "models").glob("tiny*")) == ["tiny-1.0", "tiny-1.1"]
    assert list(tmp_path.glob(".edge-mask-fetch-*")) == []


def test_a_package_comes_over_https_and_never_over_less(
    gate: Path, service: CloudService, shop: Shop, tmp_path: Path
) -> None:
    content = zipped(tmp_path, "1.1").read_bytes()
    shop.files["/tiny.zip"] = content
    with Daemon(gate, environ={"SSL_CERT_FILE": str(shop.authority)}) as daemon:
        for job, path, sentence in (("none", "/none.zip", "answers 404"), ("plain", "/plain", "without https")):
            status, details = outcome(service, job, installing(f"{shop.address}{path}", content))
            assert (status, sentence in details["error"]) == ("FAILED", True), details
        signed = f"{shop.address}/tiny.zip?X-Amz-Signature=secret"
        assert outcome(service, "good", installing(signed, content, activate=False)) == (
            "SUCCEEDED", {"active": "tiny 1.0", "installed": "tiny 1.1"},
        )  # fmt: skip
        assert daemon.stop() == 0
    assert "X-Amz" not in daemon.stderr


def test_a_job_during_which_the_daemon_is_killed_is_begun_twice_and_not_for_ever(
    gate: Path, service: CloudService, shop: Shop, tmp_path: Path
) -> None:
    service.create_job("deadly", installing(f"{shop.address}/hang", b""))
    service.create_job("next", {"operation": "reload"})
    for _ in range(2):
        with Daemon(gate, environ={"SSL_CERT_FILE": str(shop.authority)}) as daemon:
            assert shop.hangs.acquire(timeout=30.0)
            daemon.send(signal.SIGKILL)
            daemon.wait()
    with Daemon(gate, environ={"SSL_CERT_FILE": str(shop.authority)}) as daemon:
        done = service.wait_for_job("deadly")
        assert (done["status"], done["statusDetails"]["error"]) == (
            "FAILED", "the daemon ended 2 times while this was done",
        )  # fmt: skip
        assert service.wait_for_job("next")["status"] == "SUCCEEDED"
        assert daemon.stop() == 0


def test_a_stop_does_not_wait_for_a_job_and_is_no_try_and_a_cancelled_job_is_forgotten(
    gate: Path, service: CloudService, shop: Shop
) -> None:
    service.create_job("long", installing(f"{shop.address}/hang", b""))
    with Daemon(gate, environ={"SSL_CERT_FILE": str(shop.authority)}) as daemon:
        assert shop.hangs.acquire(timeout=30.0)
        assert daemon.stop() == 0
    assert json.loads((gate.parent / "edge-mask.db.jobs.json").read_text())["current"]["tries"] == 0
    service.cancel("long")
    service.create_job("next", {"operation": "reload"})
    with Daemon(gate) as daemon:
        assert service.wait_for_job("next")["status"] == "SUCCEEDED"
        assert daemon.stop() == 0
    assert list(gate.parent.glob(".edge-mask-fetch-*")) == []


def test_garbage_on_the_topics_of_jobs_never_takes_the_house_down(config: Path, service: CloudService) -> None:
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: cloud.asked("start-next"))
        for garbage in (b"", b"{", b"null", b"\xff", b"[" * 100_000, b"x" * 300_000, b'{"execution": {"jobId": 5}}'):
            for topic in ("notify-next", "start-next/accepted", "start-next/rejected", "j/update/accepted"):
                service.say(f"jobs/{topic}", garbage)
        assert outcome(service, "j1", {"operation": "reload"})[0] == "SUCCEEDED"
        assert daemon.stop() == 0
    assert "failed" not in daemon.stderr


def test_with_aws_iot_shadows_and_jobs_are_on_by_themselves(tmp_path: Path) -> None:
    pytest.importorskip("awscrt", reason="needs the AWS libraries: pip install edge-mask[aws]")
    papers = Papers(tmp_path / "papers")
    readings = write_readings(tmp_path / "t.csv", [36.5])
    sensor = {"name": "forehead", "kind": "replay", "path": str(readings), "loop": True}
    beside = free_port()  # the service speaks without TLS, beside the device
    with Mosquitto(tmp_path / "broker", tls=papers.server, options=(f"listener {beside} {HOST}",)) as broker:
        tls = {"ca": str(papers.ca), "cert": str(papers.device.cert), "key": str(papers.device.key)}
        mqtt = {"transport": "aws-iot", "host": HOST, "port": broker.port, "tls": tls}
        config = write_config(tmp_path, None, cameras=[], sensors=[sensor], mqtt=mqtt)
        with CloudService(beside) as service:
            service.desire({"config": {"health": {"interval": "50s"}}})
            with Daemon(config) as daemon:
                service.wait_for(lambda cloud: cloud.wishes.reported.get("config_version") == 1)
                assert outcome(service, "j1", {"operation": "reload"})[0] == "SUCCEEDED"
                service.wait_for(lambda cloud: cloud.shadow().reported.get("sensors"))
                assert daemon.stop() == 0


@pytest.mark.parametrize("kind", ["lite", "classic"])
def test_a_component_of_a_nucleus_takes_wishes_and_does_jobs(tmp_path: Path, kind: Kind) -> None:
    pytest.importorskip("awscrt", reason="needs the AWS libraries: pip install edge-mask[aws]")
    readings = write_readings(tmp_path / "t.csv", [36.5])
    sensor = {"name": "forehead", "kind": "replay", "path": str(readings), "loop": True}
    config = write_config(tmp_path, None, cameras=[], sensors=[sensor], mqtt={"transport": "greengrass"})
    with FakeNucleus(kind) as nucleus, CloudBehindNucleus(nucleus) as service:
        service.desire({"config": {"health": {"interval": "50s"}}})
        with Daemon(config, environ=nucleus.environment) as daemon:
            service.wait_for(lambda cloud: cloud.wishes.reported.get("config_version") == 1)
            assert outcome(service, "j1", {"operation": "reload"})[0] == "SUCCEEDED"
            service.wait_for(lambda cloud: cloud.shadow().reported.get("sensors"))
            assert daemon.stop() == 0
