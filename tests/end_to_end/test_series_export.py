"""What `series export` prints, and what the page's readings are where the single ones are gone."""

import csv
import io
import json
from pathlib import Path

from tests.end_to_end.daemon import edge_mask, write_config
from tests.ledger.series import FIRST, FLOW, HOUR, START, closed, keep, opened, read, tidy

from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.units import Seconds

PRESSURE = SeriesName("main", "pressure", "bar")


def site(folder: Path) -> Path:
    """Four hours of two quantities; single readings of the last hour."""
    with opened(folder / "edge-mask.db", SeriesBounds(raw=Seconds(HOUR))) as ledger:
        for place in range(240):
            keep(ledger, closed(FIRST + place, place / 10), *[closed(FIRST + place, 3.0, PRESSURE)] * (place >= 235))
        read(ledger, *((START + 60 * place + 0.25, place / 10) for place in range(240)))
        tidy(ledger, START + 4 * HOUR + 600, mono=1e6)
    return write_config(folder, None, device={"thing_name": "t", "timezone": "Asia/Seoul"})


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_minutes_summaries_and_readings_as_tables(tmp_path: Path) -> None:
    config = site(tmp_path)
    minutes = table(edge_mask("series", "export", "--config", config, cwd=tmp_path).out)
    assert len(minutes) == 245
    assert minutes[1] == {
        "time": "2026-09-22T07:01:00+09:00", "sensor": "main", "quantity": "flow", "unit": "l/s", "mean": "0.1",
    }  # fmt: skip
    part = ("--since", "2026-09-22T08:00", "--until", "2026-09-22T09:00", "--quantity", "flow")
    summaries = table(edge_mask("series", "export", "summaries", *part, "--config", config, cwd=tmp_path).out)
    assert [each["time"][11:16] for each in summaries] == [f"08:{n}0" for n in range(6)]
    assert (summaries[0]["count"], summaries[0]["mean"], summaries[0]["last"]) == ("10", "6.45", "7.4")
    raw = table(edge_mask("series", "export", "raw", "--csv", "--config", config, cwd=tmp_path).out)
    assert (len(raw), raw[-1]["time"], raw[-1]["value"], raw[-1]["quality"]) == (
        50, "2026-09-22T10:59:00.250+09:00", "23.9", "good",
    )  # fmt: skip


def test_json_lines_hold_the_same(tmp_path: Path) -> None:
    said = edge_mask("series", "export", "--json", "--quantity", "pressure", "--config", site(tmp_path), cwd=tmp_path)
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [(line["time"][11:16], line["mean"], line["unit"]) for line in lines] == [
        (f"10:{n}", 3.0, "bar") for n in range(55, 60)
    ]


def test_a_series_that_is_not_there_is_a_sentence_that_names_the_others(tmp_path: Path) -> None:
    config = site(tmp_path)
    said = edge_mask("series", "export", "--sensor", "mian", "--config", config, cwd=tmp_path)
    assert (said.code, said.err.strip()) == (1, "no series of mian; kept are: main flow, main pressure")
    said = edge_mask("series", "export", "--since", "tomorrow", "--config", config, cwd=tmp_path)
    assert said.code == 2
    assert "'tomorrow' is not a time" in said.err
    (tmp_path / "edge-mask.db").rename(tmp_path / "away.db")
    said = edge_mask("series", "export", "--config", config, cwd=tmp_path)
    assert (said.code, "there is no such database yet" in said.err) == (4, True)


def test_repair_says_that_an_hour_is_gone(tmp_path: Path) -> None:
    config = site(tmp_path)
    with opened(tmp_path / "edge-mask.db") as ledger, ledger.file.connection.begin():
        which = f"SELECT id << 27 | {FIRST // 60 + 1} FROM series WHERE quantity = 'flow'"
        ledger.file.connection.exec_driver_sql(f"UPDATE series_hours SET checksum = 1 WHERE id = ({which})")
    before = table(edge_mask("series", "export", "--quantity", "flow", "--config", config, cwd=tmp_path).out)
    assert len(before) == 180
    said = edge_mask("outbox", "repair", "--config", config, cwd=tmp_path).out
    assert "is sound; compacted\n1 hour of a series was damaged and is gone; the others are whole\n" in said
    assert FLOW.sensor in edge_mask("series", "export", "--config", config, cwd=tmp_path).out
