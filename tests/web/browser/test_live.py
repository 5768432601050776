"""What changes on a page by itself, in a real browser: events, the switch, a lost connection."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import expect
from tests.end_to_end.daemon import edge_mask
from tests.waiting import until
from tests.web.browsing import ZONE, Browsing, fill_in, grows, judged, recorded
from tests.web.served import add_user


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


def test_a_list_does_not_move_while_it_is_used_and_tells_what_waits(desk: Browsing) -> None:
    with desk.page("/visits") as page:
        row = page.locator("tbody tr").first.get_attribute("id")
        page.locator(f"#{row} a").first.focus()
        expect(page.locator("#held")).to_have_text(re.compile(r"^[1-9] new$"))
        assert page.locator("tbody tr").first.get_attribute("id") == row
        assert page.evaluate("document.activeElement.closest('tr').id") == row
        page.locator("#held").click()
        page.wait_for_function("first => document.querySelector('tbody tr').id !== first", arg=row)
        expect(page.locator("#held")).to_be_hidden()


def test_a_button_of_an_alert_keeps_the_focus_while_the_page_changes(desk: Browsing) -> None:
    with desk.page("/alerts?show=alerts") as page:
        button = page.get_by_role("button", name=re.compile("^Mark as seen")).first
        button.focus()
        page.evaluate("window.held = document.activeElement; document.querySelector('.card .text').textContent = 'old'")
        page.evaluate("dispatchEvent(new StorageEvent('storage', { key: 'edge_mask.live' }))")  # asks again
        expect(page.locator(".card .text").first).not_to_have_text("old")
        assert page.evaluate("document.activeElement === window.held")


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
            now = datetime.now(ZoneInfo(ZONE))
            assert shown in {f"{now - timedelta(minutes=ago):%H:%M}" for ago in range(3)}, "the time of the site"
            stood = judged(page)
            missed = until(lambda: recorded(desk) if recorded(desk) > stood else 0)
        expect(page.locator("#strip")).to_have_text(re.compile("Connected again"))
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
        page.get_by_role("link", name="Log in").click()
        page.wait_for_url(re.compile("/login"))
    desk.complaints[:] = [each for each in desk.complaints if "401" not in each]
