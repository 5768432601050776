"""What is said of each outlier: a sentence, and fields that JSON can hold."""

import json
from collections.abc import Iterable
from datetime import UTC
from typing import Literal, TypeVar, get_args

import numpy as np
import pytest

from edge_mask.app.series.telling import Telling
from edge_mask.app.series.words import sentence
from edge_mask.ledger.deviations import deviation_of, deviation_text
from edge_mask.messages import Alert, Deviation, Record
from edge_mask.series.nouns import Closed, Outlier, Reason, Said, SeriesKey, Site
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire import encode
from edge_mask.wire.envelope import to_bytes

SITE = Site(key=SeriesKey("main", "flow"), unit="m3/h", zone=UTC)
BEGAN = 1_790_000_000.0
T = TypeVar("T")
AT = Moment(Seconds(1.0), Unix(BEGAN + 600.0))


def said(
    reason: Reason,
    value: float | None = 3.41,
    expected: tuple[float | None, float | None] | None = None,
    state: Literal["begun", "ended"] = "begun",
    after: float = 600.0,
) -> Said:
    return Said(Outlier("value", reason, value, expected, BEGAN), state, BEGAN + after)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (said("silent", None), "main: flow: no reading for 10 min"),
        (said("stuck", after=7200.0), "main: flow: 3.41 m3/h for 2 h without a change"),
        (
            said("out_of_range", 700.0, (0.0, 500.0)),
            "main: flow: 700 m3/h, outside of what the sensor can measure: 0 to 500",
        ),
        (said("spike", 99.0, (None, 20.0)), "main: flow: 99 m3/h is unusual; at most 20 is usual"),
        (said("spike", 1.0, (4.0, None)), "main: flow: 1 m3/h is unusual; at least 4 is usual"),
        (
            said("leak", 3.41239, (None, 2.90049), after=3 * 86400.0),
            "main: flow: never below 3.412 m3/h in the quiet hours; at most 2.9 is usual",
        ),
        (said("silent", None, state="ended", after=200_000.0), "main: flow: there are readings again, after 2 d"),
    ],
)
def test_a_sentence_says_what_and_what_would_be_usual(what: Said, text: str) -> None:
    assert text in sentence(SITE, what)


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("state", ["begun", "ended"])
def test_every_reason_has_a_sentence(reason: Reason, state: Literal["begun", "ended"]) -> None:
    text = sentence(SITE, said(reason, state=state))
    assert text.startswith("main: flow: ")
    assert "{" not in text


def test_numbers_of_arrays_become_plain_ones() -> None:
    small = np.float32(0.1)
    outlier = Outlier("quiet", "leak", small, (None, small), np.float64(BEGAN))  # type: ignore[arg-type]
    closed = Closed(29_833_343, 2, 1.5, 1.0, 2.0, 2.0, (Said(outlier, "begun", BEGAN),), doubted=False)
    events = list(Telling(SITE).events(closed, (outlier,), AT))
    alert, record = only(events, Alert), only(events, Record)
    assert alert.deviation is not None
    assert deviation_of(deviation_text(alert.deviation)) == alert.deviation
    assert json.loads(to_bytes(encode(alert).fields))["expected"] == [None, 0.1]
    assert json.loads(to_bytes(encode(record).fields))["outliers"][0]["reason"] == "leak"


def only(events: Iterable[object], kind: type[T]) -> T:
    (found,) = [each for each in events if isinstance(each, kind)]
    return found


@pytest.mark.parametrize("text", [None, "", "[]", "{}", "null", '{"quantity": "flow"}', b"\xff", 3, "[" * 9999])
def test_what_is_no_deviation_any_more_is_none(text: object) -> None:
    assert deviation_of(text) is None


def test_a_deviation_is_read_as_it_was_written() -> None:
    for expected in (None, (1.0, None), (None, 2.0), (1.0, 2.0)):
        told = {"quantity": "q", "outlier": "value", "reason": "step"}
        made = Deviation(**told, began=Unix(5.0), expected=expected, state="ended")
        assert deviation_of(deviation_text(made)) == made
