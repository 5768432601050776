"""One table of the kinds of message: whatever forgets one of its rows fails here, or in the type checker."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest

from edge_mask.kinds import ABOUT, FIRST_TO_GO, KINDS, OF_SERIES, READINGS, ROOM, STATUS, TABLES
from edge_mask.ledger.connections import open_writer
from edge_mask.ledger.rows import event_row
from edge_mask.ledger.seen import MARKS
from edge_mask.messages import (
    Alert,
    Amendment,
    Detections,
    Event,
    Fault,
    Forecast,
    Health,
    Look,
    Priority,
    Reading,
    Record,
    Summary,
    Visit,
    kind_of,
)  # fmt: skip
from edge_mask.settings.measures import RESERVED
from edge_mask.settings.sending import TopicNames
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import encode
from edge_mask.wire.models import MESSAGES
from edge_mask.wire.schema import asyncapi

AT = Moment(Seconds(1.0), Unix(1_790_000_000.0))
MINUTE: dict[str, Any] = {
    "at": AT, "sensor": "s", "quantity": "flow", "unit": "m3/h", "begin": Unix(1_790_000_000.0),
    "end": Unix(1_790_000_060.0), "count": 1, "min": 1.0, "mean": 1.0, "max": 1.0, "last": 1.0,
}  # fmt: skip
WEEK: list[float] = [1.0] * 168
EVENTS: list[Event] = [
    Detections(at=AT, camera="c", frame=1, tracks=(), inference_ms=1.0, model="m"),
    Visit(at=AT, camera="c", verdict="pass", mask="mask", mask_score=0.9, temperature=36.6),
    Amendment(
        at=AT,
        amends="v",
        camera="c",
        was="pass",
        verdict="no_pass",
        reasons=("no_mask",),
        mask="no_mask",
        mask_score=0.9,
        by="a",
        model="m",
        delay_ms=1,
    ),
    Look(at=AT, camera="c", faces=1, no_mask=0, streak=0),
    Alert(at=AT, kind="fever", text="t", sensor="s", value=38.0),
    Reading("s", "temperature", 36.6, "C", AT),
    Fault(at=AT, component="c", code="lost", text="t"),
    Health(at=AT, values={}),
    Summary(**MINUTE),
    Record(**MINUTE),
    Forecast(
        at=AT, sensor="s", quantity="flow", unit="m3/h", origin=AT.wall, step_s=3600, values=WEEK, low=WEEK, high=WEEK
    ),
]
NAMES = {kind.name for kind in KINDS}
ROOT = Path(__file__).parents[2]


def test_every_event_of_the_house_is_in_these_tests_and_has_a_kind_of_its_own() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert {kind_of(event) for event in EVENTS} == set(KINDS) - {STATUS, ABOUT, ROOM}  # those are no events
    assert len(NAMES) == len(KINDS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_kept_where_the_table_says(event: Event, tmp_path: Path) -> None:
    row = event_row(event, "id", "boot")
    assert (row is None) == (kind_of(event).table is None)
    assert row is None or not kind_of(event).is_live
    assert (row is None) == (kind_of(event).is_live or kind_of(event) in OF_SERIES)
    if row is not None:
        assert row.table == kind_of(event).table
        open_writer(tmp_path / "d.db").close()
        with closing(sqlite3.connect(tmp_path / "d.db")) as database:
            columns = {name for _, name, *_ in database.execute(f"PRAGMA table_info({row.table})")}
            counted = {name for (name,) in database.execute("SELECT name FROM history")}
        assert set(row.values) == columns - {*MARKS, "amended"}  # written later, by a person or for a second look
        assert row.table in counted, "the history does not know how much room this table takes"


def test_every_table_of_the_history_can_be_given_up_and_the_urgent_ones_last() -> None:
    assert sorted(table for group in FIRST_TO_GO for table in group) == sorted(TABLES)
    assert all(FIRST_TO_GO)
    assert FIRST_TO_GO[-1] == tuple(kind.table for kind in KINDS if kind.priority is Priority.URGENT)


def test_what_is_kept_is_sent_at_least_once() -> None:
    assert all(kind.qos == 1 for kind in KINDS if kind.table is not None)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_message_is_sent_as_the_table_says(event: Event) -> None:
    kind, encoded = kind_of(event), encode(event)
    assert (encoded.kind, encoded.priority, encoded.qos) == (kind.name, kind.priority, kind.qos)


def test_every_kind_has_a_shape_a_channel_and_an_operation() -> None:
    document = asyncapi()
    sent = {o["channel"]["$ref"].rpartition("/")[2] for o in document["operations"].values() if o["action"] == "send"}
    assert set(MESSAGES) == NAMES == {channel for channel in sent if not channel.startswith("commands.")}
    assert set(document["channels"]) >= NAMES


def test_every_kind_can_be_renamed_and_no_quantity_can_take_its_name() -> None:
    assert set(TopicNames.model_fields) >= NAMES
    assert NAMES - {READINGS.name} <= RESERVED


def test_every_kind_stands_in_the_documentation_with_what_becomes_of_it() -> None:
    text = (ROOT / "docs/messages.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)`.*\| (\w+) \| (\d) \|$", text, re.MULTILINE)
    assert {(name, priority, int(qos)) for name, priority, qos in rows} == {
        (kind.name, kind.priority.name.lower(), kind.qos) for kind in KINDS
    }
