"""The announcement: only what Home Assistant documents, and ids that stay."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.homeassistant.home import check

from edge_mask.homeassistant.discovery import announcement
from edge_mask.homeassistant.site import Meter, Site, slug
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics

TOPICS = Topics("edge-mask/{thing}", "gate-01")
GATE = Site(
    thing="gate-01",
    name="North door",
    software="0.1.0",
    model="mask-detector 1.7.1",
    topic_of=TOPICS.of,
    gates=("front",),
    meters=(Meter(sensor="forehead", quantity="temperature", unit="C", interval=Seconds(2.0)),),
)
EVERYTHING = replace(
    GATE,
    gates=("front", "back.door"),
    rooms=("hall",),
    meters=(
        *GATE.meters,
        Meter(sensor="hall", quantity="humidity", unit="%", interval=Seconds(60.0)),
        Meter(sensor="hall", quantity="pressure", unit="kgf/cm2", interval=Seconds(120.0)),
        Meter(sensor="pi", quantity="soc", unit="C", interval=Seconds(30.0)),
    ),
    takes_commands=True,
)


def payload(site: Site, **gone: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(announcement(site, "homeassistant").payload(gone))
    return found


@pytest.mark.parametrize("site", [GATE, EVERYTHING], ids=["a gate", "everything"])
def test_home_assistant_takes_every_component(site: Site) -> None:
    check(payload(site))


def test_a_key_that_home_assistant_does_not_know_is_noticed() -> None:
    """What the test above relies on."""
    announced = payload(GATE)
    announced["components"]["outbox"]["state_tpoic"] = "x"
    with pytest.raises(AssertionError, match="state_tpoic"):
        check(announced)


def test_the_ids_of_a_gate_stay_as_they_are() -> None:
    """Home Assistant would make new entities for new ids, and people would lose their history and dashboards."""
    announced = payload(GATE)
    assert announcement(GATE, "homeassistant").topic == "homeassistant/device/edge-mask-gate-01/config"
    assert announced["device"]["identifiers"] == ["edge-mask-gate-01"]
    assert {key: each["unique_id"] for key, each in announced["components"].items()} == {
        "connectivity": "edge-mask-gate-01-connectivity",
        "alert": "edge-mask-gate-01-alert",
        "outbox": "edge-mask-gate-01-outbox",
        "soc_temperature": "edge-mask-gate-01-soc_temperature",
        "fps": "edge-mask-gate-01-fps",
        "passed_today": "edge-mask-gate-01-passed_today",
        "refused_today": "edge-mask-gate-01-refused_today",
        "front_verdict": "edge-mask-gate-01-front_verdict",
        "front_visit": "edge-mask-gate-01-front_visit",
        "front_problem": "edge-mask-gate-01-front_problem",
        "sensor_forehead_temperature": "edge-mask-gate-01-sensor_forehead_temperature",
        "sensor_forehead_problem": "edge-mask-gate-01-sensor_forehead_problem",
    }


@pytest.mark.parametrize("thing", ["gate-01", "site:gate:01", "site_gate_01", "x" * 128])
def test_the_topic_has_only_characters_that_home_assistant_allows(thing: str) -> None:
    topic = announcement(replace(GATE, thing=thing), "homeassistant").topic
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)


def test_two_names_never_share_an_id() -> None:
    names = ["hall.1", "hall_1", "hall-1", "hall 1"]
    assert len({slug(name) for name in names}) == len(names)


def test_renamed_topics_are_followed() -> None:
    topics = Topics("door", "gate-01", {"temperature": "kf99/topic", "status": "kf99/{thing}/up"})
    components = payload(replace(GATE, topic_of=topics.of))["components"]
    assert components["sensor_forehead_temperature"]["state_topic"] == "kf99/topic"
    assert components["front_verdict"]["state_topic"] == "door/visits"
    assert components["outbox"]["availability"][0]["topic"] == "kf99/gate-01/up"


def test_a_unit_that_home_assistant_does_not_know_for_a_class_stands_alone() -> None:
    components = payload(EVERYTHING)["components"]
    assert components["sensor_hall_pressure"]["unit_of_measurement"] == "kgf/cm2"
    assert "device_class" not in components["sensor_hall_pressure"]
    assert components["sensor_pi_soc"]["device_class"] == "temperature"


def test_what_is_gone_is_announced_by_its_platform_alone_and_what_is_there_is_not_lost() -> None:
    announced = payload(GATE, old_camera_verdict="sensor", outbox="sensor")
    check(announced)
    assert announced["components"]["old_camera_verdict"] == {"platform": "sensor"}
    assert len(announced["components"]["outbox"]) > 1


def test_the_largest_device_fits_into_a_message_of_aws_iot() -> None:
    meters = tuple(
        Meter(sensor=f"sensor-with-a-long-name-{n}", quantity="temperature", unit="C", interval=Seconds(1.0))
        for n in range(60)
    )
    cameras = tuple(f"camera-with-a-long-name-{n}" for n in range(8))
    made = announcement(replace(EVERYTHING, meters=meters, gates=cameras), "homeassistant")
    assert len(made.payload({})) < 128 * 1024
