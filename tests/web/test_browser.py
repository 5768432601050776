"""The pages in a real browser, served by the installed daemon: one daemon and one browser for all."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from time import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.end_to_end.daemon import MASKED, edge_mask, write_scene
from tests.waiting import until
from tests.web.browsing import CHROMIUM, PHONE, SEOUL, USER, Browsing, browsing, fill_in
from tests.web.history import History
from tests.web.served import add_user, served

from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")

HOSTILE = '<img src="x" onerror="document.title=1">'
ROOMS = ("./", "figures", "visits", "alerts", "readings", "settings")
JUDGED = ".tile:first-child b"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    """A gate where somebody comes every three seconds, with a history and an operator."""
    folder = tmp_path_factory.mktemp("browser")
    history = History(folder / "edge-mask.db", time(), ZoneInfo(SEOUL))
    history.fill(8)
    history.alert(time() - 30, kind="no_mask", camera="hall", text=HOSTILE, streak=6)
    history.fault(time() - 40, component=HOSTILE, code="away", text=HOSTILE)
    device = {"thing_name": "gate-01", "timezone": SEOUL, "labels": {"name": "East <b>entrance</b>"}}
    snapshots = {"visits": "all", "latest": "on", "latest_every": "1s"}
    # Somebody who was away for less than 1.5 s is the same visitor.
    scene = write_scene(folder / "visitors", [*[MASKED] * 6, *[None] * 19])
    cameras = [{"name": "front", "source": f"images:{scene}", "role": "gate", "interval": "0.1s", "loop": True}]
    with served(folder, device=device, snapshots=snapshots, cameras=cameras) as house:
        add_user(house.config, USER)
        add_user(house.config, "lee", "viewer")
        with browsing(house) as found:
            yield found


def judged(page: Page) -> int:
    return int(page.locator(JUDGED).first.inner_text().replace(",", ""))


def grows(page: Page, beyond: int) -> None:
    """The page tells of another visitor, without being loaded again."""
    page.wait_for_function(
        "([what, least]) => Number(document.querySelector(what).textContent.replace(',', '')) > least",
        arg=[JUDGED, beyond],
    )


def recorded(desk: Browsing) -> int:
    """How many were judged today, in the database."""
    midnight = datetime.now(ZoneInfo(SEOUL)).replace(hour=0, minute=0, second=0, microsecond=0)
    found: int = Reader(desk.house.folder / "edge-mask.db").summary(Which(since=midnight.timestamp()))["judged"]
    return found


def paths(page: Page) -> list[str]:
    """One of each kind of page."""
    page.goto("/visits?from=" + datetime.now(ZoneInfo(SEOUL)).date().isoformat())
    visit = page.locator("tbody tr").first.get_attribute("id")
    assert visit
    return [*ROOMS, f"visits/{visit.removeprefix('v-')}", f"visits/{visit.removeprefix('v-')}/erase", "nothing-here"]


# -- who may -------------------------------------------------------------------------------------------------


def test_a_stranger_logs_in_and_comes_to_the_page_that_was_asked_for(desk: Browsing) -> None:
    with desk.page("/figures?by=day", is_logged_in=False) as page:
        assert "/login?next=figures" in page.url
        fill_in(page, password="not this one at all")
        expect(page.get_by_role("alert")).to_be_visible()
        fill_in(page)
        page.wait_for_url(f"{desk.address}/figures?by=day")
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{desk.address}/login")
        page.goto("/visits")
        assert "/login?next=visits" in page.url
    desk.complaints.clear()  # the refused password is an error to the browser


def test_a_viewer_has_no_button_that_changes_anything(desk: Browsing) -> None:
    with desk.page("/login", is_logged_in=False) as page:
        fill_in(page, "lee")
        page.wait_for_url(f"{desk.address}/")
        page.goto("/alerts")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.get_by_role("button", name=re.compile("seen", re.IGNORECASE)).count() == 0


# -- live ----------------------------------------------------------------------------------------------------


def test_a_visit_appears_without_loading_the_page(desk: Browsing) -> None:
    with desk.page("/") as page:
        page.evaluate("window.same = true")
        before = judged(page)
        grows(page, before)
        assert page.evaluate("window.same") is True
        expect(page.locator(".gate .word")).to_have_text(re.compile("Pass|Stop"))
        expect(page.locator("#said")).not_to_be_empty()  # a screen reader is told
        expect(page.locator("#camera-front img")).to_be_visible()
        assert page.locator("#camera-front img").evaluate("each => each.decode().then(() => each.naturalWidth)") > 0


def test_a_page_of_an_older_version_loads_itself_anew(desk: Browsing) -> None:
    with desk.page("/") as page:
        page.evaluate("window.same = true")
        page.evaluate("document.querySelector('script[data-worker]').setAttribute('src', 'older')")
        page.wait_for_function("() => window.same === undefined")


def test_a_list_grows_at_its_head_and_keeps_the_focus(desk: Browsing) -> None:
    with desk.page("/visits") as page:
        row = page.locator("tbody tr").first.get_attribute("id")
        page.locator(f"#{row} a").first.focus()
        page.wait_for_function("first => document.querySelector('tbody tr').id !== first", arg=row)
        assert page.evaluate("document.activeElement.closest('tr').id") == row


def test_the_switch_is_kept_by_the_browser_and_obeyed_by_all_of_its_tabs(desk: Browsing) -> None:
    with desk.context() as context:
        first, second = context.new_page(), context.new_page()
        for page in (first, second):
            page.goto("/")
        first.get_by_role("switch").click()
        for page in (first, second):
            expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "false")
            expect(page.locator("#strip")).to_have_text(
                re.compile(r"Live updates are off, showing \d\d:\d\d\. Load again")
            )
        stood = judged(first)
        with desk.page("/") as other:
            grows(other, stood)
        assert judged(first) == stood
        first.reload()
        expect(first.get_by_role("switch")).to_have_attribute("aria-checked", "false")
        stood = judged(first)
        first.get_by_role("switch").click()
        expect(second.locator("#strip")).to_be_hidden()
        grows(first, stood)


def test_nine_tabs_are_live_over_one_stream(desk: Browsing) -> None:
    with desk.context() as context:
        begun = len(desk.wire.streams)
        tabs = [context.new_page() for _ in range(9)]
        for tab in tabs:
            tab.goto("/")
        counts = [judged(tab) for tab in tabs]
        for tab, count in zip(tabs, counts, strict=True):
            tab.bring_to_front()
            grows(tab, count)
        assert len(desk.wire.streams) - begun == 1
        for tab in tabs[1:]:
            tab.close()
        grows(tabs[0], judged(tabs[0]))


def test_without_shared_workers_a_page_has_a_stream_of_its_own(desk: Browsing) -> None:
    with desk.context() as context:
        context.add_init_script("delete window.SharedWorker")
        page = context.new_page()
        page.goto("/")
        assert page.evaluate("'SharedWorker' in window") is False
        grows(page, judged(page))


def test_a_broken_connection_is_shown_with_the_time_and_caught_up_with(desk: Browsing) -> None:
    with desk.page("/") as page:
        grows(page, judged(page))
        begun = len(desk.wire.streams)
        with desk.wire.broken():
            expect(page.locator("#strip")).to_have_text(re.compile(r"Connection lost, showing \d\d:\d\d\. Load again"))
            shown = re.findall(r"\d\d:\d\d", page.locator("#strip").inner_text())[0]
            now = datetime.now(ZoneInfo(SEOUL))
            assert shown in {f"{now - timedelta(minutes=ago):%H:%M}" for ago in range(3)}, "the time of the site"
            stood = judged(page)
            missed = until(lambda: recorded(desk) if recorded(desk) > stood else 0)
        expect(page.locator("#strip")).to_have_text(re.compile("Connected again"), timeout=15_000)
        grows(page, missed - 1)
        assert desk.wire.streams[begun:], "the stream was asked for again"
        assert desk.wire.streams[begun] != "", "after the event that was seen last"


def test_a_connection_that_only_falls_silent_is_lost_too(desk: Browsing) -> None:
    with desk.context() as context:
        context.add_init_script("delete window.SharedWorker")  # whose clock nobody can turn on
        page = context.new_page()
        page.clock.install()
        page.goto("/")
        grows(page, judged(page))
        with desk.wire.silent():
            page.clock.fast_forward(60_000)
            expect(page.locator("#strip")).to_have_text(re.compile("Connection lost"))
            stood = judged(page)
        grows(page, stood)
        expect(page.locator("#strip")).not_to_have_text(re.compile("Connection lost"))


def test_whoever_is_no_user_any_more_is_told_so(desk: Browsing) -> None:
    add_user(desk.house.config, "park", "viewer")
    with desk.page("/login", is_logged_in=False) as page:
        fill_in(page, "park")
        page.wait_for_url(f"{desk.address}/")
        grows(page, judged(page))
        done = edge_mask("users", "remove", "park", "--config", desk.house.config, cwd=desk.house.folder)
        assert done.code == 0, done
        expect(page.locator("#strip")).to_have_text(
            re.compile(r"You are logged out, showing \d\d:\d\d"), timeout=30_000
        )
        page.get_by_role("link", name="Load again").click()
        page.wait_for_url(re.compile("/login"))
    desk.complaints[:] = [each for each in desk.complaints if "401" not in each]


# -- lists ---------------------------------------------------------------------------------------------------


def test_paging_and_filters_by_clicks(desk: Browsing) -> None:
    with desk.page("/visits") as page:
        page.select_option("select[name=verdict]", "no_pass")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url(re.compile("verdict=no_pass"))
        assert page.locator("tbody .mark.is-pass").count() == 0
        first = page.locator("tbody tr").first.get_attribute("id")
        page.get_by_role("link", name="Older").click()
        page.wait_for_url(re.compile("cursor="))
        assert page.locator(f"#{first}").count() == 0
        assert page.locator("select[name=verdict]").input_value() == "no_pass"
        page.get_by_role("link", name="Newest").click()
        page.get_by_role("link", name="All again").click()
        page.wait_for_url(f"{desk.address}/visits")


def test_a_visit_shows_what_it_was_decided_on(desk: Browsing) -> None:
    with desk.page("/") as page:
        grows(page, judged(page))
        page.get_by_role("link", name="Why?").first.click()
        expect(page.get_by_role("heading", name="What it was decided on")).to_be_visible()
        assert page.locator(".rows.tight tbody tr").count() >= 3, "three looks must agree"
        expect(page.locator("dl.tight")).to_contain_text(["votes"])
        expect(page.locator("img.photo")).to_be_visible()
        assert page.locator("img.photo").evaluate("each => each.decode().then(() => each.naturalWidth)") > 0


def test_an_alert_is_marked_as_seen(desk: Browsing) -> None:
    with desk.page("/alerts?show=faults") as page:
        news = page.locator(".card.is-new").count()
        page.get_by_role("button", name=re.compile("^Mark as seen")).first.click()
        expect(page.get_by_text("Marked as seen.")).to_be_visible()
        assert page.locator(".card.is-new").count() == news - 1


def test_a_visit_is_erased_after_a_question(desk: Browsing) -> None:
    with desk.page("/visits") as page:
        row = page.locator("tbody tr").nth(3).get_attribute("id")
        page.locator(f"#{row} a").first.click()
        page.get_by_role("link", name="Erase this visit").click()
        page.get_by_role("button", name="Erase it").click()
        expect(page.get_by_text("The visit is erased.")).to_be_visible()
        assert page.locator(f"#{row}").count() == 0


def test_hostile_texts_are_only_text(desk: Browsing) -> None:
    with desk.page("/alerts") as page:
        for path in ("alerts", "alerts?show=faults", "./"):
            page.goto(f"/{path.removeprefix('./')}")
            assert page.locator("img[src=x], .brand b").count() == 0
        page.goto("/alerts")
        expect(page.locator(".card").first).to_contain_text(HOSTILE)
        assert page.title() != "1"


# -- for everybody -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("ko-KR", "dark")])
def test_no_page_has_a_finding_of_axe(desk: Browsing, language: str, scheme: Any) -> None:
    with desk.page("/", locale=language, color_scheme=scheme) as page:
        for path in [*paths(page), "login?next=visits"]:
            page.goto(f"/{path.removeprefix('./')}")
            assert page.locator("html").get_attribute("lang") == language[:2]
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    desk.complaints[:] = [each for each in desk.complaints if "404" not in each]  # the page that is not there


@pytest.mark.parametrize("language", ["en-GB", "ko-KR"])
def test_no_page_is_wider_than_a_telephone(desk: Browsing, language: str) -> None:
    with desk.page("/", locale=language, viewport=PHONE, is_mobile=True, has_touch=True) as page:
        for path in paths(page):
            page.goto(f"/{path.removeprefix('./')}")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
            small = page.evaluate(
                "[...document.querySelectorAll('nav.rooms a, button, .pager a')].filter(each => each.offsetParent"
                " && each.getBoundingClientRect().height < 40).map(each => each.outerHTML)"
            )
            assert not small, f"too small for a finger on {path}"
    desk.complaints[:] = [each for each in desk.complaints if "404" not in each]


def test_light_and_dark_follow_the_system_until_somebody_chooses(desk: Browsing) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with desk.page("/", color_scheme="dark") as page:
        dark = page.evaluate(ground)
        page.locator(".menu summary").click()
        page.get_by_role("link", name="Light").click()
        page.wait_for_url(re.compile("theme=light"))
        light = page.evaluate(ground)
        assert light != dark
        page.goto("/figures")
        assert page.evaluate(ground) == light
        page.goto("/?theme=auto")
        assert page.evaluate(ground) == dark


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(desk: Browsing) -> None:
    with desk.page("/") as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.goto("/")
        reached = []
        for _ in range(9):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent.trim().match(/^[a-z]*/i)[0]"))
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert reached[2:8] == ["Now", "Figures", "Visits", "Alerts", "Readings", "Live"]
        page.locator(".menu summary").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Log out")).to_be_hidden()
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_without_a_script_everything_but_live_is_there(desk: Browsing) -> None:
    with desk.page("/", java_script_enabled=False) as page:
        expect(page.get_by_role("switch")).to_be_hidden()
        page.get_by_role("link", name="Figures").click()
        page.get_by_role("link", name="Weeks").click()
        expect(page.get_by_role("img", name="Visitors by week")).to_be_visible()
        page.locator("summary", has_text="As a table").click()
        expect(page.locator("#table-bars table")).to_be_visible()
        page.get_by_role("link", name="Visits").click()
        page.select_option("select[name=reason]", "fever")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url(re.compile("reason=fever"))
        page.locator(".menu summary").click()
        page.get_by_role("link", name="한국어").click()
        expect(page.get_by_role("heading", name="방문")).to_be_visible()


def test_on_paper_there_are_no_buttons_and_the_tables_are_open(desk: Browsing) -> None:
    with desk.page("/figures?by=day") as page:
        page.emulate_media(media="print")
        expect(page.locator("nav.rooms")).to_be_hidden()
        expect(page.locator(".tools")).to_be_hidden()
        expect(page.locator("#table-bars table")).to_be_visible()


def test_who_wants_no_motion_gets_none(desk: Browsing) -> None:
    with desk.page("/", reduced_motion="reduce") as page:
        assert page.evaluate("getComputedStyle(document.querySelector('.switch i')).transitionDuration") in ("0s", "")


def test_no_page_has_complained_to_the_console(desk: Browsing) -> None:
    """The last one: errors of scripts, refused by the policy or not, of all tests above."""
    assert not desk.complaints
