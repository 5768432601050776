"""What is wished on `model/desired`, through the daemon: fetched, verified, tried beside the old one; or refused."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.control.test_models import write
from tests.end_to_end.daemon import Daemon, topic
from tests.end_to_end.test_broken_model_in_the_daemon import break_, models_seen, site

from edge_mask.packages.remote.build import build

pytestmark = pytest.mark.broker
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
        return f"file://{place}", build(package, place).digest

    def wish(self, revision: int, version: str, source: str, digest: str, **more: Any) -> None:
        wished = {"revision": revision, "name": "tiny", "version": version, "digest": digest, "sources": [source]}
        self.heard.publish(topic("model/desired"), json.dumps({**wished, **more}).encode(), retain=True)

    def reports(self, revision: int | None) -> list[dict[str, Any]]:
        return [
            told for each in self.heard.on(topic("model/reported")) if (told := each.json())["revision"] == revision
        ]

    def wait_for(self, revision: int | None, *states: str) -> dict[str, Any]:
        def told() -> list[dict[str, Any]]:
            return [each for each in self.reports(revision) if each["state"] in (states or ENDS)]

        try:
            self.heard.wait_for(lambda _all: bool(told()), 30.0)
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
        it.heard.wait_for(lambda _all: "tiny 1.1" in models_seen(it.heard))
    assert contents(tmp_path) == ["current", "previous", "tiny-1.0", "tiny-1.1"]


def test_a_package_that_is_not_what_its_digest_says_is_refused(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        for blob in (tmp_path / "stick" / "new" / "blobs" / "sha256").iterdir():
            if blob.stat().st_size > 2000:
                blob.write_bytes(blob.read_bytes()[:-1] + b"!")
        it.wish(1, "1.1", source, digest)
        told = it.wait_for(1)
        assert told["state"] == "refused"
        assert "it was changed" in told["error"]
        assert contents(tmp_path) == ["current", "tiny-1.0"]


def test_a_broken_model_is_fetched_again_from_where_it_came_from(tmp_path: Path, broker: Mosquitto) -> None:
    with gate(tmp_path, broker) as it:
        source, digest = it.layout(write(tmp_path / "new", "1.1"))
        it.wish(1, "1.1", source, digest)
        it.wait_for(1, "active")
    shutil.rmtree(tmp_path / "models" / "tiny-1.0")
    (tmp_path / "models" / "previous").unlink()
    break_(tmp_path, "1.1")
    with running(tmp_path, tmp_path / "config.yaml", broker) as it:
        told = it.wait_for(1, "restored")
        assert (told["version"], told["digest"]) == ("1.1", digest)
        it.heard.wait_for_count(topic("detections"), 1)
        assert set(models_seen(it.heard)) == {"tiny 1.1"}
