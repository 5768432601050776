"""The whole way: built, signed, pushed into a registry, wished at a desk; the device fetches, tries and takes it."""

from pathlib import Path

import pytest
import yaml
from tests.broker import HOST, Mosquitto, Subscriber
from tests.control.test_models import write
from tests.end_to_end.daemon import Daemon, edge_mask, topic
from tests.end_to_end.test_broken_model_in_the_daemon import models_seen, site
from tests.packages.registry import PASSWORD, USER, Registry
from tests.packages.remote.parcels import write_keys

from edge_mask.packages.remote.address import parse
from edge_mask.packages.remote.build import build
from edge_mask.packages.remote.layout import beside
from edge_mask.packages.remote.push import push
from edge_mask.packages.remote.secret_key import read_secret_key, sign
from edge_mask.packages.remote.source import Access, Credentials, Effort, Limits

pytestmark = pytest.mark.broker


def ship(folder: Path, registry: Registry, version: str, key: Path) -> str:
    """Built, signed and pushed; its address."""
    layout = folder / f"out-{version}"
    made = build(write(folder / f"new-{version}", version), layout)
    beside(layout).write_text(sign(made.data, read_secret_key(key, str), ""))
    where = parse(f"{registry.base}/models/tiny:{version}")
    access = Access(credentials=Credentials(username=USER, password=PASSWORD), ca=registry.ca)
    push(layout, where, access, Effort(Limits()))
    return where.text


def test_a_signed_package_looks_in_the_end_and_one_of_another_key_does_not(tmp_path: Path, registry: Registry) -> None:
    ours, theirs = write_keys(tmp_path, "ours"), write_keys(tmp_path, "theirs")
    access = {
        "sources": [registry.base], "username": USER, "password_file": str(registry.password_file),
        "ca": str(registry.ca),
    }  # fmt: skip
    with Mosquitto(tmp_path / "broker") as broker:
        desk = tmp_path / "desk.yaml"
        desk.write_text(
            yaml.safe_dump(
                {
                    "device": {"thing_name": "desk"},
                    "mqtt": {"host": HOST, "port": broker.port},
                    "fleet": {"type": "analysis", "packages": access},
                    "outbox": {"path": str(tmp_path / "desk.db")},
                }
            )
        )
        good = ship(tmp_path, registry, "1.1", ours[0])
        evil = ship(tmp_path, registry, "1.2", theirs[0])
        packages = {**access, "keys": [str(ours[1])], "trial": "0.5s", "slower": 20}
        config = site(tmp_path, broker.port, "1.0", fleet={"packages": packages})
        wish = ("package", "deploy", "--thing", "gate-01", "--config", desk, "--wait", "90", "--source")
        with Subscriber(broker.port, "edge-mask/#") as heard, Daemon(config) as daemon:
            heard.wait_for_count(topic("detections"), 1)
            taken = edge_mask(*wish, good, cwd=tmp_path, timeout=100)
            states = [line.removeprefix("gate-01: ") for line in taken.out.splitlines()]
            assert (taken.code, states[1:]) == (0, ["pulling", "verifying", "trial", "active"]), taken
            heard.wait_for(lambda _all: "tiny 1.1" in models_seen(heard))
            refused = edge_mask(*wish, evil, cwd=tmp_path, timeout=100)
            assert refused.code == 1, refused
            assert "which is not one of ours" in refused.out
            assert daemon.stop() == 0
            assert "let me in" not in daemon.stderr
