"""`kill -9` between any two statements that record and pack minutes: none that was committed is lost or comes twice."""

import os
import subprocess
import sys
from pathlib import Path

from tests.ledger.series import FIRST, HOUR, START, minutes, moment, opened, rows, summaries, tidy, values

ROOT = Path(__file__).resolve().parents[2]


def test_a_kill_between_any_two_statements_costs_no_minute(tmp_path: Path) -> None:
    child = Path(__file__).with_name("series_child.py")
    subprocess.run(
        [sys.executable, str(child), str(tmp_path), "1", "110", "7"],
        check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    ends = []
    for said in tmp_path.glob("*.said"):
        path, told = said.with_suffix(".db"), said.read_text().split()
        ends.append(told[-1:])
        wanted = {int(place): float(place) for place in told if place != "end"}
        assert there(path).items() >= wanted.items()
        with opened(path, boot="boot-2") as ledger:
            assert ledger.file.salvaged is None
            tidy(ledger, START + 3 * HOUR)
            assert not ledger.mend((), moment(START)).missing_events
            assert rows(path, "SELECT count(*) FROM series_minutes") == [(0,)]
        assert there(path).items() >= wanted.items()
        if told:
            assert all(row["count"] <= 1 for row in summaries(path).rows), "no reading counts twice"
    assert ["end"] in ends, "some came through"
    assert [] in ends, "some were killed at once"


def there(path: Path) -> dict[int, float]:
    found = values(minutes(path, FIRST, FIRST + 62))
    return {place: value for place, value in enumerate(found) if value is not None}
