"""The envelope, the bytes, and what is done to them when they leave."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import envelope, mark_late, restamp, timestamp, to_bytes

AT = Moment(Seconds(12.5), Unix(1_790_000_000.1234))

texts = st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
objects = st.dictionaries(texts | st.sampled_from(["late", "ts", 'a"late"', "v"]), trees, max_size=4)


def test_the_envelope_stands_flat_before_the_rest() -> None:
    found = envelope({"temperature": 36.6}, id="x", seq=3, thing="gate-01", at=AT)
    assert list(found.items()) == [
        ("id", "x"),
        ("seq", 3),
        ("thing", "gate-01"),
        ("ts", "2026-09-21T14:13:20.123Z"),
        ("v", 1),
        ("temperature", 36.6),
    ]


def test_a_clock_that_was_not_set_is_said_and_a_set_one_is_not() -> None:
    unset = Moment(AT.mono, AT.wall, synced=False)
    assert envelope({}, id="x", seq=1, thing="t", at=unset)["clock_ok"] is False
    assert "clock_ok" not in envelope({}, id="x", seq=1, thing="t", at=AT)


def test_a_field_cannot_take_the_place_of_the_envelope() -> None:
    assert envelope({"id": "forged", "seq": 0}, id="x", seq=3, thing="t", at=AT)["id"] == "x"


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_790_000_000.0, "2026-09-21T14:13:20.000Z"),
        (1_790_000_000.9999, "2026-09-21T14:13:20.999Z"),
        (1_790_000_000.001, "2026-09-21T14:13:20.001Z"),
        (951_782_400.5, "2000-02-29T00:00:00.500Z"),
        (-0.25, "1969-12-31T23:59:59.750Z"),
    ],
)
def test_a_timestamp_is_utc_with_milliseconds(wall: float, text: str) -> None:
    assert timestamp(Unix(wall)) == text


@given(st.integers(0, 4_000_000_000_000))
def test_no_millisecond_is_lost_to_binary_fractions(milliseconds: int) -> None:
    assert timestamp(Unix(milliseconds / 1000)).endswith(f".{milliseconds % 1000:03d}Z")


def test_bytes_are_compact_utf_8() -> None:
    assert to_bytes({"name": "Tür 문", "n": [1, 2.5]}) == '{"name":"Tür 문","n":[1,2.5]}'.encode()


def test_nan_and_infinity_never_reach_the_wire() -> None:
    assert to_bytes({"a": float("nan"), "b": [{"c": float("inf")}], "d": 1.5}) == b'{"a":null,"b":[{"c":null}],"d":1.5}'


def test_half_a_character_does_not_stop_a_message() -> None:
    assert to_bytes({"a": "x\udcff"}) == b'{"a":"x?"}'


@given(objects)
def test_late_adds_one_field_and_changes_nothing_else(fields: dict[str, Any]) -> None:
    payload = to_bytes(fields)
    assert json.loads(mark_late(payload)) == {**json.loads(payload), "late": True}
    assert mark_late(mark_late(payload)) == mark_late(payload)
    assert json.loads(mark_late(payload), object_pairs_hook=len) == len({*fields, "late"})


@given(objects, texts)
def test_a_new_time_changes_nothing_else(fields: dict[str, Any], ts: str) -> None:
    payload = to_bytes(fields)
    expected = {**json.loads(payload), "ts": ts} if "ts" in fields else json.loads(payload)
    assert json.loads(restamp(payload, ts)) == json.loads(to_bytes(expected))


@pytest.mark.parametrize("payload", [b"", b"hello", b"[1]", b'"late"', b"5", b'{"late"', b"\xff\xfe", b'{"ts" }x}'])
def test_what_is_no_object_leaves_as_it_is(payload: bytes) -> None:
    assert mark_late(payload) == payload
    assert restamp(payload, "now") == payload
