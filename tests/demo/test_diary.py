"""What somebody who watches the demo of series reads."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_mask.demo.diary import Diary

ROME = ZoneInfo("Europe/Rome")
MIDNIGHT = datetime(2026, 3, 1, 23, tzinfo=UTC)  # Monday, 2 March on the wall


class Lines(list[str]):
    """A diary that is kept, and its lines."""

    def __init__(self) -> None:
        self.diary = Diary(ROME, self.append)

    def get(self, kind: str, fields: dict[str, Any]) -> None:
        self.diary.receive(f"edge-mask/demo/{kind}", json.dumps(fields).encode())


@pytest.fixture
def said() -> Lines:
    return Lines()


def summaries(said: Lines, means: Sequence[float | None], first: datetime = MIDNIGHT) -> None:
    for number, mean in enumerate(means):
        begin = first + timedelta(minutes=10 * number)
        end = begin + timedelta(minutes=10)
        said.get("summaries", {"from": begin.isoformat(), "to": end.isoformat(), "mean": mean})


def forecast(said: Lines, values: list[float]) -> None:
    fields = {"origin": MIDNIGHT.isoformat(), "step_s": 3600, "values": values, "unit": "L/s"}
    said.get("forecasts", fields | {"low": [value - 1 for value in values], "high": [value + 1 for value in values]})


def test_a_day_is_a_line_with_its_night_its_hours_and_what_was_expected(said: Lines) -> None:
    forecast(said, [2.0] * 12 + [4.0] * 12 + [9.0] * 144)
    summaries(said, [2.0] * 6 + [1.0] * 6 + [3.0] * 18 + [4.0] * 113)
    assert len(said) == 1, "the day is not over"
    summaries(said, [None], MIDNIGHT + timedelta(hours=23, minutes=50))
    assert said[1] == "   Mon 02 Mar  night 1.00  ▁▁▂▂▂▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃  mean 3.66 (3.00 expected)"


def test_an_hour_without_readings_is_a_dot_and_a_day_without_any_has_no_night(said: Lines) -> None:
    summaries(said, [None] * 6 + [1.0] * 138)
    assert "  ·▁▁▁" in said[0]
    summaries(said, [None] * 144, MIDNIGHT + timedelta(days=1))
    assert said[1].startswith("   Tue 03 Mar  night    –  ····")


def test_a_monday_says_what_is_expected_of_the_week(said: Lines) -> None:
    forecast(said, [2.0] * 30 + [9.0] + [2.0] * 137)
    assert said == ["   The week from 02 Mar on: 2.04 L/s are expected, at most 9.0 (8.0 to 10.0) on Tuesday at 06:00"]


@pytest.mark.parametrize(("state", "sign"), [("begun", "!!"), ("ended", "ok")])
def test_an_alert_is_a_line_with_its_time_on_the_wall(said: Lines, state: str, sign: str) -> None:
    said.get("alerts", {"ts": "2026-03-05T09:19:00Z", "state": state, "reason": "silent", "text": "main: nothing"})
    assert said == [f"{sign} Thu 05 Mar 10:19  silent        main: nothing"]


@pytest.mark.parametrize("payload", [b"", b"[1]", b'{"from": 5}', b"\xff"])
@pytest.mark.parametrize("kind", ["summaries", "forecasts", "alerts", "something-else"])
def test_what_is_none_of_ours_is_shown_as_it_is(said: Lines, kind: str, payload: bytes) -> None:
    said.diary.receive(f"edge-mask/demo/{kind}", payload)
    (line,) = said
    assert line.startswith(f"   edge-mask/demo/{kind}")
