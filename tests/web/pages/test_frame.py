"""What all pages have: they are small, their links are relative, and they say what is wrong."""

import gzip
import os
import re
from pathlib import Path

import pytest
from tests.web.asking import Asking, asking
from tests.web.history import History
from tests.web.reading import LIMIT, NOW, PAGES, SEOUL, Links, house, page, visits_on

from edge_mask.web.pages.assets import assets


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


def test_a_gate_whose_camera_is_away_says_so_in_its_large_field(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    cameras = {"cameras": {"front": {"state": "away", "fps": 0.0}}}
    asked = asking(house(tmp_path, figures=lambda: cameras), who="viewer")
    assert "Camera front: Away. Nobody is judged." in page(asked, "/").text
    assert "Nobody judged yet" not in gates_of(page(asked, "/").text)
    history.visit(NOW - 300)
    assert "Camera front: Away. Nobody is judged." in gates_of(page(asked, "/").text)


def gates_of(text: str) -> str:
    found = re.search(r'<section class="gates".*?</section>', text, re.DOTALL)
    assert found
    return found[0]


def test_alerts_open_where_something_was_not_seen(tmp_path: Path) -> None:
    history = History(tmp_path / "edge-mask.db", NOW, SEOUL)
    history.fault(NOW - 60, component="camera front", code="away", text="usb:7: no such device")
    asked = asking(house(tmp_path), who="viewer")
    answer = asked.get("/alerts?lang=ko", accept="text/html")
    assert answer.headers["location"] == "./alerts?lang=ko&show=faults"
    assert "usb:7" in page(asked, "/alerts?show=faults").text
    history.alert(NOW - 30, kind="fever", camera="front", text="hot")
    assert page(asked, "/alerts").status == 200


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
    text = page(asking(house(tmp_path), who="viewer"), "/alerts?show=alerts").text
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


def test_a_file_is_compressed_once_and_kept(guard: Asking) -> None:
    whole = guard.get("/static/page.css")
    packed = guard.get("/static/page.css", accept_encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == whole.body
    assert packed.headers["etag"] != whole.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"
    assert guard.get("/static/page.css", accept_encoding="gzip", if_none_match=packed.headers["etag"]).status == 304
    assert "content-encoding" not in guard.get("/static/icon-192.png", accept_encoding="gzip").headers
    assert "content-encoding" not in guard.get("/static/page.css", accept_encoding="gzip;q=0").headers


def test_a_page_is_compressed_for_who_can_unpack_it(guard: Asking) -> None:
    whole, packed = guard.get("/"), guard.get("/", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(whole.body) / 2
    assert len(packed.body) <= 20_000
    assert "</html>" in gzip.decompress(packed.body).decode()
    assert {"Accept-Encoding", "Cookie"} <= {each.strip() for each in packed.headers["vary"].split(",")}


def test_what_is_answered_to_a_form_is_not_compressed(guard: Asking) -> None:
    """It may hold a new token beside words of the asker."""
    answer = guard.post("/login", b"name=" + b"x" * 2000, content_type="application/x-www-form-urlencoded",
                        accept_encoding="gzip")  # fmt: skip
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("name", ["nothing.css", "..", "%2e%2e%2fsite.py", "__init__.py"])
def test_only_files_of_the_table_are_served(guard: Asking, name: str) -> None:
    assert guard.get(f"/static/{name}").status == 404
