"""Times that a person types without a zone, where the site's clocks show them twice or leave them out."""

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from tests.end_to_end.daemon import edge_mask, write_config
from tests.ledger.rows import BOOT, batch, message, moment, visit

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import OutboxRow
from edge_mask.ledger.writer import Ledger
from edge_mask.units import Moment, Seconds, Unix

TWICE = ["2026-10-25T00:10:00+00:00", "2026-10-25T01:10:00+00:00"]
"""Ten past two in Berlin, in summer time and an hour later in winter time."""
LEFT_OUT = ["2026-03-29T00:45:00+00:00", "2026-03-29T01:15:00+00:00"]
"""1:45 and 3:15 in Berlin: the clocks go from 2:00 to 3:00."""


def at(text: str) -> Moment:
    return Moment(Seconds(0.0), Unix(datetime.fromisoformat(text).timestamp()))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site in Berlin that judged somebody, and kept a message, at each of these moments."""
    events = tuple((f"v{n}", visit(at(when))) for n, when in enumerate((*LEFT_OUT, *TWICE)))
    waiting = [OutboxRow("mqtt", message(n), at(when)) for n, when in enumerate((*LEFT_OUT, *TWICE))]
    with closing(Ledger(tmp_path / "edge-mask.db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(*waiting, events=events), moment())
    return write_config(
        tmp_path, None,
        device={"thing_name": "gate-01", "timezone": "Europe/Berlin"},
        outbox={"path": str(tmp_path / "edge-mask.db"), "max_age": "3650d"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("since", "until", "visits"),
    [
        ("2026-10-25T02:05", "2026-10-25T02:20", ["v2", "v3"]),  # from the first 2:05 to the second 2:20
        ("2026-10-25T02:05+01:00", "2026-10-25T02:20", ["v3"]),
        ("2026-10-25T02:05", "2026-10-25T02:20+02:00", ["v2"]),
        ("2026-10-25T03:00", "2026-10-25T04:00", []),
        ("2026-03-29T02:30", "2026-03-29T02:30", ["v0", "v1"]),  # no such time: from 1:30 to 3:30
        ("2026-03-29T02:30", "2026-03-29T03:10", ["v0"]),
        ("2026-03-29", "2026-03-30", ["v0", "v1"]),
    ],
)
def test_a_period_begins_with_the_earlier_and_ends_with_the_later_time_that_may_be_meant(
    config: Path, since: str, until: str, visits: list[str]
) -> None:
    period = ["--json", "--since", since, "--until", until, "--config", str(config)]
    found = edge_mask("history", *period, cwd=config.parent)
    assert [json.loads(line)["id"] for line in found.out.splitlines()] == visits, found
    assert json.loads(edge_mask("stats", *period, cwd=config.parent).out)["judged"] == len(visits)


def test_a_purge_deletes_nothing_that_may_not_be_meant(config: Path) -> None:
    edge_mask("outbox", "purge", "--yes", "--before", "2026-10-25T02:20", "--config", config, cwd=config.parent)
    left = edge_mask("outbox", "list", "--json", "--config", config, cwd=config.parent)
    assert "id-3" in left.out
    assert "id-2" not in left.out


@pytest.mark.parametrize("command", ["history", "stats"])
def test_a_period_that_ends_before_it_begins_is_wrong_usage(config: Path, command: str) -> None:
    period = ["--since", "2026-10-26", "--until", "2026-10-25"]
    found = edge_mask(command, *period, "--config", config, cwd=config.parent)
    assert found.code == 2
    assert "--since 2026-10-26 00:00:00 is not before --until 2026-10-25 00:00:00" in found.err
