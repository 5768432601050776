"""A package on its way, through a real registry with TLS and a password: python -m benchmarks.packages

The shipped model is built, signed, pushed and pulled; then a large file, to see that nothing grows with it; then a
device whose packages are all broken gets a fresh copy from the registry. docker-registry, mosquitto and minisign have
to be installed.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.broker import Mosquitto, Subscriber
from tests.control.test_models import write
from tests.end_to_end.daemon import Daemon, topic
from tests.end_to_end.test_broken_model_in_the_daemon import break_, site
from tests.packages.registry import PASSWORD, USER, Registry
from tests.packages.remote.parcels import write_keys

from edge_mask.packages.location import find_package
from edge_mask.packages.remote.address import parse
from edge_mask.packages.remote.build import build
from edge_mask.packages.remote.layout import beside, place
from edge_mask.packages.remote.manifest import EMPTY, File, Manifest, digest_of
from edge_mask.packages.remote.manifest import write as write_manifest
from edge_mask.packages.remote.pull import pull
from edge_mask.packages.remote.push import push
from edge_mask.packages.remote.secret_key import read_secret_key, sign
from edge_mask.packages.remote.signature import read_key
from edge_mask.packages.remote.source import Access, Cancelled, Credentials, Effort, Limits

T = TypeVar("T")
KNOWN = Credentials(username=USER, password=PASSWORD)
LARGE = 200_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, Registry(Path(name) / "registry") as registry:
        folder = Path(name)
        of_the_shipped_model(folder, registry, rounds)
        of_a_large_file(folder, registry)
        of_a_device(folder, registry)


def of_the_shipped_model(folder: Path, registry: Registry, rounds: int) -> None:
    package, layout, keys = find_package(), folder / "mask", write_keys(folder)
    took, made = timed(lambda: build(package, layout))
    print(f"build and verify {made.name} {made.version} ({made.size / 1e6:.1f} MB): {took * 1000:.0f} ms")
    key, public = read_secret_key(keys[0], str), read_key(keys[1])
    took, text = timed(lambda: sign(made.data, key, ""))
    beside(layout).write_text(text)
    print(f"sign: {took * 1000:.0f} ms")
    took, done = timed(lambda: put(registry, layout, "mask"))
    again, _ = timed(lambda: put(registry, layout, "mask"))
    print(f"push: {took * 1000:.0f} ms, {done} blobs; once more: {again * 1000:.0f} ms")
    times = []
    for number in range(rounds):
        into = folder / f"into{number}"
        took, _ = timed(
            lambda into=into: pull(  # type: ignore[misc]  # a lambda with a default
                [f"{registry.base}/mask"], made.digest, into, credentials=KNOWN, ca=registry.ca, keys=[public]
            )
        )
        times.append(took * 1000)
    print(f"pull, with the signature: median {statistics.median(times):.0f} ms of {rounds}, most {max(times):.0f} ms")


def put(registry: Registry, layout: Path, name: str) -> int:
    access = Access(credentials=KNOWN, ca=registry.ca)
    return push(layout, parse(f"{registry.base}/{name}"), access, Effort(Limits())).sent


def of_a_large_file(folder: Path, registry: Registry) -> None:
    layout = folder / "large"
    made = write_large(layout)
    put(registry, layout, "large")
    shutil.rmtree(layout)
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom edge_mask.packages.remote.pull import pull\n"
        "from edge_mask.packages.remote.source import Credentials\n"
        "def peak(): return int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
        "before, began = peak(), time.perf_counter()\n"
        f"pull(['{registry.base}/large'], '{made.digest}', Path(sys.argv[1]), ca=Path('{registry.ca}'),"
        f" credentials=Credentials(username='{USER}', password='{PASSWORD}'))\n"
        "print(time.perf_counter() - began, peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder / "large-in"], capture_output=True, text=True, check=True, timeout=300
    )
    seconds, grown = map(float, done.stdout.split())
    print(f"pull {LARGE / 1e6:.0f} MB: {LARGE / 1e6 / seconds:.0f} MB/s, memory +{grown / 1024:.1f} MiB")
    print(f"stop in the middle of it: {stopped(folder, registry, made) * 1000:.0f} ms")


def write_large(layout: Path) -> Manifest:
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    data = resource.getpagesize().to_bytes(4, "little") * (LARGE // 4)
    made = write_manifest([File("model.tflite", digest_of(data), len(data))], name="large", version="1")
    for blob in (data, made.data, EMPTY):
        (layout / place(digest_of(blob))).write_bytes(blob)
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": made.digest}]}))
    return made


def stopped(folder: Path, registry: Registry, made: Manifest) -> float:
    stop, ended = threading.Event(), threading.Event()
    into = folder / "stopped"

    def asking() -> None:
        try:
            pull([f"{registry.base}/large"], made.digest, into, credentials=KNOWN, ca=registry.ca, stop=stop)
        except Cancelled:
            ended.set()

    thread = threading.Thread(target=asking)
    thread.start()
    while not any(into.glob(".*")):
        time.sleep(0.001)
    began = time.perf_counter()
    stop.set()
    thread.join()
    assert ended.is_set(), "it was faster than this"
    return time.perf_counter() - began


def of_a_device(folder: Path, registry: Registry) -> None:
    home = folder / "device"
    home.mkdir()
    made = build(write(home / "new", "1.1"), home / "layout")
    put(registry, home / "layout", "tiny")
    access = {"username": USER, "password_file": str(registry.password_file), "ca": str(registry.ca)}
    packages = {**access, "sources": [registry.base], "trial": "0.5s", "slower": 20}
    wish = {"revision": 1, "name": "tiny", "version": "1.1", "digest": made.digest}
    with Mosquitto(home / "broker") as broker, Subscriber(broker.port, "edge-mask/#") as heard:
        config = site(home, broker.port, "1.0", fleet={"packages": packages})
        with Daemon(config) as daemon:
            began = time.perf_counter()
            heard.publish(
                topic("model/desired"), json.dumps({**wish, "sources": [f"{registry.base}/tiny"]}).encode(), retain=True
            )
            wait_for(heard, "active")
            print(f"device: from the wish until it is active (trial 0.5 s): {time.perf_counter() - began:.1f} s")
            daemon.stop()
        shutil.rmtree(home / "models" / "tiny-1.0")
        (home / "models" / "previous").unlink()
        break_(home, "1.1")
        began = time.perf_counter()
        with Daemon(config) as daemon:
            wait_for(heard, "restored")
            print(
                f"device: started with nothing but a broken package until restored: {time.perf_counter() - began:.1f} s"
            )
            daemon.stop()


def wait_for(heard: Subscriber, state: str) -> None:
    heard.wait_for(
        lambda got: any(
            each.topic.endswith("model/reported") and each.payload and each.json()["state"] == state for each in got
        ),
        60.0,
    )


def timed(action: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main()
