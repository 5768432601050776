"""Recorded minutes played through the watch of the daemon, by the command."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tests.series.made import DAY, changed, part, town
from tests.series.playing import NAN

from edge_mask.cli import main
from edge_mask.series.nouns import Minutes

META = {
    "series": "made", "unit": "L/s", "zone": "Europe/Rome", "resolution": 0.01, "physical_min": 0, "physical_max": 60,
    "quiet_hours": ["22:00", "05:00"], "shipped_criteria": {"min": 1, "max": 40, "max_step": 12},
}  # fmt: skip


def rows(minutes: Minutes) -> str:
    times = np.arange(minutes.first, minutes.end).astype("datetime64[m]")
    known = ~np.isnan(minutes.values)
    pairs = zip(times[known], minutes.values[known], strict=True)
    return "time,value\n" + "".join(f"{at}Z,{value:.2f}\n" for at, value in pairs)


def folder(at: Path, history: Minutes, live: Minutes, **meta: object) -> Path:
    (at / "meta.json").write_text(json.dumps({**META, **meta}), encoding="utf-8")
    with gzip.open(at / "history.csv.gz", "wt") as file:
        file.write(rows(history))
    (at / "live.csv").write_text(rows(live), encoding="utf-8")
    return at


def played(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["series", "replay", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def fifty() -> Minutes:
    return town("2025-03-02T00:00", 50, weather=0.0)


def test_what_begins_is_a_line_and_each_wanted_forecast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fifty: Minutes
) -> None:
    live = part(fifty, 40 * DAY, 50 * DAY)
    live = changed(changed(live, 1000, 1200, to=NAN), 3000, 3002, to=45.0)
    where = folder(tmp_path, part(fifty, 0, 40 * DAY), live)
    wanted = tmp_path / "origins.csv"
    wanted.write_text("series,origin\nmade,2025-04-12T22:00Z\nother,2025-04-12T22:00Z\n", encoding="utf-8")
    lines = played(capsys, str(where), "--origins", str(wanted))
    silent, forecast, spike = lines
    assert silent == {"series": "made", "time": "2025-04-11T16:46Z", "kind": "system", "reason": "silent"}
    assert (spike["time"], spike["kind"]) == ("2025-04-13T02:00Z", "value")
    assert (forecast["origin"], forecast["step_s"]) == ("2025-04-12T22:00Z", 3600)
    values = forecast["values"]
    assert isinstance(values, list)
    truth = fifty.values[42 * DAY - 120 :][: 168 * 60].reshape(168, 60).mean(axis=1)
    assert len(values) == 168
    assert np.abs(np.array(values) - truth).mean() < 1.0


def test_without_a_history_the_shipped_criteria_are_used_until_there_are_three_weeks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fifty: Minutes
) -> None:
    live = changed(changed(part(fifty, 0, 30 * DAY), 3000, 3002, by=8.0), 27 * DAY, 27 * DAY + 2, by=8.0)
    lines = played(capsys, str(folder(tmp_path, part(fifty, 0, 0), live)))
    assert [(line["kind"], line["time"]) for line in lines] == [("value", "2025-03-29T00:00Z")]


def test_the_same_recording_gives_the_same_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fifty: Minutes
) -> None:
    where = folder(tmp_path, part(fifty, 0, 8 * DAY), changed(part(fifty, 8 * DAY, 9 * DAY), 100, 102, to=50.0))
    assert played(capsys, str(where)) == played(capsys, str(where)) != []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("meta.json", "{", "meta.json: is not JSON"),
        ("meta.json", "[]", "meta.json: is not a JSON object"),
        ("meta.json", '{"unit": "L/s"}', "meta.json: zone is missing"),
        ("meta.json", json.dumps({**META, "zone": "Europe/Nowhere"}), "meta.json: there is no zone Europe/Nowhere"),
        ("meta.json", json.dumps({**META, "quiet_hours": ["late"]}), "meta.json: quiet_hours"),
        ("meta.json", json.dumps({**META, "physical_min": "low"}), "meta.json: physical_min is 'low', not a number"),
        ("live.csv", "time,value\n2025-04-11T00:00Z,eight\n", "live.csv line 2: wanted is time,value in UTC"),
        ("live.csv", "time,value\nyesterday,8\n", "live.csv line 2: wanted is time,value in UTC"),
        ("live.csv", "at,level\n2025-04-11T00:00Z,8\n", "line 1: wanted are the columns time,value; found at,level"),
        ("live.csv", "time,value\n2025-04-11T00:00Z,inf\n", "live.csv line 2: wanted is time,value in UTC"),
        ("live.csv", "time,value\n0001-01-01T00:00Z,8\n2025-04-11T00:00Z,8\n", "more than twenty years apart"),
        ("live.csv", "time,value\n", "live.csv: has no rows"),
        ("history.csv.gz", "plain text", "history.csv.gz: "),
    ],
)
def test_a_folder_that_is_none_is_a_sentence(
    name: str, text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], fifty: Minutes
) -> None:
    where = folder(tmp_path, part(fifty, 0, DAY), part(fifty, DAY, 2 * DAY))
    (where / name).write_text(text, encoding="utf-8")
    assert main(["series", "replay", str(where)]) == 1
    assert sentence in capsys.readouterr().err


def test_a_folder_without_live_minutes_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(META), encoding="utf-8")
    assert main(["series", "replay", str(tmp_path)]) == 1
    assert "has neither history.csv nor history.csv.gz" in capsys.readouterr().err
    assert main(["series", "replay", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_origins_that_are_none_are_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fifty: Minutes
) -> None:
    where = folder(tmp_path, part(fifty, 0, DAY), part(fifty, DAY, 2 * DAY))
    (tmp_path / "o.csv").write_text("when\n2025\n", encoding="utf-8")
    assert main(["series", "replay", str(where), "--origins", str(tmp_path / "o.csv")]) == 1
    assert "o.csv line 1: wanted are the columns series,origin; found when" in capsys.readouterr().err
    assert main(["series", "replay", str(where), "--origins", str(tmp_path / "none.csv")]) == 1
    assert "none.csv: No such file" in capsys.readouterr().err
