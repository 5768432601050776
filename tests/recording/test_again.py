"""What the history sends again is what was sent before: the same bytes, but for `late`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.rows import BOOT, moment, older
from tests.wire.test_kinds import EVENTS

from edge_mask.errors import Refused
from edge_mask.kinds import OF_SERIES, TABLES
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import (
    Alert,
    Amendment,
    Deviation,
    Event,
    Fault,
    Look,
    Outcome,
    Quality,
    Reading,
    Receipt,
    Visit,
    kind_of,
)  # fmt: skip
from edge_mask.recording.again import SentAgain, spans
from edge_mask.recording.intake import Admitted, Intake
from edge_mask.recording.requests import SendAgain
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics

NOW = moment(86400.0 * 60)
SOON = moment(1.0)
TOPICS = Topics("edge-mask/{thing}", "gate-01", {"humidity": "hall/air"})


_IDS = count()


class House:
    """A ledger and what fills it, without threads."""

    def __init__(self, path: Path, **intake: Any) -> None:
        self.ledger = Ledger(path, Bounds(), BOOT)
        self.ledger.open()
        self.intake = Intake(
            thing="gate-01", topics=TOPICS, sequences=self.ledger.sequences, shadows=self.ledger.shadows, boot=BOOT,
            new_id=lambda _at: f"event-{next(_IDS)}", **intake,
        )  # fmt: skip

    def record(self, *events: Event) -> list[bytes]:
        """The payloads that leave."""
        return self.write(*(self.intake.admit(event) for event in events))

    def write(self, *admitted: Admitted, now: Moment = SOON) -> list[bytes]:
        rows = [row for each in admitted for row in each.outgoing]
        self.ledger.commit(Batch(events=[row for each in admitted for row in each.events], outgoing=rows), now)
        return [row.message.payload for row in rows]

    def deliver(self) -> None:
        """All that waits."""
        waiting = self.ledger.file.connection.exec_driver_sql("SELECT id, message_id FROM outbox").all()
        self.ledger.file.connection.rollback()
        self.ledger.settle([Settlement(row, id_, Receipt(Outcome.DELIVERED)) for row, id_ in waiting], NOW)

    def again(self, topic: str, first: int = 1, last: int = 500) -> tuple[list[bytes], SentAgain]:
        admitted, told = self.intake.send_again(SendAgain(topic, first, last), self.ledger, NOW)
        return self.write(admitted, now=NOW), told


@contextmanager
def house(path: Path, **intake: Any) -> Iterator[House]:
    made = House(path, **intake)
    yield made
    made.ledger.close()


def visit(second: float = 0.0, **more: Any) -> Visit:
    told: dict[str, Any] = {
        "at": moment(second),
        "camera": "front",
        "verdict": "pass",
        "mask": "mask",
        "mask_score": 0.987654,
    }
    return Visit(**{"temperature": 36.644, **told, **more})


KEPT: list[Event] = [
    *(event for event in EVENTS if kind_of(event).table is not None),
    visit(passed_through=True, reasons=("fever", "no_mask"), verdict="no_pass", snapshot="a.jpg", time_to_verdict_ms=7),
    visit(mask=None, mask_score=None, temperature=None, passed_through=False, record=b"record"),
    Look(at=moment(), camera="room — “ü”", faces=3, no_mask=1, streak=9, snapshot="b.jpg"),
    Alert(at=moment(), kind="fever", text="38.1 °C", camera="front", value=38.123, above=37.5, unit="C", streak=2),
    Alert(
        at=moment(), kind="outlier", text="it leaks", sensor="main", value=0.1,
        deviation=Deviation(
            quantity="flow", outlier="quiet", reason="leak", began=Unix(1_790_000_000.5), expected=(None, 2.5),
            state="ended",
        ),
    ),
    Reading("hall", "humidity", 48.123456789, "%", moment(), Quality.OUTLIER),
    Reading("hall", "flow", 1e-9, "m3/h", moment(), Quality.STUCK),
    Fault(at=moment(), component="camera front", code="lost", text="no picture\nsince 3 s"),
]  # fmt: skip


def test_each_table_of_the_history_is_among_these() -> None:
    assert {kind_of(event).table for event in KEPT} == set(TABLES)


@pytest.mark.parametrize("event", KEPT, ids=lambda event: type(event).__name__)
def test_a_message_comes_again_as_it_was(event: Event, tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        if isinstance(event, Amendment):  # of a visit that is not there none is kept
            [seen] = it.record(visit())
            event = replace(event, amends=json.loads(seen)["id"])
        [before] = it.record(event)
        it.deliver()
        topic = TOPICS.of(event.quantity if isinstance(event, Reading) else kind_of(event).name)
        [after], told = it.again(topic)
        assert json.loads(after).pop("late") is True
        assert after == before[:-1] + b',"late":true}'
        assert (told.sent, told.missing, told.last) == (1, [], 1)


def test_what_was_seen_before_the_clock_was_set_comes_with_its_restored_time(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        it.record(visit(at=Moment(Seconds(1003.0), Unix(5.0), synced=False)))
        it.deliver()
        [after], _ = it.again(TOPICS.of("visits"))
        assert (json.loads(after)["ts"], json.loads(after)["clock_ok"]) == ("2026-09-21T14:13:23.000Z", False)


def test_what_waits_is_not_put_there_twice_and_what_was_asked_for_waits(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        it.record(*(visit(n) for n in range(5)))
        assert it.again(TOPICS.of("visits"))[0] == []
        it.deliver()
        assert len(it.again(TOPICS.of("visits"), 2, 3)[0]) == 2
        payloads, told = it.again(TOPICS.of("visits"), 1, 9)
        assert [json.loads(each)["seq"] for each in payloads] == [1, 4, 5]
        assert (told.sent, told.missing, told.last) == (5, [], 5)


def test_what_was_erased_is_missing_for_good(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        payloads = it.record(*(visit(n) for n in range(0, 1000, 100)))
        it.deliver()
        it.again(TOPICS.of("visits"), 3, 3)
        it.ledger.erase(Erasure(visit=json.loads(payloads[2])["id"]), NOW)
        assert it.ledger.file.connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar() == 0
        it.ledger.file.connection.rollback()
        again, told = it.again(TOPICS.of("visits"), 1, 4)
        assert [json.loads(each)["seq"] for each in again] == [1, 2, 4]
        assert told.missing == [(3, 3)]


def test_what_was_refused_for_good_is_not_sent_again(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        [row] = it.intake.admit(visit()).outgoing
        it.ledger.commit(Batch(outgoing=[row]), NOW)
        it.ledger.settle([Settlement(1, row.message.id, Receipt(Outcome.REFUSED, "too large"))], NOW)
        again, told = it.again(TOPICS.of("visits"))
        assert (again, told.missing) == ([], [(1, 1)])


def test_what_never_was_to_leave_has_no_number_to_be_asked_for(tmp_path: Path) -> None:
    with house(tmp_path / "db", forward="rules-only") as it:
        assert it.record(visit(), visit(1)) == []
    with house(tmp_path / "db") as it:
        [third] = it.record(visit(2))
        it.deliver()
        again, told = it.again(TOPICS.of("visits"))
        assert [json.loads(each)["id"] for each in again] == [json.loads(third)["id"]]
        assert told.missing == [(1, 2)]


def test_without_a_broker_nothing_is_numbered(tmp_path: Path) -> None:
    with house(tmp_path / "db", destination=None) as it:
        it.record(visit())
        with pytest.raises(Refused, match="nothing with a number was ever sent"):
            it.again(TOPICS.of("visits"))


def test_a_topic_that_is_called_otherwise_now_keeps_its_numbers(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        [before] = it.record(Reading("hall", "humidity", 48.0, "%", moment()))
        it.deliver()
    with house(tmp_path / "db") as it:
        object.__setattr__(it.intake._topics, "renames", {})
        try:
            [fresh] = it.record(Reading("hall", "humidity", 49.0, "%", moment(1)))
        finally:
            object.__setattr__(TOPICS, "renames", {"humidity": "hall/air"})
        it.deliver()
        assert json.loads(fresh)["seq"] == 1
        [old], [new] = it.again("hall/air")[0], it.again("edge-mask/gate-01/humidity")[0]
        assert (json.loads(old)["id"], json.loads(new)["id"]) == (json.loads(before)["id"], json.loads(fresh)["id"])


def test_what_no_table_keeps_is_missing_unless_it_waits(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        it.record(*(event for event in EVENTS if kind_of(event) in OF_SERIES))
        assert it.again(TOPICS.of("summaries"))[1].missing == []
        it.deliver()
        assert it.again(TOPICS.of("summaries"))[1].missing == [(1, 1)]


def test_old_messages_may_wait_as_long_as_new_ones(tmp_path: Path) -> None:
    with house(tmp_path / "db") as it:
        it.record(visit())  # sixty days ago
        it.deliver()
        it.again(TOPICS.of("visits"))
        it.ledger.commit(Batch(), NOW)
        assert it.ledger.file.connection.exec_driver_sql("SELECT count(*), max(wall) FROM outbox").one() == (
            1, moment().wall,
        )  # fmt: skip
        it.ledger.file.connection.rollback()


def test_rows_of_an_earlier_version_are_missing(tmp_path: Path) -> None:
    with house(tmp_path / "new") as it:
        it.record(visit())
    older(tmp_path / "new", tmp_path / "db", 11)
    with house(tmp_path / "db") as it:
        it.record(visit(1))
        it.deliver()
        assert [json.loads(each)["seq"] for each in it.again(TOPICS.of("visits"))[0]] == [1]


def test_spans() -> None:
    assert spans([]) == []
    assert spans([1, 2, 3, 5, 7, 8]) == [(1, 3), (5, 5), (7, 8)]
