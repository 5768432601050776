"""Lists, figures and readings on the pages: complete, and right by the calendar of the site."""

import html
import re
from itertools import pairwise
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


def test_a_visit_that_a_second_look_decides_otherwise_is_marked_in_the_list(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    ids = [history.visit(NOW - 60 * n, amended=amended) for n, amended in enumerate((1, 0, None))]
    text = page(asking(house(tmp_path), who="operator"), "/visits").text
    marked = [visit for visit in ids if 'data-part="amended"' in text.split(f'id="v-{visit}"')[1].split("</tr>")[0]]
    assert marked == ids[:1]


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


@pytest.fixture
def fever(tmp_path: Path) -> Asking:
    """A thermometer at the gate for twenty minutes, and a device that is no older."""
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for second in range(1200, 0, -20):
        value = 38.7 if second == 600 else 36.4 if second == 900 else 36.5
        history.reading(NOW - second, sensor="forehead", quantity="temperature", unit="C", value=value)
    thermometer = {"name": "forehead", "kind": "w1"}
    return asking(house(tmp_path, sensors=[thermometer], gate={"temperature_sensor": "forehead"}), who="viewer")


@pytest.mark.parametrize("span", ["hours", "day", "week", "month"])
def test_readings_show_the_fever_and_the_latest_value_with_its_time(fever: Asking, span: str) -> None:
    text = page(fever, f"/readings?span={span}").text
    assert re.search(r"forehead <b>36.50? °C</b> <time[^>]*>15:29:40</time>", text)
    table = re.search(r"<tbody>.*?</tbody>", text, re.DOTALL)
    assert table
    assert "<td>38.7" in table[0]
    assert "<td>36.4" in table[0]
    times = re.findall(r"(?:2026 |– )(\d\d:\d\d:\d\d)", table[0])
    assert min(times) == "15:10:00", "the first reading; nothing was before it"
    assert max(times) == "15:29:40"


def test_the_line_of_fever_is_drawn_and_the_drawing_begins_with_the_first_reading(fever: Asking) -> None:
    text = page(fever, "/readings").text
    assert 'class="limit"' in text
    assert "Fever above 37.5 °C" in text
    assert "Fri 27 Nov 2026 15:10:00 – Fri 27 Nov 2026 15:30:00" in text


def test_the_step_of_a_line_is_told_as_it_is(guard: Asking) -> None:
    assert "a point is the mean of 2 hours" in page(guard, "/readings?span=week").text
    assert "a point is the mean of" not in page(guard, "/readings?span=hours").text


def test_a_filter_that_is_not_offered_is_told_and_what_is_shown_instead(guard: Asking) -> None:
    assert "Verdict: there is no “maybe”; all are shown." in page(guard, "/visits?verdict=maybe").text
    assert "Reason: there is no “tired”" in page(guard, "/visits?reason=tired").text
    text = page(guard, "/figures?from=2026-11-20&to=2026-11-10").text
    assert "Shown is Tue 10 Nov 2026 – Tue 10 Nov 2026 instead." in text


def test_labels_of_two_months_of_days_leave_room_on_a_telephone(guard: Asking) -> None:
    text = page(guard, "/figures?by=day&from=2026-10-01&to=2026-11-27", accept_language="ko").text
    seen = [float(x) for x in re.findall(r'<text class="t0" x="([\d.]+)"', text)]
    assert min(later - earlier for earlier, later in pairwise(seen)) > 100
