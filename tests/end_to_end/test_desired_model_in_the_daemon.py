"""What is wished on `model/desired`, through the daemon: fetched, verified, tried beside the old one; or refused."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from tests.broker import Mosquitto, Subscriber
from tests.control.cloud_service import CloudService
from tests.control.test_models import write
from tests.detect import packages, tiny_tflite
from tests.end_to_end.daemon import Daemon, edge_mask, topic
from tests.end_to_end.test_broken_model_in_the_daemon import PATIENCE, break_, models_seen, site
from tests.packages.registry import USER, Registry
from tests.packages.remote.parcels import minisign, write_keys
from tests.waiting import until

from edge_mask.packages.remote.build import build
from edge_mask.wire.fleet_models import Reported

pytestmark = pytest.mark.broker
DECODING = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
ENDS = ("active", "refused", "rolled_back", "restored")


@dataclass
class Gate:
    """A daemon, who listens to it, and the stick from which packages come."""

    folder: Path
    daemon: Daemon
    heard: Subscriber

    def layout(self, package: Path) -> tuple[str, str]:
        """Where a package lies, and its digest."""
        place = self.folder / "stick" / package.name
        place.parent.mkdir(exist_ok=True)
        with mock.patch("edge_mask.packages.remote.build.verify_package", return_value=[]):  # it may be a bad one
            return f"file://{place}", build(package, place).digest

    def wish(self, revision: int, version: str, source: str, digest: str, **more: Any) -> None:
        wished = {"revision": revision, "name": "tiny", "version": version, "digest": digest, "sources": [source]}
        self.heard.publish(topic("model/desired"), json.dumps({**wished, **more}).encode(), retain=True)

    def reports(self, revision: int | None) -> list[dict[str, Any]]:
        told = [each.json() for each in self.heard.on(topic("model/reported"))]
        return [each for each in told if Reported.model_validate(each).revision == revision]

    def wait_for(self, revision: int | None, *states: str) -> dict[str, Any]:
        def told() -> list[dict[str, Any]]:
            return [each for each in self.reports(revision) if each["state"] in (states or ENDS)]

        try:
            self.heard.wait_for(lambda _all: bool(told()), PATIENCE)
        except AssertionError:
            raise AssertionError(f"{self.reports(revision)}\n{self.daemon.stderr}") from None
        return told()[-1]


def fleet(folder: Path, **more: Any) -> dict[str, Any]:
    return {"packages": {"sources": [f"file://{folder / 'stick'}/"], "trial": "0.5s", "slower": 20, **more}}


@contextmanager
def gate(folder: Path, broker: Mosquitto, *versions: str, **packages: Any) -> Iterator[Gate]:
    config = site(folder, broker.port, *(versions or ("1.0",)), fleet=fleet(folder, **packages))
    with running(folder, config, broker) as it:
        yield it


@contextmanager
def running(folder: Path, config: Path, broker: Mosquitto) -> Iterator[Gate]:
    with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
        yield Gate(folder, daemon, heard)
        assert daemon.stop() == 0


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "models").iterdir())


def test_a_wished_model_is_fetched_tried_and_looks(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        it.wish(7, "1.1", source, digest)
        told = it.wait_for(7)
        assert (told["state"], told["version"], told["previous"]) == ("active", "1.1", "tiny 1.0"), told
        assert list(dict.fromkeys(each["state"] for each in it.reports(7))) == [
            "pulling",
            "verifying",
            "trial",
            "active",
        ]
        it.heard.wait_for(lambda _all: "tiny 1.1" in models_seen(it.heard), PATIENCE)
    assert contents(tmp_path) == ["current", "previous", "tiny-1.0", "tiny-1.1"]


def test_what_is_not_what_it_should_be_is_refused_with_a_sentence_and_the_old_one_looks_on(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with gate(tmp_path, broker, slower=4) as it:
        good = it.layout(write(tmp_path / "good", "1.1"))

        def refused(revision: int, version: str, source: str, digest: str) -> str:
            it.wish(revision, version, source, digest)
            told = it.wait_for(revision)
            assert told["state"] == "refused", told
            return str(told["error"])

        assert "does not allow where it is to come from" in refused(1, "1.1", "file:///elsewhere/good", good[1])
        assert "is tiny 1.1, and not tiny 9.9" in refused(2, "9.9", *good)
        changed = it.layout(write(tmp_path / "changed", "1.1"))
        for blob in (tmp_path / "stick" / "changed" / "blobs" / "sha256").iterdir():
            if blob.stat().st_size > 2000:
                blob.write_bytes(blob.read_bytes()[:-1] + b"!")
        assert "it was changed" in refused(3, "1.1", *changed)
        lies = it.layout(write_golden(tmp_path / "lies"))
        assert "golden picture" in refused(4, "1.1", *lies)
        slow = it.layout(write_slow(tmp_path / "slow"))
        assert "more than 4 times as long is not taken" in refused(5, "1.1", *slow)
        it.heard.publish(topic("model/desired"), b'{"revision": 6, "nmae": "tiny"}')
        assert "did you mean name" in it.wait_for(None)["error"]
        it.wish(7, "1.1", *good)
        assert it.wait_for(7)["state"] == "active", "what was refused before does not stand in its way"
        assert set(models_seen(it.heard)) >= {"tiny 1.0"}
    assert contents(tmp_path) == ["current", "previous", "tiny-1.0", "tiny-1.1"]


def test_a_model_that_decides_otherwise_or_says_nonsense_is_refused_by_its_trial(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with gate(tmp_path, broker, trial="2s") as it:
        it.wish(1, "1.1", *it.layout(write_swapped(tmp_path / "swapped")))
        assert "it says otherwise of" in it.wait_for(1, "refused")["error"]
        it.wish(2, "1.1", *it.layout(write_wild(tmp_path / "wild")))
        assert "cannot be meant" in it.wait_for(2, "refused")["error"]
        until(lambda: contents(tmp_path) == ["current", "tiny-1.0"])
        assert set(models_seen(it.heard)) == {"tiny 1.0"}


def test_a_model_that_breaks_after_its_activation_is_taken_back_once(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker, trial="0s") as it:
        source, digest = it.layout(write_wild(tmp_path / "wild"))
        it.wish(1, "1.1", source, digest)
        it.wait_for(1, "active")
        told = it.wait_for(1, "rolled_back")
        assert ("cannot be meant" in told["error"], told["previous"]) == (True, "tiny 1.0")
        it.heard.wait_for(lambda _all: models_seen(it.heard)[-1:] == ["tiny 1.0"], PATIENCE)
        count = len(it.reports(1))
        it.wish(1, "1.1", source, digest)
        it.heard.publish(topic("commands/status"), b"{}")
        it.heard.wait_for_count(topic("commands/status/response"), 1, PATIENCE)
        assert [each["state"] for each in it.reports(1)][count:] == []


def test_a_package_that_is_not_signed_with_one_of_the_keys_is_refused(tmp_path: Path, broker: Mosquitto) -> None:
    (ours, key), (theirs, _) = write_keys(tmp_path, "ours"), write_keys(tmp_path, "theirs")
    with gate(tmp_path, broker, keys=[str(key)]) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        it.wish(1, "1.1", source, digest)
        assert "it has no signature" in it.wait_for(1, "refused")["error"]
        manifest = tmp_path / "stick" / "new" / "blobs" / "sha256" / digest.removeprefix("sha256:")
        minisign("-S", "-s", theirs, "-m", manifest, "-x", tmp_path / "theirs.minisig")
        it.wish(2, "1.1", source, digest, signature=(tmp_path / "theirs.minisig").read_text())
        assert "not one of ours" in it.wait_for(2, "refused")["error"]
        minisign("-S", "-s", ours, "-m", manifest, "-x", tmp_path / "ours.minisig")
        it.wish(3, "1.1", source, digest, signature=(tmp_path / "ours.minisig").read_text())
        assert it.wait_for(3)["state"] == "active"


def test_a_registry_that_is_away_is_tried_again_and_a_broken_model_comes_back_from_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    registry = Registry(tmp_path / "registry")
    access = {"username": USER, "password_file": str(registry.password_file), "ca": str(registry.ca)}
    source = f"{registry.base}/tiny"
    with gate(tmp_path, broker, sources=[registry.base], **access) as it:
        place, digest = it.layout(write(tmp_path / "new", "1.1"))
        with registry:
            layout, config = place.removeprefix("file://"), str(it.folder / "config.yaml")
            pushed = edge_mask("package", "push", layout, source, "--config", config, cwd=tmp_path)
            assert pushed.code == 0, pushed
        it.wish(1, "1.1", source, digest)
        it.heard.wait_for(lambda _all: any(each["attempt"] > 1 for each in it.reports(1)), PATIENCE)
        assert any("it cannot be reached" in (each["error"] or "") for each in it.reports(1))
        with registry:
            it.wait_for(1, "active")
    only(tmp_path, "1.1")
    break_(tmp_path, "1.1")
    with registry, running(tmp_path, tmp_path / "config.yaml", broker) as it:
        it.wait_for(1, "restored")
        it.heard.wait_for_count(topic("detections"), 1, PATIENCE)
        assert set(models_seen(it.heard)) == {"tiny 1.1"}


def test_a_disk_that_is_full_is_told_and_tried_again(tmp_path: Path, broker: Mosquitto) -> None:
    models = tmp_path / "models"
    models.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(models)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a disk that is full")
    try:
        with gate(tmp_path, broker) as it:
            with (models / "filler").open("ab", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            it.wish(1, "1.1", *it.layout(write(tmp_path / "new", "1.1")))
            it.heard.wait_for(lambda _all: any(each["attempt"] > 1 for each in it.reports(1)), PATIENCE)
            assert any("No space left on device" in (each["error"] or "") for each in it.reports(1))
            (models / "filler").unlink()
            assert it.wait_for(1)["state"] == "active"
            assert contents(tmp_path) == ["current", "previous", "tiny-1.0", "tiny-1.1"]
    finally:
        subprocess.run(["umount", "--lazy", str(models)], check=True)


def test_shadow_and_jobs_carry_the_same_document(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, "1.0", fleet=fleet(tmp_path), aws={"jobs": True, "shadow": True})
    with CloudService(broker.port) as service, running(tmp_path, config, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        wished = {"revision": 1, "name": "tiny", "version": "1.1", "digest": digest, "sources": [source]}
        service.create_job("new", {"operation": "install-model", **wished})
        done = job_of(service, "new")
        assert (done["status"], done["statusDetails"]["active"]) == ("SUCCEEDED", "tiny 1.1"), done
        unknown = {**wished, "revision": 2, "digest": f"sha256:{'0' * 64}"}
        service.create_job("away", {"operation": "install-model", **unknown})
        done = job_of(service, "away")
        assert (done["status"], "refused: " in done["statusDetails"]["error"]) == ("FAILED", True), done
        source, digest = it.layout(write(tmp_path / "newer", "1.2"))
        service.desire({"model": {**wished, "revision": 3, "version": "1.2", "digest": digest, "sources": [source]}})
        model = {"name": "tiny", "version": "1.2"}
        service.wait_for(lambda cloud: cloud.wishes.reported.get("model") == model, PATIENCE)
        assert it.wait_for(3)["state"] == "active"


def test_what_was_installed_by_hand_is_not_taken_for_a_package_of_another_digest(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "same", "1.0"))
        it.wish(1, "1.0", source, f"sha256:{'a' * 64}")
        told = it.wait_for(1)
        assert (told["state"], told["error"].partition(";")[0]) == (
            "refused",
            "tiny 1.0: looks already with another digest",
        )
        it.wish(2, "1.0", source, digest)
        assert it.wait_for(2)["state"] == "active"


def test_a_pipe_for_a_package_and_a_wish_without_an_end_hold_nothing_up(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        os.mkfifo(tmp_path / "stick" / "pipe")
        it.wish(1, "1.2", f"file://{tmp_path}/stick/pipe", f"sha256:{'a' * 64}")
        told = it.wait_for(1)
        assert (told["state"], "neither a folder nor a zip" in told["error"]) == ("refused", True), told
        wrong = {f"key{number:05}": 1 for number in range(5000)}
        it.heard.publish(topic("model/desired"), json.dumps(wrong).encode(), retain=True)
        told = it.wait_for(None)
        assert (told["state"], len(told["error"]) <= 1000) == ("refused", True), told
        it.wish(3, "1.1", source, digest)
        assert it.wait_for(3)["state"] == "active"


def test_a_wish_that_is_taken_away_is_let_go_of(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker, trial="60s") as it:
        it.wish(1, "1.1", *it.layout(write(tmp_path / "new", "1.1")))
        it.wait_for(1, "trial")
        it.heard.publish(topic("model/desired"), b"", retain=True)
        until(lambda: contents(tmp_path) == ["current", "tiny-1.0"])
        assert set(models_seen(it.heard)) == {"tiny 1.0"}


def test_a_device_without_any_model_gets_its_first_by_a_wish(tmp_path: Path, broker: Mosquitto) -> None:
    config = site(tmp_path, broker.port, fleet=fleet(tmp_path))
    with running(tmp_path, config, broker) as it:
        it.heard.wait_for_count(topic("temperature"), 1, PATIENCE)
        it.wish(1, "1.1", *it.layout(write(tmp_path / "new", "1.1")))
        assert it.wait_for(1)["state"] == "active"
        it.heard.wait_for(lambda _all: "tiny 1.1" in models_seen(it.heard), PATIENCE)
    assert contents(tmp_path) == ["current", "tiny-1.1"]


def job_of(service: CloudService, job: str) -> dict[str, Any]:
    """The job once it has ended."""
    service.wait_for(lambda cloud: cloud.jobs[job]["status"] in ("SUCCEEDED", "FAILED"), PATIENCE)
    return service.wait_for_job(job)


def only(folder: Path, version: str) -> None:
    """No way back is left."""
    models = folder / "models"
    (models / "previous").unlink()
    for each in models.glob("tiny-*"):
        if each.name != f"tiny-{version}":
            shutil.rmtree(each)


def write_golden(folder: Path) -> Path:
    """A card that promises a face where there is none."""
    folder.mkdir(parents=True)
    packages.write_picture(folder / "empty.png", packages.picture((64, 64)))
    face = {"label": "mask", "score": 0.9, "box": [16, 16, 16, 16]}
    golden = [{"picture": "empty.png", "answer": [face]}]
    graph = tiny_tflite.anchor_free(strides=(16,))
    return packages.write_package(folder, graph, decoding=DECODING, version="1.1", golden=golden)


def write_slow(folder: Path) -> Path:
    graph = tiny_tflite.anchor_free(size=(1024, 1024), strides=(16,))
    size = {**packages.PLAIN_INPUT, "size": [1024, 1024]}
    return packages.write_package(folder, graph, decoding=DECODING, version="1.1", input=size)


def write_swapped(folder: Path) -> Path:
    """It takes masked faces for bare ones, and the other way round."""
    graph = tiny_tflite.anchor_free(strides=(16,))
    labels = ["no_mask", "mask", "incorrect"]
    return packages.write_package(folder, graph, decoding=DECODING, version="1.1", labels=labels)


def write_wild(folder: Path) -> Path:
    """Sane on a grey picture, on which models are warmed up, and beside itself where there is a colour."""
    kernel = np.zeros((3, 16, 16, 3))
    for channel in range(3):
        kernel[channel, :, :, channel], kernel[channel, :, :, (channel + 1) % 3] = 1e7, -1e7
    with mock.patch.object(tiny_tflite, "looks", return_value=(kernel, np.full(3, -8.0))):
        graph = tiny_tflite.anchor_free(strides=(16,))
    folder.mkdir(parents=True)
    packages.write_picture(folder / "grey.png", np.full((64, 64, 3), 127, np.uint8))
    golden = [{"picture": "grey.png", "answer": []}]
    return packages.write_package(folder, graph, decoding=DECODING, version="1.1", golden=golden)


def test_a_broken_model_is_fetched_again_from_where_it_came_from(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        it.wish(1, "1.1", source, digest)
        it.wait_for(1, "active")
    only(tmp_path, "1.1")
    break_(tmp_path, "1.1")
    with running(tmp_path, tmp_path / "config.yaml", broker) as it:
        told = it.wait_for(1, "restored")
        assert (told["version"], told["digest"]) == ("1.1", digest)
        it.heard.wait_for_count(topic("detections"), 1, PATIENCE)
        assert set(models_seen(it.heard)) == {"tiny 1.1"}
