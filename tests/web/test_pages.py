"""The pages as the server writes them: what stands on them, how large they are, and that nothing on them is markup."""

import gzip
import html
import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from tests.web.asking import Answer, Asking, asking, site
from tests.web.history import History

from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.web.pages.assets import assets

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 27, 15, 30, tzinfo=SEOUL).timestamp()
PAGES = (
    "/", "/figures", "/figures?by=day", "/figures?by=week", "/visits", "/alerts", "/alerts?show=faults", "/readings",
    "/readings?span=week", "/readings?span=month",
)  # fmt: skip
LIMIT = 20_000
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


class At(ManualClock):
    """A clock that stands at one moment."""

    def __init__(self, wall: float) -> None:
        super().__init__()
        self._wall = wall

    def now(self) -> Moment:
        return Moment(Seconds(1000.0), Unix(self._wall))


def house(folder: Path, zone: str = "Asia/Seoul", now: float = NOW, **parts: Any) -> Any:
    """A gate and a room with a database in `folder`."""
    settings = Settings.model_validate(
        {
            "device": {
                "thing_name": "gate-01",
                "timezone": zone,
                "labels": {"name": parts.pop("name", "East entrance")},
            },
            "cameras": [{"name": "front", "source": "usb:0"}, {"name": "hall", "source": "usb:1", "role": "cctv"}],
            "outbox": {"path": str(folder / "edge-mask.db")},
            "snapshots": {"dir": str(folder / "snapshots")},
            "web": {"base_path": parts.pop("base_path", "")},
        }
    )
    return site(folder, settings=settings, clock=At(now), **parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With some weeks of history."""
    found = tmp_path_factory.mktemp("pages")
    History(found / "edge-mask.db", NOW, SEOUL).fill()
    return found


@pytest.fixture(scope="module")
def guard(folder: Path) -> Asking:
    """An operator who looks at it."""
    return asking(house(folder), who="operator")


def page(asked: Asking, path: str, **headers: str) -> Answer:
    answer = asked.get(path, accept="text/html", **headers)
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer
    return answer


class Links(HTMLParser):
    """What a page refers to, and what it must not contain."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "script":
            self.scripts.append(dict(attrs).get("src") or "inline")


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_with_its_sheet_and_script_is_small(guard: Asking, path: str, language: str) -> None:
    answer = page(guard, path, accept_language=language)
    assert answer.status == 200
    assert f'<html lang="{language}"' in answer.text
    parts = [answer.body, *(assets()[name].content for name in ("page.css", "page.js", "live.js", "icon.svg"))]
    assert sum(len(gzip.compress(part)) for part in parts) <= LIMIT


def test_many_sensors_and_many_outliers_make_no_large_page(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.restless([f"sensor-{number}" for number in range(16)], ("temperature", "humidity"))
    answer = page(asking(house(tmp_path), who="viewer"), "/readings")
    fixed = (assets()[name].content for name in ("page.css", "page.js", "live.js", "icon.svg"))
    assert sum(len(gzip.compress(part)) for part in (answer.body, *fixed)) <= LIMIT
    assert answer.text.count('class="line l') >= 2 * 16 * 2, "each in its drawing and in the legend"


@pytest.mark.parametrize("path", [*PAGES, "/nothing-here", "/visits/unknown"])
def test_a_page_has_relative_links_and_nothing_inline(guard: Asking, path: str) -> None:
    found = Links(page(guard, path).text)
    absolute = [link for link in found.links if link.startswith("/") or ":" in link]
    assert not absolute, "behind a proxy's path they lead elsewhere"
    assert found.scripts != ["inline"]
    assert not found.inline
    assert "style" not in found.tags


@pytest.mark.parametrize(
    ("path", "way"), [("/gate/", "./"), ("/gate/visits", "./"), ("/gate/visits/unknown/erase", "../../")]
)
def test_links_lead_up_to_the_path_below_which_a_proxy_shows_it(tmp_path: Path, path: str, way: str) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    found = Links(page(asking(house(tmp_path, base_path="/gate"), who="operator"), path).text)
    assert {link for link in found.links if "page.css" in link} == {
        f"{way}static/page.css?v={assets()['page.css'].version}"
    }
    assert not [link for link in found.links if link.startswith("/") or "gate/" in link]


@pytest.mark.parametrize("path", ["/visits/unknown", "/nothing-here"])
def test_what_is_not_there_is_said_in_the_frame(guard: Asking, path: str) -> None:
    answer = page(guard, path, accept_language="ko")
    assert answer.status == 404
    assert "찾을 수 없습니다" in answer.text
    assert Links(answer.text).links[0].startswith("./" if path.count("/") == 1 else "../")


def test_a_program_is_told_of_a_missing_page_in_its_own_way(guard: Asking) -> None:
    answer = guard.get("/visits/unknown", accept="application/json")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_stranger_is_told_nothing_of_the_device(folder: Path) -> None:
    answer = page(asking(house(folder)), "/nothing-here")
    assert answer.status == 404
    assert not [told for told in ("East entrance", "gate-01", "Seoul", "0.1.0") if told in answer.text]


def test_now_shows_the_verdict_large_and_then_small(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.visit(NOW - 3, reasons=("no_mask", "fever"), temperature=38.2)
    text = page(asking(house(tmp_path), who="viewer"), "/").text
    assert re.search(r'class="gate is-refused" id="gate-front"', text)
    assert "Stop" in text
    assert "38.2 °C" in text
    late = page(asking(house(tmp_path, now=NOW + 60), who="viewer"), "/").text
    assert re.search(r'class="gate is-refused is-old" id="gate-front"', late)


def test_now_of_an_empty_house(tmp_path: Path) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    text = page(asking(house(tmp_path), who="viewer"), "/").text
    assert "Nobody judged yet" in text


def test_a_last_picture_has_its_time_in_its_address(tmp_path: Path) -> None:
    History(tmp_path / "edge-mask.db", NOW, SEOUL)
    (tmp_path / "snapshots").mkdir()
    picture = tmp_path / "snapshots" / "latest-hall.jpg"
    picture.write_bytes(b"jpeg")
    os.utime(picture, (NOW - 42, NOW - 42))
    text = page(asking(house(tmp_path), who="viewer"), "/").text
    assert f'src="./api/v1/cameras/hall/latest.jpg?at={NOW - 42:.0f}"' in text
    assert "15:29:18" in text


def test_without_a_database_the_page_says_so(tmp_path: Path) -> None:
    answer = page(asking(house(tmp_path), who="operator"), "/visits")
    assert answer.status == 503
    assert "database" in answer.text


# -- nothing that was recorded becomes markup ------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/visits", "/visits/{id}", "/alerts", "/alerts?show=faults", "/figures?from=2026-11-27"]
)
def test_hostile_names_and_texts_are_shown_as_text(tmp_path: Path, path: str) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    visit = history.visit(NOW - 3, camera="front", reasons=(HOSTILE,), mask=HOSTILE, snapshot=HOSTILE)
    history.visit(NOW - 9, camera=HOSTILE, reasons=())
    history.alert(NOW - 3, kind=HOSTILE, camera=HOSTILE, text=HOSTILE)
    history.fault(NOW - 3, component=HOSTILE, code=HOSTILE, text=HOSTILE)
    text = page(asking(house(tmp_path, name=HOSTILE), who="operator"), path.replace("{id}", visit)).text
    assert "<img src=x" not in text
    assert "onerror" in html.unescape(text), "it is there, as text"
    assert "49" not in re.sub(r"\d{3,}|\d\d:\d\d", "", html.unescape(text)).split("alert(1)")[1][:12]


@pytest.mark.parametrize(
    "name", ["from", "to", "camera", "verdict", "reason", "cursor", "by", "show", "span", "lang", "theme", "done"]
)
@pytest.mark.parametrize("path", ["/visits", "/figures", "/alerts", "/readings"])
def test_hostile_questions_are_answered_with_a_page(guard: Asking, path: str, name: str) -> None:
    if path in ("/alerts", "/readings") and name not in ("cursor", "show", "span", "lang"):
        return  # not asked for there
    for value in (HOSTILE, "%00", "9" * 400, "9999-12-31", "0001-01-01T00:00", "--", "é", "1970-01-01", "2026-13-45"):
        answer = page(guard, f"{path}?{name}={quote(value)}")
        assert answer.status == 200, value
        assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    "damage",
    [
        "temperature = x'00ff'", "mask_score = 'much'", "reasons = 'no JSON'", "verdict = x'01'", "wall = x'00'",
        "wall = 9e99", "mask = 7", "camera = x'ff'", "time_to_verdict_ms = 'soon'", "record = x'00'", "synced = 'yes'",
        "snapshot = x'00'",
    ],
)  # fmt: skip
def test_a_damaged_row_is_shown_and_breaks_no_page(tmp_path: Path, damage: str) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    visit = history.visit(NOW - 30, reasons=("fever",), temperature=38.0)
    with closing(sqlite3.connect(tmp_path / "edge-mask.db")) as database, database:
        database.execute(f"UPDATE visits SET {damage}")
    guard = asking(house(tmp_path), who="operator")
    for path in ("/", "/visits", f"/visits/{visit}", f"/visits/{visit}/erase", "/figures"):
        assert page(guard, path).status == 200, path


# -- filters ---------------------------------------------------------------------------------------------


def visits_on(text: str) -> list[str]:
    return re.findall(r'<tr id="v-([^"]+)"', text)


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


# -- figures ---------------------------------------------------------------------------------------------


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


# -- readings --------------------------------------------------------------------------------------------


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


# -- seen marks, roles, preferences ----------------------------------------------------------------------


def test_a_viewer_is_offered_nothing_that_changes(folder: Path) -> None:
    viewer = asking(house(folder), who="viewer")
    visit = visits_on(page(viewer, "/visits").text)[0]
    assert "/erase" not in page(viewer, f"/visits/{visit}").text
    assert "Mark all" not in page(viewer, "/alerts").text
    assert viewer.post("/alerts", b"id=x", content_type="application/x-www-form-urlencoded").status == 403
    assert viewer.post(f"/visits/{visit}/erase").status == 403


def test_each_kind_says_how_many_nobody_has_seen(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    for _ in range(3):
        history.fault(NOW - 60, component="mqtt", code="away", text="no answer")
    text = page(asking(house(tmp_path), who="viewer"), "/alerts").text
    assert "Faults (3)" in text
    assert "Alerts</a>" in text
    assert "<title>(3)" in text


def test_a_form_without_a_mark_is_refused(guard: Asking) -> None:
    answer = guard.post("/alerts", b"show=alerts", content_type="application/x-www-form-urlencoded")
    assert answer.status == 400


def test_language_and_appearance_are_kept_by_the_browser(guard: Asking) -> None:
    answer = page(guard, "/figures?by=day&lang=ko&theme=dark")
    assert '<html lang="ko" data-theme="dark"' in answer.text
    assert "edge_mask_" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "lang=ko" not in "".join(re.findall(r'href="\?[^"]*by=week[^"]*"', answer.text)), "links do not carry it on"


def test_a_file_is_kept_by_the_browser_for_its_version(guard: Asking) -> None:
    name = "page.css"
    versioned = guard.get(f"/static/{name}?v={assets()[name].version}")
    assert "immutable" in versioned.headers["cache-control"]
    plain = guard.get(f"/static/{name}")
    assert plain.headers["cache-control"] == "no-cache"
    assert guard.get(f"/static/{name}", if_none_match=plain.headers["etag"]).status == 304


@pytest.mark.parametrize("name", ["nothing.css", "..", "%2e%2e%2fsite.py", "__init__.py"])
def test_only_files_of_the_table_are_served(guard: Asking, name: str) -> None:
    assert guard.get(f"/static/{name}").status == 404
