"""What was wished from outside and kept is in force after a restart; what cannot be used is told, and nothing more."""

from pathlib import Path

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import THING, Daemon, edge_mask, write_config, write_readings

from edge_mask.settings.overlay import Overlay, keep, read_kept

pytestmark = pytest.mark.broker


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    readings = write_readings(tmp_path / "t.csv", [36.5])
    sensor = {"name": "forehead", "kind": "replay", "path": str(readings)}
    return write_config(tmp_path, broker.port, cameras=[], sensors=[sensor])


def test_a_kept_wish_is_in_force_and_labels_stand_in_the_status(config: Path, subscriber: Subscriber) -> None:
    place = config.parent / "edge-mask.db.overlay.json"
    wish = {"device": {"labels": {"name": "hall", "latitude": 37.57}}, "topics": {"temperature": "house/hall"}}
    keep(place, Overlay().changed(wish, "shadow"))
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    heard = subscriber.wait_for(lambda got: any(each.topic == "house/hall" for each in got))
    online = next(each for each in heard if each.topic == f"edge-mask/{THING}/status").json()
    assert online["labels"] == {"name": "hall", "latitude": 37.57}
    assert read_kept(place).version == 1
    checked = edge_mask("check", "--config", config, cwd=config.parent)
    assert f"overlay                ok       {place}, version 1" in checked.out


def test_a_broken_overlay_is_set_aside_and_told_and_never_stops_the_start(config: Path, subscriber: Subscriber) -> None:
    place = config.parent / "edge-mask.db.overlay.json"
    keep(place, Overlay({"gate": {"votes": 0}}, 3))
    sentence = f"{place}: gate.votes: found 0; allowed: a whole number from 1 to 100"
    checked = edge_mask("check", "--config", config, cwd=config.parent)
    assert f"overlay                warning  not in force: {sentence}" in checked.out
    assert place.exists()
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    assert not place.exists()
    assert read_kept(place.with_name(f"{place.name}.refused")).version == 3
    heard = subscriber.wait_for(lambda got: any(each.topic.endswith("/errors") for each in got))
    told = next(each for each in heard if each.topic.endswith("/errors")).json()
    assert (told["component"], told["code"], told["text"]) == ("configuration", "overlay_refused", sentence)
