"""The month that the demo of series plays, and its pictures: made by the code of the daemon."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks import series_pictures

from edge_mask.demo.diary import Diary
from edge_mask.demo.district import BEGIN, END, LEAKS, REPAIRED, ZONE, district
from edge_mask.demo.month import Month
from edge_mask.demo.series_show import Post
from edge_mask.messages import Alert, Event, Forecast, Summary

DAY = 86400.0
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def days() -> list[list[Event]]:
    return list(Month(district()).days())


@pytest.fixture(scope="module")
def events(days: list[list[Event]]) -> list[Event]:
    return [event for day in days for event in day]


def told(events: Sequence[Event], reason: str) -> list[tuple[str, float]]:
    alerts = [each for each in events if isinstance(each, Alert)]
    return [
        (each.deviation.state, each.at.wall)
        for each in alerts
        if each.deviation is not None and each.deviation.reason == reason
    ]


def test_a_seed_makes_one_district_of_its_own() -> None:
    assert np.array_equal(district().live.values, district().live.values, equal_nan=True)
    assert not np.array_equal(district().live.values, district(seed=29).live.values, equal_nan=True)


@pytest.mark.parametrize(("reason", "day"), [("silent", 5), ("stuck", 9), ("spike", 12)])
def test_what_goes_wrong_in_it_is_told_on_its_day_and_its_end_too(events: list[Event], reason: str, day: int) -> None:
    noon = BEGIN.timestamp() + (day - 0.5) * DAY
    on_that_day = [(state, at) for state, at in told(events, reason) if abs(at - noon) < DAY / 2]
    assert [state for state, _ in on_that_day] == ["begun", "ended"]


def test_the_leak_is_told_while_water_runs_and_its_end_after_it_was_repaired(events: list[Event]) -> None:
    begun, ended = (
        next(at for state, at in told(events, "leak") if state == wanted and at > LEAKS.timestamp())
        for wanted in ("begun", "ended")
    )
    assert LEAKS.timestamp() < begun < REPAIRED.timestamp() < ended < END.timestamp()
    assert ended - REPAIRED.timestamp() < 2 * DAY


def test_every_ten_minutes_have_a_summary_and_every_hour_a_forecast(days: list[list[Event]]) -> None:
    def counted(kind: type[Event]) -> list[int]:
        return [sum(type(each) is kind for each in day) for day in days]

    assert counted(Summary) == [144] * 28 + [138] + [144] * 2, "the day on which the clock is put forward has 23 hours"
    assert counted(Forecast) == [24] * 28 + [23] + [24] * 2
    assert all(len(each.values) == 168 for day in days for each in day if isinstance(each, Forecast))


def test_the_page_shows_lines_of_it(events: list[Event]) -> None:
    """But for their numbers, which change with what the program learns."""
    page = (series_pictures.ROOT / "docs/series.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(?:   |!! |ok )[A-Z][a-z]{2} \d\d Mar .*$", page, re.MULTILINE)
    said: list[str] = []
    post, diary = Post(), Diary(ZONE, said.append)
    for event in events:
        message = post.message(event)
        diary.receive(message.topic, message.payload)
    assert len(shown) == 9
    assert {without_numbers(line) for line in shown} <= {without_numbers(line) for line in said}


def without_numbers(line: str) -> str:
    line = re.sub(r"^(.. )[A-Z][a-z]{2}", r"\1", line)
    return re.sub(r"[▁▂▃▄▅▆▇█·]+", "|", re.sub(r"[\d.]+", "0", line))


def test_the_pictures_are_made_and_show_what_was_told(events: list[Event]) -> None:
    made = dict(series_pictures.pictures(events))
    assert made == dict(series_pictures.pictures(events))
    assert list(made) == ["series-leak.svg", "series-stuck.svg", "series-forecast.svg"]
    roots = {name: ElementTree.fromstring(text) for name, text in made.items()}
    words = {name: [each.text or "" for each in root.iter(f"{SVG}text")] for name, root in roots.items()}
    for name in ("series-leak.svg", "series-stuck.svg"):
        assert [each.split(",")[0] for each in words[name] if each.startswith(("alert", "over"))] == ["alert", "over"]
    assert len(list(roots["series-leak.svg"].iter(f"{SVG}circle"))) == 20, "one for each night"
    (band,) = roots["series-forecast.svg"].iter(f"{SVG}polygon")
    assert len(band.attrib["points"].split()) == 2 * 168
    assert all(len(text.encode()) < 20_000 for text in made.values())


def test_the_command_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[Event]) -> None:
    monkeypatch.setattr(Month, "days", lambda _month: iter([events]))  # lived already
    assert series_pictures.main(["--into", str(tmp_path)]) == 0
    assert {each.name for each in tmp_path.iterdir()} == set(dict(series_pictures.pictures(events)))
    there = {each.name for each in (series_pictures.ROOT / "docs/img").glob("series-*.svg")}
    assert there == {each.name for each in tmp_path.iterdir()}
