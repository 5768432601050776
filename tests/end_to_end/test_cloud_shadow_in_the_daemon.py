"""Wishes through the named shadow, and what was seen in the classic one, against a service that behaves as AWS's."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber, Wire
from tests.control.cloud_service import CloudService
from tests.control.test_models import write
from tests.end_to_end.daemon import BARE, Daemon, write_config, write_model, write_readings, write_scene

from edge_mask.packages.store import Store
from edge_mask.settings.overlay import read_kept

pytestmark = pytest.mark.broker

SLOW = {"config": {"health": {"interval": "70s"}}}


@pytest.fixture
def service(broker: Mosquitto) -> Iterator[CloudService]:
    with CloudService(broker.port) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    return site(tmp_path, broker.port)


def site(folder: Path, port: int, **changes: Any) -> Path:
    readings = write_readings(folder / "t.csv", [38.25, 36.5, 36.75], every=0.2)
    sensor = {"name": "forehead", "kind": "replay", "path": str(readings), "loop": True}
    changes = {"cameras": [], "sensors": [sensor], "aws": {"shadow": True}, **changes}
    return write_config(folder, port, **changes)


def overlay(config: Path) -> Any:
    return dict(read_kept(config.parent / "edge-mask.db.overlay.json").config)


def reports(service: CloudService, **wanted: Any) -> dict[str, Any]:
    """Wait until the named shadow reports this."""
    service.wait_for(lambda cloud: all(cloud.wishes.reported.get(key) == value for key, value in wanted.items()))
    return service.wishes.reported


def test_what_was_wished_while_it_was_away_is_applied_and_kept_and_taken_back_by_null(
    config: Path, service: CloudService
) -> None:
    service.desire(SLOW)
    with Daemon(config) as daemon:
        reported = reports(service, **SLOW)
        assert (reported["config_version"], reported["version"], "rejected" in reported) == (1, "0.1.0", False)
        assert daemon.stop() == 0
    before = config.read_bytes()
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: len(cloud.asked("edge-mask/get")) >= 3)
        service.desire({"config": {"health": {"interval": None}}})
        reports(service, config=None, config_version=2)
        assert overlay(config) == {}
        assert daemon.stop() == 0
    assert config.read_bytes() == before


FORBIDDEN = {
    "mqtt": {"host": "elsewhere"}, "aws": {"shadow": False}, "web": {"enabled": True},
    "device": {"thing_name": "x"}, "outbox": {"path": "x"},
}  # fmt: skip


def test_what_would_cut_the_device_off_is_refused_and_does_not_come_again_not_even_after_a_restart(
    config: Path, service: CloudService
) -> None:
    version = service.desire({"config": {**FORBIDDEN, **SLOW["config"]}})
    for _ in range(2):
        service.requests.clear()
        with Daemon(config) as daemon:
            service.wait_for(lambda cloud: "rejected" in cloud.wishes.reported)
            service.wait_for(lambda cloud: cloud.asked("update"))
            assert daemon.stop() == 0
    rejected = service.wishes.reported["rejected"]
    assert (rejected["version"], rejected["key"]) == (version, "mqtt")
    for key in ("mqtt", "aws", "web", "device.thing_name", "outbox.path"):
        assert f"{key}: cannot be set from outside" in rejected["text"]
    assert daemon.stderr.count("is refused") == 1
    assert overlay(config) == {}
    with Daemon(config) as daemon:
        service.desire({"config": dict.fromkeys(FORBIDDEN)})
        reports(service, rejected=None, **SLOW)
        assert daemon.stop() == 0


def test_a_house_that_cannot_be_built_is_rolled_back_and_another_wish_comes_through(
    tmp_path: Path, broker: Mosquitto, service: CloudService
) -> None:
    write_model(tmp_path)
    camera = {"name": "front", "source": f"images:{write_scene(tmp_path / 'scene', [BARE])}", "loop": True}
    config = site(tmp_path, broker.port, cameras=[camera], sensors=[])
    service.desire({"config": {"detector": {"model": "models/no-such-model"}}})
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: "rejected" in cloud.wishes.reported)
        assert "no such model package" in service.wishes.reported["rejected"]["text"]
        service.desire({"config": {"detector": None, **SLOW["config"]}})
        reported = reports(service, rejected=None, **SLOW)
        assert reported["model"] == {"name": "tiny", "version": "1.0.0"}
        assert daemon.stop() == 0


def test_a_wished_model_looks_and_one_that_is_not_installed_is_refused(
    tmp_path: Path, broker: Mosquitto, service: CloudService
) -> None:
    store = Store(tmp_path / "models")
    for version in ("1.0", "1.1"):
        store.install(write(tmp_path / version, version))
    camera = {"name": "front", "source": f"images:{write_scene(tmp_path / 'scene', [BARE])}", "loop": True}
    detector = {"model": str(tmp_path / "models" / "tiny-1.0"), "threads": 1}
    config = site(tmp_path, broker.port, cameras=[camera], sensors=[], detector=detector)
    service.desire({"model": {"name": "tiny", "version": "1.1"}})
    with Daemon(config) as daemon:
        reports(service, model={"name": "tiny", "version": "1.1"})
        service.desire({"model": {"version": "9.9"}})
        service.wait_for(lambda cloud: "rejected" in cloud.wishes.reported)
        rejected = service.wishes.reported["rejected"]
        assert (rejected["key"], "tiny 9.9: is not installed" in rejected["text"]) == ("model", True)
        assert service.wishes.reported["model"] == {"name": "tiny", "version": "1.1"}
        assert daemon.stop() == 0


def test_a_storm_of_a_hundred_wishes_ends_with_the_last_one(config: Path, service: CloudService) -> None:
    with Daemon(config) as daemon:
        reports(service, config_version=0)
        for seconds in range(100, 200):
            service.desire({"config": {"health": {"interval": f"{seconds}s"}}})
        reported = reports(service, config={"health": {"interval": "199s"}})
        assert reported["config_version"] <= 5
        assert daemon.stop() == 0


def test_version_conflicts_converge(config: Path, service: CloudService) -> None:
    service.fail("edge-mask/update", 409, 429)
    service.desire(SLOW)
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: cloud.wishes.reported.get("config") == SLOW["config"], 60.0)
        assert daemon.stop() == 0


def test_garbage_on_the_topics_of_the_shadow_never_takes_the_house_down(config: Path, service: CloudService) -> None:
    with Daemon(config) as daemon:
        reports(service, config_version=0)
        nests = b"[" * 100_000
        for garbage in (
            b"",
            b"{",
            b"null",
            b"\xff",
            nests,
            b"9" * 131_000,
            b"x" * 300_000,
            b'{"current": {"version": 1}}',
        ):
            for topic in ("get/accepted", "get/rejected", "update/documents", "update/rejected", "delete/rejected"):
                service.say(f"shadow/name/edge-mask/{topic}", garbage)
            service.say("shadow/update/rejected", garbage)
        service.desire(SLOW)
        reports(service, **SLOW)
        assert daemon.stop() == 0
    assert "failed" not in daemon.stderr


def test_a_wish_from_while_the_line_was_cut_is_applied_when_it_is_mended(
    tmp_path: Path, broker: Mosquitto, service: CloudService
) -> None:
    with Wire(broker.port) as wire:
        config = site(tmp_path, wire.port)
        with Daemon(config) as daemon:
            reports(service, config_version=0)
            seen = service.wishes.reported
            wire.cut()
            for seconds in (80, 90):
                service.desire({"config": {"health": {"interval": f"{seconds}s"}}})
            assert service.wishes.reported == seen  # what it said last is still there
            wire.mend()
            reports(service, config={"health": {"interval": "90s"}}, config_version=1)
            assert daemon.stop() == 0


def test_a_process_killed_while_it_takes_a_wish_over_takes_it_over_again(config: Path, service: CloudService) -> None:
    service.desire(SLOW)
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: cloud.asked("edge-mask/get"))
        daemon.send(signal.SIGKILL)
        daemon.wait()
    with Daemon(config) as daemon:
        reports(service, **SLOW)
        assert daemon.stop() == 0


def test_what_was_seen_is_in_the_classic_shadow_and_survives_the_connection(
    config: Path, service: CloudService, subscriber: Subscriber
) -> None:
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: cloud.shadow().reported.get("highest") == {"temperature": 38.25})
        subscriber.wait_for_count("edge-mask/gate-01/temperature", 3)
        assert daemon.stop() == 0
    assert service.shadow().reported["sensors"]["forehead"]["highest"] == 38.25
    service.shadow().state.clear()  # the cloud lost it
    with Daemon(config) as daemon:
        service.wait_for(lambda cloud: cloud.shadow().reported)  # all of it, uploads of the last run included
        assert set(service.shadow().reported) == {"sensors", "highest", "uploaded_at"}
        assert daemon.stop() == 0


def test_without_aws_nothing_is_said_to_a_shadow_and_nothing_of_it_is_imported(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    config = site(tmp_path, broker.port, aws={})
    with Subscriber(broker.port, "$aws/#") as listener, Daemon(config) as daemon:
        subscriber.wait_for(lambda got: any(each.topic.endswith("/temperature") for each in got))
        maps = [thread.read_text() for thread in Path(f"/proc/{daemon.process.pid}/task").glob("*/comm")]
        assert daemon.stop() == 0
        assert listener.messages == []
    assert not any("cloud" in name for name in maps)
    assert json.loads(subscriber.messages[0].payload)
