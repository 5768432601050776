"""Recordings that are not what they should be: a sentence with the file and the line, or what can be made of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.series.made import DAY, part
from tests.series.playing import spring
from tests.series.test_replay import META, folder, rows

from edge_mask.cli import main
from edge_mask.errors import Refused
from edge_mask.series.nouns import Minutes
from edge_mask.series.recording import read

SHORT = spring(2)
HISTORY, LIVE = part(SHORT, 0, DAY), part(SHORT, DAY, 2 * DAY)


def moved(minutes: Minutes, days: int) -> Minutes:
    return Minutes(minutes.first + days * DAY, minutes.values)


def refused(where: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["series", "replay", str(where), *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


def test_live_minutes_from_before_the_history_are_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = folder(tmp_path, HISTORY, moved(LIVE, -30))
    sentence = "live.csv: begins on 2025-03-03T22:00Z, before its history, 2025-04-01T22:00Z"
    assert sentence in refused(where, capsys=capsys)


@pytest.mark.parametrize("years", [5, 100])
def test_live_minutes_years_after_the_history_are_a_sentence(
    years: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = refused(folder(tmp_path, HISTORY, moved(LIVE, years * 365)), capsys=capsys)
    assert "more than a year after its history, 2025-04-02T22:00Z" in err


@pytest.mark.parametrize("name", ["live.csv", "history.csv"])
@pytest.mark.parametrize("row", [b"2025-04-03T10:00Z,8\xff1", b"2025-04-03T10:00\xb0Z,8"])
def test_a_byte_that_is_no_utf_8_is_a_sentence_with_its_line(
    name: str, row: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = folder(tmp_path, HISTORY, LIVE)
    (where / "history.csv.gz").unlink()
    (where / "history.csv").write_text(rows(HISTORY), encoding="utf-8")
    text = (where / name).read_bytes().splitlines()
    text[500] = row
    (where / name).write_bytes(b"\n".join(text))
    assert f"{name} line 501: wanted is time,value in UTC: it holds a byte that" in refused(where, capsys=capsys)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    where = folder(tmp_path, HISTORY, LIVE)
    for name in ("live.csv", "meta.json"):
        (where / name).write_bytes(b"\xef\xbb\xbf" + (where / name).read_bytes())
    assert len(read(where).live.values) == DAY


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        ({"physical_min": 60, "physical_max": 0}, "physical_min is 60 and physical_max 0: it must be less"),
        ({"limits": [60, 0]}, "the first of limits is 60 and the second 0: it must be less"),
        ({"limits": [0]}, "limits are [0], not two numbers as in [0, 60]"),
        ({"limits": "0-60"}, "limits are '0-60', not two numbers as in [0, 60]"),
        ({"limits": ["low", 60]}, "limits is 'low', not a number"),
        ({"physical_max": float("nan")}, "physical_max is nan, not a number"),
        ({"resolution": 0}, "resolution is 0: it must be above 0"),
        ({"resolution": -1}, "resolution is -1: it must be above 0"),
        ({"quiet_hours": ["22:00", "22:00"]}, "not two different local times"),
        ({"quiet_hours": "22"}, "not two times"),
        ({"shipped_criteria": 5}, "shipped_criteria is 5, not an object"),
        ({"shipped_criteria": {"min": float("inf")}}, "shipped_criteria: min is inf, not a number"),
    ],
)
def test_nonsense_about_the_site_is_a_sentence(meta: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read(folder(tmp_path, HISTORY, LIVE, **meta))
    assert "meta.json: " in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("value", ["1e300", "-1e39", "1e999", "nan"])
def test_a_number_that_nothing_measures_is_a_sentence(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = folder(tmp_path, HISTORY, LIVE)
    (where / "live.csv").write_text(f"time,value\n2025-04-03T10:00Z,{value}\n", encoding="utf-8")
    assert f"line 2: wanted is time,value in UTC: {value} is no reading" in refused(where, capsys=capsys)


def test_a_file_that_is_no_table_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = folder(tmp_path, HISTORY, LIVE)
    (where / "live.csv").write_text("time,value\n" + "8" * 200_000, encoding="utf-8")
    assert "live.csv: field larger than" in refused(where, capsys=capsys)
    packed = (where / "history.csv.gz").read_bytes()
    (where / "history.csv.gz").write_bytes(packed[:200] + b"\x00" * 50 + packed[250:])
    assert "history.csv.gz: " in refused(where, capsys=capsys)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("series,origin\n", "names no origin of made"),
        ("", "names no origin of made"),
        ("series,origin\nother,2025-04-03T00:00Z\n", "names no origin of made"),
        (
            "series,origin\nmade,2031-04-03T00:00Z\nmade,2025-04-03T00:00Z\n",
            "1 of 2 origins of made are outside of its live part, 2025-04-02T22:00Z to 2025-04-03T22:00Z",
        ),
    ],
)
def test_origins_without_a_forecast_are_told_and_the_rest_is_played(
    text: str, remark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.csv").write_text(text, encoding="utf-8")
    assert main(["series", "replay", str(folder(tmp_path, HISTORY, LIVE)), "--origins", str(tmp_path / "o.csv")]) == 0
    assert capsys.readouterr().err == f"{tmp_path / 'o.csv'}: {remark}\n"


def test_an_origin_that_is_no_time_is_a_sentence_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.csv").write_text("series,origin\nmade,soon\n", encoding="utf-8")
    err = refused(folder(tmp_path, HISTORY, LIVE), "--origins", str(tmp_path / "o.csv"), capsys=capsys)
    assert "o.csv line 2: wanted is series,origin in UTC" in err


def test_limits_may_be_one_list(tmp_path: Path) -> None:
    meta = {key: value for key, value in META.items() if not key.startswith("physical")}
    where = folder(tmp_path, HISTORY, LIVE)
    (where / "meta.json").write_text(json.dumps({**meta, "limits": [0, 55]}), encoding="utf-8")
    assert read(where).site.limits == (0.0, 55.0)
