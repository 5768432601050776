"""What is said of a series and what a restart knows of it: one commit writes both, or none."""

import json
from pathlib import Path

from tests.recording.test_recorder import CLOCK, desk

from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_rows import MinuteRow, SeriesRows, StateRow
from edge_mask.messages import Alert, Deviation, Summary
from edge_mask.units import Unix

FLOW = SeriesName("main", "flow", "m3/h")


def alert(text: str = "main: flow: no reading for 7 min") -> Alert:
    deviation = Deviation(quantity="flow", outlier="system", reason="silent", began=Unix(1_790_000_000.0))
    return Alert(at=CLOCK.now(), kind="outlier", text=text, sensor="main", deviation=deviation)


def test_an_alert_and_the_state_that_knows_of_it_are_one_commit(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=3600.0) as it:
        it.mailbox.put(SeriesRows((StateRow(FLOW, {"open": ["silent"]}),), (alert(),)))
        it.settle()
        assert len(it.commits) == 1
        assert [json.loads(text) for (text,) in it.rows("SELECT state FROM series_states")] == [{"open": ["silent"]}]
        ((kind, deviation),) = it.rows("SELECT kind, deviation FROM alerts")
        assert (kind, json.loads(deviation)["reason"]) == ("outlier", "silent")
        ((topic, payload),) = it.rows("SELECT topic, payload FROM outbox")
        sent = json.loads(payload)
        assert topic == "edge-mask/gate-01/alerts"
        assert (sent["outlier"], sent["reason"], sent["state"]) == ("system", "silent", "begun")
        assert (sent["expected"], sent["began"]) == (None, "2026-09-21T14:13:20.000Z")


def test_summaries_leave_no_row_but_their_message(tmp_path: Path) -> None:
    at = CLOCK.now()
    summary = Summary(
        at=at, sensor="main", quantity="flow", unit="m3/h", begin=Unix(at.wall - 600), end=at.wall, count=2, min=1.0,
        mean=1.5, max=2.0, last=2.0,
    )  # fmt: skip
    minute = int(at.wall // 60) - 1
    with desk(tmp_path / "db") as it:
        it.mailbox.put(SeriesRows((MinuteRow(FLOW, minute, 2, 1.5, 1.0, 2.0, 2.0),), (summary,)))
        it.settle()
        assert it.rows("SELECT topic FROM outbox") == [("edge-mask/gate-01/summaries",)]
        assert it.rows("SELECT count, mean FROM series_minutes") == [(2, 1.5)]
