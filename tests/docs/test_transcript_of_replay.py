"""The transcript in docs/replay.md is what `edge-mask replay` prints: of a visit that is made of the looks it shows."""

import re
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from tests.decide.scenes import HEIGHT, WIDTH, at, visits
from tests.end_to_end.daemon import write_config
from tests.ledger.rows import batch, moment

from edge_mask import __version__, cli
from edge_mask.decide import GatePolicy, GateWatch, Sight
from edge_mask.decide.look import Evidence
from edge_mask.decide.record import MadeBy
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Box, Face, Reading, Track, Visit
from edge_mask.units import Moment, Seconds, Unix

PAGE = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
TOLD = re.findall(r"^\$ edge-mask replay .*?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0].splitlines()
VISIT, CAMERA, WHEN = TOLD[0].split()[1:]
TABLE = TOLD[5 : TOLD.index("", 5)]


def rows() -> list[dict[str, str]]:
    """Those of the table, by the names above its columns."""
    names = list(re.finditer(r"\S+ *", TABLE[0]))
    return [{name[0].strip(): row[name.start() : name.end()].strip() for name in names} for row in TABLE[1:]]


def sight(row: dict[str, str], then: Moment) -> Sight:
    """The look of one row."""
    box = Box(*(float(row[name]) for name in ("x", "y", "w", "h")))
    taken = [part.split("/") for part in row["readings"].split()]
    return Sight(
        tracks=[Track(1, Face(row["label"], float(row["score"]), box), {}, then, then)],
        width=WIDTH, height=HEIGHT, at=then,
        readings=[Reading("brow", "temperature", float(value), unit, at(float(when))) for value, unit, when in taken],
        evidence={1: Evidence(*(float(row[name]) for name in ("sharpness", "size", "aspect")))},
    )  # fmt: skip


def visit() -> Visit:
    made_by = MadeBy(TOLD[1].split()[1], "mask-detector 1.7.1", TOLD[2].split()[1])
    watch = GateWatch(CAMERA, GatePolicy(fever_above=37.5), made_by=made_by)
    ends, judged = datetime.fromisoformat(WHEN).timestamp(), float(rows()[-1]["at"])
    times = [float(row["at"]) for row in rows()]
    moments = [Moment(Seconds(time), Unix(ends - (judged - time))) for time in times]
    found = [event for row, then in zip(rows(), moments, strict=True) for event in watch.observe(sight(row, then))]
    return visits(found)[0]


def test_the_transcript_is_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Ledger(tmp_path / "edge-mask.db", Bounds(), "boot-1")) as ledger:
        ledger.open()
        ledger.commit(batch(events=((VISIT, visit()),)), moment())
    assert cli.main(["replay", VISIT, "--config", str(write_config(tmp_path, None))]) == 0
    printed = capsys.readouterr().out.splitlines()
    gate = TOLD[3].removesuffix("…")
    printed[1] = printed[1].replace(f"(this is {__version__})", "(this is 0.1.0)")
    assert [*printed[:3], printed[3][: len(gate)], *printed[4:]] == [*TOLD[:3], gate, *TOLD[4:]]
