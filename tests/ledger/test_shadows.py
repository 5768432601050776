"""Shadows: merging as AWS documents it, and keeping them over restarts, damage and faults."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.rows import BOOT, older

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.shadows import MOST, Shadows
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Look, Outcome, Quality, Reading, Receipt, Visit
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Entry
from edge_mask.recording.recorder import Recorder
from edge_mask.recording.shadow_updates import reported_by
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.shadow import Shadow, ShadowTopic, UpdateRefused, difference, parse_topic, updated
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

NOW = Moment(Seconds(5.0), Unix(1_700_000_000.0), True)
GATE = ShadowTopic("gate-01", None, "update")


def merged(*requests: Any) -> Shadow:
    shadow = None
    for number, request in enumerate(requests):
        shadow = updated(shadow, request, 100 + number)
    assert shadow is not None
    return shadow


def test_an_update_merges_objects_and_replaces_everything_else() -> None:
    shadow = merged(
        {"state": {"reported": {"lamp": {"on": True, "colour": [1, 2]}, "armed": True}}},
        {"state": {"reported": {"lamp": {"colour": [3]}, "armed": {"by": "guard"}}}},
    )
    assert shadow.state == {"reported": {"lamp": {"on": True, "colour": [3]}, "armed": {"by": "guard"}}}
    assert shadow.metadata["reported"] == {
        "lamp": {"on": {"timestamp": 100}, "colour": [{"timestamp": 101}]}, "armed": {"by": {"timestamp": 101}},
    }  # fmt: skip
    assert shadow.version == 2


def test_null_removes_a_key_or_a_whole_state() -> None:
    shadow = merged(
        {"state": {"reported": {"a": 1, "b": {"c": 2, "d": 3}}, "desired": {"a": 2}}},
        {"state": {"reported": {"a": None, "b": {"c": None}}, "desired": None}},
    )
    assert shadow.state == {"reported": {"b": {"d": 3}}}
    assert shadow.metadata == {"reported": {"b": {"d": {"timestamp": 100}}}}


def test_a_reader_sees_what_is_desired_and_not_reported() -> None:
    shadow = merged({"state": {"desired": {"armed": True, "x": {"y": 1, "z": 2}}, "reported": {"x": {"y": 1}}}})
    document = shadow.document(500)
    assert document is not None
    assert document["state"]["delta"] == {"armed": True, "x": {"z": 2}}
    assert (document["version"], document["timestamp"]) == (1, 500)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ([], "expected"),
        ({"reported": {}}, "expected"),
        ({"state": {"repotred": {}}}, "unknown state 'repotred'"),
        ({"state": {"reported": 5}}, "reported is not an object"),
        ({"state": {}, "stat": 1}, "unknown key 'stat'"),
        ({"state": {"reported": {}}, "version": 7}, "for version 7, the shadow has 1"),
        ({"state": {"reported": {"a": [[[[[[[[1]]]]]]]]}}}, "nested deeper than 8"),
        ({"state": {"reported": {"a": "x" * 9000}}}, "larger than 8192 bytes"),
    ],
)
def test_an_update_that_a_shadow_cannot_take_is_refused_and_changes_nothing(request_: Any, sentence: str) -> None:
    shadows = Shadows()
    shadows.update("gate-01", None, {"state": {"reported": {"armed": True}}}, 100)
    with pytest.raises(UpdateRefused, match=sentence):
        shadows.apply(GATE, json.dumps(request_).encode(), 200)
    document = shadows.get("gate-01", None, 300)
    assert document is not None
    assert (document["state"], document["version"]) == ({"reported": {"armed": True}}, 1)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{", b"[" * 500 + b"]" * 500])
def test_an_update_that_is_no_json_is_refused(payload: bytes) -> None:
    with pytest.raises(UpdateRefused):
        Shadows().apply(GATE, payload, 1)


def test_a_rule_cannot_fill_the_memory_with_shadows() -> None:
    shadows = Shadows()
    for number in range(MOST):
        shadows.update(f"t{number}", None, {"state": {"reported": {"a": 1}}}, 1)
    with pytest.raises(UpdateRefused, match="100 shadows already"):
        shadows.update("one-more", None, {"state": {"reported": {"a": 1}}}, 1)
    shadows.update("t5", None, {"state": {"reported": {"a": 2}}}, 1)


def test_a_deleted_shadow_is_gone_and_its_version_goes_on() -> None:
    shadows = Shadows()
    shadows.update("a", "lamp", {"state": {"reported": {"on": True}}}, 1)
    shadows.apply(ShadowTopic("a", "lamp", "delete"), b"", 2)
    assert shadows.get("a", "lamp", 3) is None
    shadows.update("a", "lamp", {"state": {"reported": {"off": True}}}, 4)
    document = shadows.get("a", "lamp", 5)
    assert document is not None
    assert (document["version"], document["state"]) == (3, {"reported": {"off": True}})


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("$aws/things/gate-01/shadow/update", GATE),
        ("$aws/things/a/shadow/name/lamp/delete", ShadowTopic("a", "lamp", "delete")),
        ("$aws/things/a/shadow/update/accepted", None),
        ("$aws/things/a/shadow/get", None),
        ("$aws/things/a b/shadow/update", None),
        ("things/a/shadow/update", None),
    ],
)
def test_the_topics_of_shadow_requests(topic: str, expected: ShadowTopic | None) -> None:
    assert parse_topic(topic) == expected


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger(tmp_path / "db", Bounds(), "boot")
    found.open()
    yield found
    found.close()


def test_a_shadow_is_there_again_after_a_restart_with_every_digit(ledger: Ledger, tmp_path: Path) -> None:
    request = b'{"state": {"reported": {"n": 0.1234567890123456789, "big": 12345678901234567890}}}'
    ledger.shadows.apply(GATE, request, 1)
    waits = ledger.shadows.is_dirty
    ledger.commit(Batch(), NOW)
    assert (waits, ledger.shadows.is_dirty) == (True, False)
    before = ledger.shadows.get("gate-01", None, 5)
    ledger.close()
    again = Ledger(tmp_path / "db", Bounds(), "boot2")
    again.open()
    assert again.shadows.get("gate-01", None, 5) == before
    assert not again.shadows.is_dirty
    again.close()


def test_a_shadow_that_was_not_committed_is_written_at_the_stop(ledger: Ledger, tmp_path: Path) -> None:
    ledger.shadows.update("gate-01", None, {"state": {"reported": {"a": 1}}}, 1)
    ledger.close()
    assert Reader(tmp_path / "db").shadows()["gate-01"].state == {"reported": {"a": 1}}


def test_at_the_stop_a_shadow_does_not_outlive_the_events_that_changed_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.commit(Batch(), NOW)
    clock, mailbox = SystemClock(), Mailbox[Entry](10)
    intake = Intake(
        thing="gate-01", topics=Topics("t", "gate-01"), sequences=ledger.sequences, shadows=ledger.shadows,
        boot="boot", new_id=IdMaker().make,
    )  # fmt: skip
    recorder = Recorder(ledger, intake, mailbox, clock)
    recorder._take(intake.admit(Reading("hall", "temperature", 36.5, "C", NOW)))
    recorder.end()
    assert Reader(tmp_path / "db").shadows() == {}


def test_a_file_opened_again_gets_the_shadows_that_it_lacks(ledger: Ledger, tmp_path: Path) -> None:
    ledger.shadows.update("gate-01", None, {"state": {"reported": {"a": 1}}}, 1)
    ledger.commit(Batch(), NOW)
    with sqlite3.connect(tmp_path / "db") as other:
        other.execute("DELETE FROM shadows")
    other.close()
    ledger.file.reopen()
    ledger.commit(Batch(), NOW)
    assert "gate-01" in Reader(tmp_path / "db").shadows()


def test_a_row_that_makes_no_sense_does_not_keep_the_daemon_from_starting(ledger: Ledger, tmp_path: Path) -> None:
    ledger.close()
    with sqlite3.connect(tmp_path / "db") as other:
        whole = '{"version": %s, "state": %s, "metadata": {}, "exists": true}'
        rows = [("a", "{"), ("b", "5"), ("c", '{"version": 1}'), ("d", whole % ("1e99999", "{}")),
                ("e", whole % (1, '{"reported": 5}')), ("f", "[" * 2000 + "]" * 2000)]  # fmt: skip
        other.executemany("INSERT INTO shadows VALUES (?, ?)", rows)
    other.close()
    ledger.open()
    assert ledger.shadows.get("a", None, 1) is None
    assert Reader(tmp_path / "db").shadows() == {}


@pytest.mark.usefixtures("ledger")
def test_a_database_of_the_first_version_gets_the_table(tmp_path: Path) -> None:
    older(tmp_path / "db", tmp_path / "old", 1)
    with closing(Ledger(tmp_path / "old", Bounds(), BOOT)) as found:
        found.open()
        found.shadows.update("a", None, {"state": {"reported": {"a": 1}}}, 1)
        found.commit(Batch(), NOW)


def test_the_device_reports_its_last_state_and_the_highest_value() -> None:
    reported: dict[str, Any] = {}
    shadows = Shadows()
    events: list[Event] = [
        Reading("hall", "temperature", 36.5, "C", NOW),
        Reading("hall", "temperature", 38.1, "C", NOW),
        Reading("hall", "temperature", 99.0, "C", NOW, Quality.OUT_OF_RANGE),
        Reading("hall", "temperature", 36.0, "C", NOW),
        Visit(at=NOW, camera="gate", verdict="no_pass", mask="no_mask", mask_score=0.9, temperature=36.0),
        Visit(at=NOW, camera="gate", verdict="no_pass", mask=None, mask_score=None, temperature=None),
        Look(at=NOW, camera="room", faces=3, no_mask=1, streak=2),
        Alert(at=NOW, kind="fever", text="38.1 C", sensor="hall"),
    ]
    for event in events:
        patch = reported_by(event, reported)
        shadows.update("gate-01", None, {"state": {"reported": patch}}, 1)
        reported = shadows.reported("gate-01")
    at = "2023-11-14T22:13:20.000Z"
    assert reported == {
        "sensors": {"hall": {"temperature": 36.0, "unit": "C", "quality": "good", "at": at, "highest": 38.1}},
        "highest": {"temperature": 38.1},
        "cameras": {
            "gate": {"visit": {"verdict": "no_pass", "at": at}},
            "room": {"look": {"faces": 3, "no_mask": 1, "streak": 2, "at": at}},
        },
        "alert": {"kind": "fever", "text": "38.1 C", "sensor": "hall", "at": at},
    }


@pytest.mark.parametrize(
    "written",
    [
        {"sensors": 5}, {"sensors": {"hall": "warm"}}, {"sensors": {"hall": {"highest": "warm"}}},
        {"sensors": {"hall": {"highest": True}}}, {"sensors": [1]},
    ],
)  # fmt: skip
def test_what_a_rule_wrote_to_the_own_shadow_cannot_stop_the_recorder(written: Any) -> None:
    patch = reported_by(Reading("hall", "temperature", 0.5, "C", NOW), written)
    assert patch is not None
    assert patch["sensors"]["hall"]["highest"] == 0.5


def test_the_shadow_holds_the_numbers_of_the_messages() -> None:
    readings = (Reading("hall", "temperature", np.float64(36.444444), "C", NOW),
                Reading("hall", "distance", 0.123456789, "m", NOW))  # fmt: skip
    kept = [reported_by(each, {}) for each in readings]
    assert [each and each["sensors"]["hall"]["highest"] for each in kept] == [36.44, 0.1234568]
    nothing = reported_by(Reading("hall", "temperature", float("nan"), "C", NOW), {})
    assert nothing is not None
    assert (nothing["sensors"]["hall"]["temperature"], "highest" in nothing["sensors"]["hall"]) == (None, False)
    seen = reported_by(Visit(at=NOW, camera="gate", verdict="pass", mask="mask", mask_score=1, temperature=36.666), {})
    assert seen is not None
    assert seen["cameras"]["gate"]["visit"]["temperature"] == 36.67


@pytest.mark.parametrize(
    ("desired", "reported", "is_same"),
    [(True, 1, False), (0, False, False), ([1], [True], False), ([{"a": 0}], [{"a": False}], False),
     (1, 1.0, True), ([1, {"a": 2}], [1, {"a": 2.0}], True), ([1], [1, 2], False)],
)  # fmt: skip
def test_a_boolean_is_no_number_to_the_difference(desired: Any, reported: Any, is_same: bool) -> None:
    assert difference({"a": desired}, {"a": reported}) == ({} if is_same else {"a": desired})


@pytest.mark.parametrize("value", [[None], [1, [None]], [{"b": [None]}], {"b": [None]}])
def test_an_array_with_a_null_is_refused_as_aws_refuses_it(value: Any) -> None:
    with pytest.raises(UpdateRefused, match="null in an array"):
        updated(None, {"state": {"desired": {"a": value}}}, 1)


@pytest.mark.parametrize("request_", [{"version": "x" * 9999}, {"x" * 9999: 1}, {"state": {"x" * 9999: {}}}])
def test_the_sentence_of_a_refusal_is_short(request_: Any) -> None:
    with pytest.raises(UpdateRefused) as refused:
        updated(None, {"state": {"reported": {}}, **request_}, 1)
    assert len(str(refused.value)) < 200


def test_a_boolean_is_no_version() -> None:
    with pytest.raises(UpdateRefused, match="for version True"):
        updated(Shadow(version=1), {"state": {"reported": {}}, "version": True}, 1)


def test_deleted_shadows_make_room_for_others(ledger: Ledger, tmp_path: Path) -> None:
    for number in range(MOST + 5):
        to = ShadowTopic(f"t{number}", None, "update")
        ledger.shadows.apply(to, b'{"state": {"reported": {"a": 1}}}', 1)
        ledger.commit(Batch(), NOW)
        if number != 7:
            ledger.shadows.apply(replace(to, verb="delete"), b"", 1)
    ledger.commit(Batch(), NOW)
    kept = Reader(tmp_path / "db").shadows()
    assert (len(kept), kept["t7"].exists) == (MOST, True)


def test_receipts_alone_leave_the_shadow_to_the_events_that_changed_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.shadows.update("gate-01", None, {"state": {"reported": {"a": 1}}}, 1)
    ledger.settle([Settlement(1, "a", Receipt(Outcome.DELIVERED))], NOW)
    assert (Reader(tmp_path / "db").shadows(), ledger.shadows.is_dirty) == ({}, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner.filter(lambda value: value is not None), max_size=3)
        | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
states = st.dictionaries(st.text("abc", max_size=2), json_values, max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["desired", "reported"]), states), max_size=4))
def test_the_times_have_the_shape_of_the_state(patches: list[tuple[str, Any]]) -> None:
    shadow = None
    for number, (section, patch) in enumerate(patches):
        shadow = updated(shadow, {"state": {section: patch}}, number)
    if shadow is not None:
        assert_same_shape(shadow.state, shadow.metadata)
        delta = difference(shadow.state.get("desired"), shadow.state.get("reported"))
        assert bool(delta) == bool(difference(shadow.state.get("desired"), shadow.state.get("reported")))


def assert_same_shape(value: Any, times: Any) -> None:
    if isinstance(value, dict):
        assert value.keys() == times.keys()
        for key in value:
            assert_same_shape(value[key], times[key])
    elif isinstance(value, list):
        assert len(value) == len(times)
        for part, time in zip(value, times, strict=True):
            assert_same_shape(part, time)
    else:
        assert isinstance(times["timestamp"], int)


@given(states, states)
def test_what_is_reported_as_desired_leaves_no_difference(desired: Any, before: Any) -> None:
    shadow = updated(updated(None, {"state": {"reported": before}}, 1), {"state": {"desired": desired}}, 2)
    wanted = shadow.state["desired"]
    assert difference(wanted, wanted) == {}
