"""The templates, rendered as Home Assistant renders them: right values, and never an error on what is missing."""

import json
from typing import Any

import pytest
from tests.homeassistant.home import UNKNOWN, Home
from tests.homeassistant.test_discovery import EVERYTHING, GATE

from edge_mask.homeassistant.discovery import announcement

ROOT = "edge-mask/gate-01"
STATE_TOPICS = ["status", "health", "visits", "looks", "alerts", "temperature", "humidity", "pressure", "soc"]


def home(site: Any = EVERYTHING) -> Home:
    return Home(announcement(site, "homeassistant").payload({}))


def say(to: Home, topic: str, /, **fields: Any) -> None:
    to.receive(f"{ROOT}/{topic}", json.dumps(fields).encode())


@pytest.mark.parametrize("payload", [b"", b"{}", b"null", b"[]", b"7", b'"text"', b"no JSON", b'{"late": true}'])
@pytest.mark.parametrize("site", [GATE, EVERYTHING], ids=["a gate", "everything"])
def test_no_template_fails_on_a_message_without_its_fields(site: Any, payload: bytes) -> None:
    it = home(site)
    for kind in STATE_TOPICS:
        it.receive(f"{ROOT}/{kind}", payload)
    assert {each.state for each in it.entities.values()} <= {UNKNOWN, ""}


@pytest.mark.parametrize("field", ["outbox", "visits_today", "cameras", "sensors"])
def test_a_part_of_the_figures_that_is_null_is_unknown(field: str) -> None:
    it = home()
    say(it, "health", **{field: None})
    assert it["outbox"].state == it["passed_today"].state == it["front_problem"].state == UNKNOWN


def test_everything_is_available_while_the_device_is_online_and_the_connection_always() -> None:
    it = home()
    assert it["connectivity"].is_available
    assert not it["outbox"].is_available
    say(it, "status", state="online")
    assert all(each.is_available for each in it.entities.values())
    say(it, "status", state="offline")
    assert [key for key, each in it.entities.items() if each.is_available] == ["connectivity"]
    assert it["connectivity"].state == "off"


def test_each_gate_shows_its_own_verdict() -> None:
    it = home()
    say(it, "visits", camera="front", verdict="pass")
    say(it, "visits", camera="back.door", verdict="no_pass", reasons=["fever"], temperature=38.7)
    assert it["front_verdict"].state == "pass"
    [key] = [key for key in it.entities if key.startswith("back_door") and key.endswith("_verdict")]
    assert it[key].state == "no_pass"
    assert [each["event_type"] for each in it["front_visit"].events] == ["pass"]
    [event] = it[key.replace("_verdict", "_visit")].events
    assert (event["event_type"], event["reasons"], event["temperature"]) == ("no_pass", ["fever"], 38.7)


def test_a_bare_face_rings_now_and_one_of_yesterday_does_not() -> None:
    it = home()
    say(it, "alerts", kind="no_mask", camera="hall", late=True)
    say(it, "alerts", kind="fever", camera="hall")
    say(it, "alerts", kind="no_mask", camera="hall")
    assert [each["event_type"] for each in it["alert"].events] == ["no_mask", "fever", "no_mask"]
    say(it, "looks", camera="hall", streak=9, late=True)
    say(it, "looks", camera="yard", streak=9)
    assert it["hall_no_mask"].state == UNKNOWN
    for streak, shown in ((5, "off"), (6, "on"), (70, "on"), (0, "off")):
        say(it, "looks", camera="hall", streak=streak)
        assert it["hall_no_mask"].state == shown


def test_an_alert_of_a_kind_that_comes_later_is_an_event_all_the_same() -> None:
    it = home()
    say(it, "alerts", kind="flood", text="water")
    assert it["alert"].events[0]["event_type"] == "other"


def test_a_reading_of_another_sensor_a_late_one_and_a_doubtful_one() -> None:
    it = home()
    say(it, "temperature", sensor="forehead", temperature=36.5, unit="C")
    say(it, "temperature", sensor="other", temperature=99)
    say(it, "temperature", sensor="forehead", temperature=20.0, late=True)
    assert it["sensor_forehead_temperature"].state == "36.5"
    say(it, "temperature", sensor="forehead", temperature=36.5, quality="stuck")
    assert it["sensor_forehead_temperature"].state == UNKNOWN


@pytest.mark.parametrize(
    ("state", "shown"), [("ok", "off"), ("ended", "off"), ("away", "on"), ("black", "on"), ("frozen", "on")]
)
def test_a_camera_that_is_away_is_a_problem(state: str, shown: str) -> None:
    it = home()
    say(it, "health", cameras={"front": {"state": state}})
    assert it["front_problem"].state == shown
    say(it, "health", cameras={"front": {"state": "opening"}})
    assert it["front_problem"].state == shown, "a camera that is being opened is neither"
