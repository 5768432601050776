"""Lists, figures and readings on the pages: complete, and right by the calendar of the site."""

import html
import re
from pathlib import Path

import pytest
from tests.web.asking import Asking, asking
from tests.web.history import History
from tests.web.reading import NOW, SEOUL, house, page, visits_on


def test_every_visit_comes_once_over_the_pages(guard: Asking) -> None:
    seen: list[str] = []
    path = "/visits?from=2026-11-23&verdict=no_pass"
    while path:
        text = page(guard, path).text
        seen += visits_on(text)
        more = re.search(r'rel="next" href="(\?[^"]+)"', text)
        path = f"/visits{html.unescape(more[1])}" if more else ""
    api = page(guard, "/figures?by=day&from=2026-11-23&to=2026-11-27").text
    refused = re.search(r"Refused</span><b>(\d+)</b>", api)
    assert refused
    assert len(seen) == len(set(seen)) == int(refused[1]) > 25


def test_filters_stay_in_the_form_and_in_the_links(guard: Asking) -> None:
    text = page(guard, "/visits?from=2026-11-27&verdict=no_pass&reason=fever&camera=front").text
    assert 'value="2026-11-27T00:00"' in text
    assert re.search(r'<option value="fever" selected>', text)
    assert "api/v1/visits.csv?from=2026-11-26T15%3A00%3A00Z" in text, "Seoul's midnight"
    rows = visits_on(text)
    assert all("Fever" in row for row in re.findall(r"<tr id=.*?</tr>", text, re.DOTALL))
    assert rows


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "“yesterday” is no time"),
        ("from=2026-11-27&to=2026-11-20", "ends before it begins"),
        ("cursor=abc", "is no more"),
    ],
)
def test_a_filter_that_cannot_be_is_answered_with_a_sentence(guard: Asking, query: str, sentence: str) -> None:
    answer = page(guard, f"/visits?{query}")
    assert answer.status == 200
    assert sentence in answer.text


def rows_of(text: str) -> list[str]:
    table = re.search(r'id="table-bars".*?</table>', text, re.DOTALL)
    assert table
    return re.findall(r'<th scope="row">(.*?)</th>', table[0])


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_has_the_hours_that_it_has(tmp_path: Path, day: str, hours: int) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    text = page(asking(house(tmp_path, zone="Europe/Berlin"), who="viewer"), f"/figures?from={day}&to={day}").text
    labels = rows_of(text)
    assert len(labels) == len(set(labels)) == hours
    if hours == 25:
        assert [label for label in labels if label.startswith("02")] == ["02:00 (+0200)", "02:00 (+0100)"]


def test_the_table_has_the_numbers_of_the_bars(guard: Asking) -> None:
    text = page(guard, "/figures?by=week").text
    assert len(rows_of(text)) == 26
    judged = re.search(r"Judged</span><b>([\d,]+)</b>", text)
    table = re.search(r'id="table-bars".*?</table>', text, re.DOTALL)
    assert judged
    assert table
    cells = re.findall(r"</th><td>([\d,]+)</td>", table[0])
    assert sum(int(cell.replace(",", "")) for cell in cells) == int(judged[1].replace(",", ""))


def test_hours_of_many_days_are_hours_of_the_day(guard: Asking) -> None:
    text = page(guard, "/figures?by=hour&from=2026-11-01&to=2026-11-27").text
    assert rows_of(text) == [f"{hour:02}:00" for hour in range(24)]


def test_too_long_a_period_is_refused_with_what_is_allowed(guard: Asking) -> None:
    assert "at most 40 days" in page(guard, "/figures?by=hour&from=2026-01-01&to=2026-11-27").text


def test_gaps_are_gaps_and_outliers_are_marked(guard: Asking) -> None:
    text = page(guard, "/readings?span=week").text
    lines = re.findall(r'class="line l\d" d="([^"]+)"', text)
    drawn = [line for line in lines if len(line) > 100]
    assert len(drawn) == 3, "two thermometers and a hygrometer"
    assert sum(line.count("M") > 1 for line in page_lines(guard)) == 2, "two of them were silent for a while today"
    assert "outlier" in text
    assert "not possible" in text


def page_lines(guard: Asking) -> list[str]:
    return re.findall(r'class="line l\d" d="([^"]{100,})"', page(guard, "/readings").text)
