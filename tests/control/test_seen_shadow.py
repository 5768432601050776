"""The table of the classic shadow: paced, what changed, and at each connection the whole."""

import json
from typing import Any

import pytest

from edge_mask.control.cloud.orders import Say
from edge_mask.control.cloud.seen import Look, SeenShadow
from edge_mask.wire.topics import ShadowTopics

SEEN = {"sensors": {"hall": {"temperature": 36.5, "at": "1"}}, "uploaded_at": "1"}


def said(orders: list[Say]) -> Any:
    (order,) = orders
    assert order.topic == "$aws/things/gate-01/shadow/update"
    return json.loads(order.payload)["state"]["reported"]


def told(state: Any) -> Any:
    """Without nulls, which take out what the cloud may still have."""
    if not isinstance(state, dict):
        return state
    return {key: told(value) for key, value in state.items() if value is not None}


@pytest.fixture
def table() -> SeenShadow:
    made = SeenShadow(ShadowTopics("gate-01"))
    made.connected()
    return made


def look(table: SeenShadow, reported: Any, now: float) -> list[Say]:
    assert table.turn(now) == [Look()]
    return table.found(reported, now)


def warmer(at: str, uploaded: str = "1") -> dict[str, Any]:
    return {"sensors": {"hall": {"temperature": 37.0, "at": at}}, "uploaded_at": uploaded}


def test_at_a_connection_all_of_it_is_sent_and_then_what_changed(table: SeenShadow) -> None:
    assert told(said(look(table, SEEN, 0.0))) == SEEN
    assert table.changed()
    assert said(look(table, warmer("2"), 10.0)) == {"sensors": {"hall": {"temperature": 37.0, "at": "2"}}}
    table.lost()
    table.connected()
    assert told(said(look(table, warmer("2"), 20.0))) == warmer("2")


def test_what_is_gone_is_taken_out(table: SeenShadow) -> None:
    look(table, SEEN, 0.0)
    table.changed()
    assert said(look(table, {"uploaded_at": "1"}, 10.0)) == {"sensors": None}


def test_it_is_sent_at_most_every_ten_seconds(table: SeenShadow) -> None:
    look(table, SEEN, 0.0)
    assert table.due == float("inf")
    assert table.changed()
    assert not table.changed()  # who writes often wakes nobody twice
    assert (table.due, table.turn(9.0)) == (10.0, [])
    assert table.turn(10.0) == [Look()]


def test_an_upload_alone_is_told_each_minute(table: SeenShadow) -> None:
    look(table, SEEN, 0.0)
    table.changed()
    assert look(table, {**SEEN, "uploaded_at": "2"}, 10.0) == []
    assert table.due == 60.0
    assert said(look(table, {**SEEN, "uploaded_at": "3"}, 60.0)) == {"uploaded_at": "3"}


def test_nothing_is_sent_while_it_is_away_or_when_nothing_changed(table: SeenShadow) -> None:
    look(table, SEEN, 0.0)
    table.changed()
    assert look(table, SEEN, 10.0) == []
    table.changed()
    table.lost()
    assert (table.turn(100.0), table.due) == ([], float("inf"))


def test_the_first_reading_of_a_new_device_is_sent_soon(table: SeenShadow) -> None:
    assert look(table, {}, 0.0) == []
    table.changed()
    assert told(said(look(table, SEEN, 1.0))) == SEEN


def test_what_did_not_arrive_is_sent_whole_again(table: SeenShadow) -> None:
    look(table, SEEN, 0.0)
    table.not_sent()
    assert told(said(look(table, SEEN, 10.0))) == SEEN


def test_a_state_that_could_not_be_read_is_looked_for_again(table: SeenShadow) -> None:
    assert look(table, None, 0.0) == []
    assert told(said(look(table, SEEN, 10.0))) == SEEN


@pytest.mark.parametrize(("code", "again"), [(429, True), (500, True), (409, True), (413, False), (400, False)])
def test_a_refused_report_is_sent_again_if_it_may_be_taken_later(table: SeenShadow, code: int, *, again: bool) -> None:
    (order,) = look(table, SEEN, 0.0)
    token = json.loads(order.payload)["clientToken"]
    table.hear(json.dumps({"code": code, "clientToken": token}).encode(), 1.0)
    assert (table.due < float("inf")) is again
    assert table.turn(60.0) == []
    assert (table.turn(61.0) == [Look()]) is again


@pytest.mark.parametrize("garbage", [b"", b"[]", b'{"clientToken": 5}', b'{"code": 500, "clientToken": "theirs"}'])
def test_garbage_and_answers_to_others_mean_nothing(table: SeenShadow, garbage: bytes) -> None:
    look(table, SEEN, 0.0)
    table.hear(garbage, 1.0)
    assert table.due == float("inf")


def test_what_was_erased_while_it_was_away_is_taken_out_at_the_next_connection(table: SeenShadow) -> None:
    left = {"cameras": {"front": {}}, "sensors": {"hall": {}}, "highest": {"humidity": 50}}
    told = said(look(table, left, 0.0))
    assert told["cameras"] == {"front": {"visit": None, "look": None}}
    assert told["alert"] is None
    assert told["highest"] == {"temperature": None, "humidity": 50}
    assert told["sensors"]["hall"]["highest"] is None
