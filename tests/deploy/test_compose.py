"""compose.yaml, as far as it can be judged without the engine: what it names is there, and what it holds is kept."""

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.manifests import DEPLOY, ROOT, compose, with_secrets

from edge_mask.cli import main
from edge_mask.settings.load import parse

SERVICES = ("broker", "database", "sink", "grafana")
KEYS = {
    "image", "build", "restart", "user", "read_only", "cap_drop", "security_opt", "ports", "volumes", "healthcheck",
    "networks", "environment", "secrets", "command", "tmpfs", "stop_grace_period", "mem_limit", "depends_on",
    "shm_size",
}  # fmt: skip
"""Of the Compose Specification, those that stand in the file: an engine refuses unknown ones."""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make-secrets.sh` makes."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(folder, "gate-01")
    return folder


def make_secrets(folder: Path, *things: str, host: str = "127.0.0.1") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DEPLOY / "make-secrets.sh", *things], capture_output=True, text=True, check=True,
        env={**os.environ, "SECRETS": str(folder), "HOST": host},
    )  # fmt: skip


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Source and target of each volume."""
    found = [each.split(":") for each in service.get("volumes", ())]
    return [(source, target) for source, target, *_ in found]


def test_the_services_are_those_of_the_page_and_every_key_is_one_of_compose() -> None:
    found = compose()
    assert found.keys() == {"name", "services", "networks", "volumes", "secrets"}
    assert tuple(found["services"]) == SERVICES
    assert {key for service in found["services"].values() for key in service} <= KEYS


def test_no_image_changes_by_itself_and_no_service_has_more_rights_than_it_needs() -> None:
    for name, service in compose()["services"].items():
        assert re.search(r":\d+\.\d+(\.\d+)?(-[a-z]+)?$", service["image"]), name
        assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys()
        assert service["restart"] == "unless-stopped"
    for name in ("broker", "sink"):
        service = compose()["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_every_file_volume_network_and_secret_that_is_named_is_there(secrets: Path) -> None:
    found = compose()
    used: dict[str, set[str]] = {"volumes": set(), "networks": set(), "secrets": set()}
    for name, service in found["services"].items():
        for source, target in mounts(service):
            if source.startswith("./secrets/"):
                assert (secrets / source.removeprefix("./secrets/")).exists()
            elif source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name}: {source}"
            else:
                used["volumes"].add(source)
            assert target.startswith("/")
        used["networks"] |= set(service["networks"])
        used["secrets"] |= set(service.get("secrets", ()))
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            assert "healthcheck" in found["services"][other]
    for kind, names in used.items():
        assert names == set(found[kind]), kind
    for each in found["secrets"].values():
        assert (secrets / each["file"].removeprefix("./secrets/")).stat().st_size >= 24


def test_what_must_survive_lies_in_a_volume() -> None:
    kept = {name: [target for _, target in mounts(service)] for name, service in compose()["services"].items()}
    assert "/mosquitto/data" in kept["broker"]
    assert "persistence_location /mosquitto/data/" in (DEPLOY / "mosquitto.conf").read_text()
    assert "/var/lib/postgresql/data" in kept["database"]
    assert "/var/lib/grafana" in kept["grafana"]


def test_only_the_broker_and_on_this_machine_grafana_are_reached_from_outside() -> None:
    ports = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert ports == {"broker": ["8883:8883"], "grafana": ["127.0.0.1:3000:3000"]}
    assert compose()["networks"]["inside"] == {"internal": True}
    assert compose()["services"]["database"]["networks"] == ["inside"]


def test_the_sink_is_told_where_the_others_are(tmp_path: Path, secrets: Path) -> None:
    services = compose()["services"]
    sink = services["sink"]
    command, *options = sink["command"]
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert options == ["--config", dict(mounts(sink))["./sink.yaml"]]
    text = (DEPLOY / "sink.yaml").read_text()
    assert set(re.findall(r"/run/secrets/(\S+)", text)) == set(sink["secrets"])
    found = parse(with_secrets(text, tmp_path), "sink.yaml", {})
    assert found.mqtt.host in services
    assert found.sink is not None
    assert found.sink.database.rpartition("@")[2] == f"database/{services['database']['environment']['POSTGRES_DB']}"
    assert f"\n{found.mqtt.username}:" in f"\n{(secrets / 'broker/mosquitto.passwd').read_text()}"


def test_secrets_are_made_once_and_another_device_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder, "gate-01")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make_secrets(folder, "gate-01", "gate-02")
    passwords = folder / "broker/mosquitto.passwd"
    for path, content in before.items():
        assert path.read_bytes() == content or (path == passwords and passwords.read_bytes().startswith(content))
    names = [line.partition(":")[0] for line in passwords.read_text().splitlines()]
    assert names == ["sink", "desk", "gate-01", "gate-02"]
    assert (folder / "things/gate-02").read_text() not in passwords.read_text(), "the broker has hashes"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("thing", ["a b", "gate/01", "+", "#", "", "sink"])
def test_a_name_that_would_read_other_topics_is_refused(tmp_path: Path, thing: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        make_secrets(tmp_path / "secrets", thing)
    assert f'"{thing}" is' in refused.value.stderr
    assert not (tmp_path / "secrets").exists()


def test_no_secret_can_be_committed() -> None:
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_a_certificate_that_is_made_anew_is_of_the_authority_that_devices_have(tmp_path: Path) -> None:
    make_secrets(tmp_path, "gate-01")
    authority = (tmp_path / "ca.pem").read_text()
    (tmp_path / "broker" / "broker.pem").unlink()
    make_secrets(tmp_path, host="2001:db8::1")
    assert (tmp_path / "ca.pem").read_text() == authority
    certificate = str(tmp_path / "broker" / "broker.pem")
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", str(tmp_path / "ca.pem"), "-verify_ip", "2001:db8::1", certificate],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("host", ["a b", "broker.example.com:8883", "127.0.0.1:8883", "broker/x", "[::1]"])
def test_a_host_that_is_none_is_a_sentence_and_makes_nothing(tmp_path: Path, host: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        make_secrets(tmp_path / "secrets", "gate-01", host=host)
    assert f'HOST: "{host}" is no name or address of a machine' in raised.value.stderr
    assert not (tmp_path / "secrets").exists()
