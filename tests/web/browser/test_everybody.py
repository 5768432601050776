"""The pages for everybody, in a real browser: eyes, ears, keys, thumbs, paper, without scripts."""

import re
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect
from tests.web.browsing import PHONE, Browsing, paths

ALL = {"resultTypes": ["violations"]}
CONTRAST = {**ALL, "runOnly": ["color-contrast"]}
"""All that the dark differs in."""


@pytest.mark.parametrize("width", ["desk", "telephone"])
def test_no_page_has_a_finding_of_axe(desk: Browsing, width: str) -> None:
    """In both languages, light and dark; a telephone has the same colours."""
    # A colour on its way to another is none of ours.
    shape: dict[str, Any] = {"reduced_motion": "reduce", "color_scheme": "light"}
    if width == "telephone":
        shape |= {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    with desk.page("/", **shape) as page:
        for path in [*paths(page), "account"]:
            _has_no_finding(page, f"/{path.removeprefix('./')}", is_telephone=width == "telephone")
    with desk.page("/login", is_logged_in=False, **shape) as page:
        _has_no_finding(page, "/login?next=visits", is_telephone=width == "telephone")
    desk.complaints[:] = [each for each in desk.complaints if "404" not in each]  # the page that is not there


def _has_no_finding(page: Page, path: str, *, is_telephone: bool) -> None:
    for language in ("ko", "en"):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.locator("html").get_attribute("lang") == language
        page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        page.evaluate(f"() => {{ {AXE_SCRIPT} }}")
        for scheme, options in (("light", ALL), ("dark", CONTRAST))[: 1 if is_telephone else 2]:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = page.evaluate("options => axe.run(document, options)", options)
            told = [
                (each["id"], each["help"], [node["html"] for node in each["nodes"]]) for each in found["violations"]
            ]
            assert not told, f"{path}, {language}, {scheme}"
        page.emulate_media(color_scheme="light")


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
