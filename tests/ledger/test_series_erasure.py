"""Where the thermometer at the gate has a series, what is erased of people is gone from its minutes, too."""

from pathlib import Path

from tests.ledger.rows import visit
from tests.ledger.series import (
    FIRST,
    FLOW,
    HOUR,
    START,
    closed,
    keep,
    minutes,
    moment,
    opened,
    read,
    rows,
    summaries,
    tidy,
    values,
)

from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_rows import ForecastRow, StateRow
from edge_mask.ledger.writer import Ledger

FOREHEAD = SeriesName("forehead", "temperature", "C")


def filled(ledger: Ledger) -> None:
    """Five hours of two series; a visit at 2:30:20."""
    for name in (FOREHEAD, FLOW):
        keep(ledger, *(closed(FIRST + place, float(place), name) for place in range(300)))
        read(ledger, *((START + 60 * place + 15, float(place)) for place in range(300)), name=name)
    keep(ledger, ForecastRow(FOREHEAD, START, 3600, [1.0], [0.0], [2.0]), StateRow(FOREHEAD, {"seen": [36.6]}))
    row = event_row(visit(moment(START + 150 * 60 + 20)), "v-1", "boot-1")
    assert row is not None
    ledger.commit(Batch(events=[row]), moment(START + 5 * HOUR))


def test_a_visit_takes_the_minutes_in_which_its_person_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "db"
    for hours in (0, 10):  # before and after its hour is packed
        with opened(path) as ledger:
            filled(ledger)
            tidy(ledger, START + hours * HOUR)
            erased = ledger.erase(Erasure(visit="v-1", thermometer="forehead"), moment(START + 5 * HOUR))
            assert erased.counts["visits"] == 1
            tidy(ledger, START + 10 * HOUR)
            found = values(minutes(path, FIRST, FIRST + 300, FOREHEAD))
            assert [place for place, value in enumerate(found) if value is None] == [150]
            assert None not in values(minutes(path, FIRST, FIRST + 300))
            counts = [int(row["count"]) for row in summaries(path, FIRST, FIRST + 300, FOREHEAD).rows]
            assert counts[15] == (0 if hours else 9)
            assert counts[:15] + counts[16:] == [10] * 29
            assert rows(
                path, "SELECT (SELECT count(*) FROM series_states), (SELECT count(*) FROM series_forecasts)"
            ) == [(0, 0)]
        path = tmp_path / "again"


def test_everything_before_a_time_goes(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        filled(ledger)
        tidy(ledger, START + 4 * HOUR)
        ledger.erase(Erasure(before=START + 90.5 * 60, thermometer="forehead"), moment(START + 5 * HOUR))
        tidy(ledger, START + 10 * HOUR)
        assert values(minutes(path, FIRST, FIRST + 300, FOREHEAD)) == [None] * 91 + [float(n) for n in range(91, 300)]
        assert None not in values(minutes(path, FIRST, FIRST + 300))
        ledger.erase(Erasure(before=START + 10 * HOUR, thermometer="forehead"), moment(START + 5 * HOUR))
        tidy(ledger, START + 10 * HOUR)
        assert values(minutes(path, name=FOREHEAD)) == []
