"""Kills a daemon while it takes over a wished model, and measures how soon a broken one looks again.

python -m benchmarks.reconcile_kills [--kills 50] [--repairs 3]

The daemon, a real mosquitto and the shipped model in ever new versions; `kill -9` at random moments between the wish
and its end. After each kill every package in the folder is verified; after the next start nothing may be left. Then a
package is broken before a start: repaired from the one before, from a stick, and from docker-registry over TLS.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import MASKED, Daemon, edge_mask, topic, write_config, write_scene
from tests.packages.registry import USER, Registry

from edge_mask.packages.location import find_package
from edge_mask.packages.remote.build import build
from edge_mask.packages.store import Store

PATIENCE = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--repairs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "broker") as broker:
        bench = Bench(Path(folder), broker)
        bench.kill(arguments.kills, random.Random(arguments.seed))
        bench.repair(arguments.repairs)


class Bench:
    """One device, one stick, one registry."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        self.models, self.store = folder / "models", Store(folder / "models")
        self.registry = Registry(folder / "registry")
        self.made = 0
        self.revision = 0
        first = self.package()
        self.store.install(first)
        self.store.activate(f"mask-detector-{first.name}")
        packages = {
            "sources": [f"file://{folder}/stick/", self.registry.base], "trial": "1s",
            "username": USER, "password_file": str(self.registry.password_file), "ca": str(self.registry.ca),
        }  # fmt: skip
        camera = {"name": "front", "source": f"images:{write_scene(folder / 'scene', [MASKED, None])}", "loop": True}
        self.config = write_config(
            folder,
            broker.port,
            cameras=[{**camera, "interval": "0.05s"}],
            detector={"model": str(self.models / "current"), "threads": 2},
            fleet={"packages": packages},
            detections="all",
            snapshots={"dir": str(folder / "snapshots")},
        )

    def package(self) -> Path:
        """The shipped model under another version."""
        self.made += 1
        target = self.folder / "made" / f"2.0.{self.made}"
        shutil.copytree(find_package(), target)
        card = yaml.safe_load((target / "model.yaml").read_text())
        (target / "model.yaml").write_text(yaml.safe_dump({**card, "version": target.name}))
        return target

    def wish(self, heard: Subscriber, version: str, source: str, digest: str) -> None:
        self.revision += 1
        wished = {"revision": self.revision, "name": "mask-detector", "version": version, "digest": digest}
        heard.publish(topic("model/desired"), json.dumps({**wished, "sources": [source]}).encode(), retain=True)

    def on_stick(self) -> tuple[str, str, str]:
        """A new version there: version, source, digest."""
        package = self.package()
        place = self.folder / "stick" / package.name
        place.parent.mkdir(exist_ok=True)
        return package.name, f"file://{place}", build(package, place).digest

    def states(self, heard: Subscriber) -> list[str]:
        told = [each.json() for each in heard.on(topic("model/reported"))]
        return [each["state"] for each in told if each["revision"] == self.revision]

    # -- kills -------------------------------------------------------------------------------------------

    def kill(self, kills: int, chance: random.Random) -> None:
        """A wish is killed until it is active; then comes the next."""
        lasted = self.undisturbed()
        print(f"undisturbed, from the wish to active: {lasted:.1f} s", flush=True)
        done = half = left_at_kill = left_at_start = wishes = 0
        where: dict[str, int] = {}
        while done < kills:
            wished = self.on_stick()
            wishes += 1
            is_active, tries = False, 0
            while not is_active:
                with Subscriber(self.broker.port, "edge-mask/#") as heard, Daemon(self.config) as daemon:
                    if not tries:
                        self.wish(heard, *wished)
                    heard.wait_for(lambda _all: bool(self.states(heard)), PATIENCE)
                    tries += 1
                    if done < kills and tries < 5:
                        time.sleep(chance.uniform(0.0, lasted))
                        is_active = self.states(heard)[-1] == "active"
                        where[self.states(heard)[-1]] = where.get(self.states(heard)[-1], 0) + 1
                        daemon.process.kill()
                        daemon.wait()
                        done += 1
                        left_at_kill = max(left_at_kill, len(self.left()))
                    else:
                        heard.wait_for(lambda _all: "active" in self.states(heard), PATIENCE)
                        is_active = True
                        left_at_start += len(self.left())
                        assert daemon.stop() == 0
                half += sum(not self.store.holds(each.name) for each in self.models.glob("mask-detector-*"))
        print(f"{done} kills during {wishes} installations, while it was {where}")
        print(f"half-installed packages: {half}; most folders left by one kill: {left_at_kill}", end="; ")
        print(f"left once a wish was active: {left_at_start}", flush=True)

    def undisturbed(self) -> float:
        with Subscriber(self.broker.port, "edge-mask/#") as heard, Daemon(self.config) as daemon:
            heard.wait_for_count(topic("detections"), 1, PATIENCE)
            wished = self.on_stick()
            began = time.monotonic()
            self.wish(heard, *wished)
            heard.wait_for(lambda _all: "active" in self.states(heard), PATIENCE)
            lasted = time.monotonic() - began
            assert daemon.stop() == 0
        return lasted

    def left(self) -> list[str]:
        return [each.name for each in self.models.glob(".*")]

    # -- repairs -----------------------------------------------------------------------------------------

    def repair(self, rounds: int) -> None:
        print("a broken package at start, from the start of the process to its first look with a good one:")
        self.measure("from the one before it", rounds, self.prepare_previous)
        self.measure("from a stick", rounds, lambda: self.prepare_from(self.on_stick()))
        with self.registry:
            self.measure("from docker-registry, TLS and password", rounds, lambda: self.prepare_from(self.pushed()))

    def pushed(self) -> tuple[str, str, str]:
        version, source, digest = self.on_stick()
        target = f"{self.registry.base}/mask"
        layout = source.removeprefix("file://")
        done = edge_mask("package", "push", layout, target, "--config", self.config, cwd=self.folder)
        assert not done.code, done
        return version, target, digest

    def prepare_from(self, wished: tuple[str, str, str]) -> None:
        """It looks, and there is no way back."""
        self.prepare_previous(wished)
        (self.models / "previous").unlink()
        for each in self.models.glob("mask-detector-*"):
            if each.name != f"mask-detector-{wished[0]}":
                shutil.rmtree(each)

    def prepare_previous(self, wished: tuple[str, str, str] | None = None) -> None:
        with Subscriber(self.broker.port, "edge-mask/#") as heard, Daemon(self.config) as daemon:
            self.wish(heard, *(wished or self.on_stick()))
            heard.wait_for(lambda _all: "active" in self.states(heard), PATIENCE)
            assert daemon.stop() == 0

    def measure(self, what: str, rounds: int, prepare: Callable[[], object]) -> None:
        times, starts = [], []
        for _ in range(rounds):
            prepare()
            starts.append(self.first_look())
            for graph in (self.models / "current").resolve().glob("*.tflite"):
                graph.write_bytes(b"a bad sector")
            times.append(self.first_look())
        shown, usual = ", ".join(f"{each:.1f}" for each in times), statistics.median(starts)
        print(f"  {what}: {statistics.median(times):.1f} s ({shown}); a whole one: {usual:.1f} s")

    def first_look(self) -> float:
        began = time.monotonic()
        with Subscriber(self.broker.port, "edge-mask/#") as heard, Daemon(self.config) as daemon:
            heard.wait_for_count(topic("detections"), 1, PATIENCE)
            lasted = time.monotonic() - began
            assert daemon.stop() == 0
        return lasted


if __name__ == "__main__":
    main()
