"""Lists, one visit, marks and erasure, in a real browser."""

import re

import pytest
from playwright.sync_api import expect
from tests.web.browsing import HOSTILE, PHONE, Browsing, grows, judged


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
        page.locator("summary", has_text="Settings then").click()
        expect(page.locator("dl.tight").first).to_contain_text("Looks that must be ahead")
        assert "_" not in page.locator("dl.tight").first.inner_text(), "words, and no keys"
        expect(page.locator("img.photo")).to_be_visible()
        assert page.locator("img.photo").evaluate("each => each.decode().then(() => each.naturalWidth)") > 0


def test_from_one_visit_to_the_next_with_the_filters_of_the_list(desk: Browsing) -> None:
    with desk.page("/visits?verdict=no_pass") as page:
        rows = [row.get_attribute("id") or "" for row in page.locator("tbody tr").all()]
        page.locator(f"#{rows[1]} a").first.click()
        page.get_by_role("link", name="Older visit").click()
        page.wait_for_url(re.compile(f"{rows[2].removeprefix('v-')}.*verdict=no_pass"))
        page.get_by_role("link", name="Newer visit").click()
        page.get_by_role("link", name="Newer visit").click()
        page.wait_for_url(re.compile(rows[0].removeprefix("v-")))
        expect(page.get_by_role("link", name="Newer visit")).to_have_count(0)  # whoever comes now passes
        page.get_by_role("link", name="All that were chosen").click()
        page.wait_for_url(re.compile(r"/visits\?verdict=no_pass$"))


def test_the_looks_of_a_visit_have_headings_on_a_telephone(desk: Browsing) -> None:
    with desk.page("/visits", viewport=PHONE) as page:
        page.locator("tbody tr").first.locator("a").first.click()
        table = page.locator(".rows.tight")
        for heading in table.locator("thead th").all():
            box = heading.bounding_box()
            assert box
            assert box["height"] > 10
        cell = table.locator("tbody td").first.evaluate(
            "each => [each.clientHeight, getComputedStyle(each).whiteSpace]"
        )
        assert cell[0] < 45, "a number and its unit stand in one line"
        assert cell[1] == "nowrap"


def test_a_visit_that_was_erased_elsewhere_leaves_its_page(desk: Browsing) -> None:
    with desk.page("/visits") as page:
        row = page.locator("tbody tr").nth(5).get_attribute("id")
        page.locator(f"#{row} a").first.click()
        expect(page.get_by_text("What was said")).to_be_visible()
        with desk.page(f"/visits/{str(row).removeprefix('v-')}/erase") as other:
            other.get_by_role("button", name="Erase it").click()
            expect(other.get_by_text("The visit is erased.")).to_be_visible()
        expect(page.get_by_text("There is no such visit.")).to_be_visible()
        expect(page.locator("main img, main dl")).to_have_count(0)
        desk.complaints[:] = [each for each in desk.complaints if "404" not in each]


@pytest.mark.parametrize("path", ["", "/erase"])
def test_what_was_erased_leaves_a_page_that_is_not_live(desk: Browsing, path: str) -> None:
    with desk.context() as context:
        page, listed = context.new_page(), context.new_page()
        listed.goto("/visits")
        listed.get_by_role("switch").click()
        row = listed.locator("tbody tr").nth(5).get_attribute("id")
        visit = f"/visits/{str(row).removeprefix('v-')}"
        page.goto(visit + path)
        expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "false")
        with desk.page(f"{visit}/erase") as other:
            other.get_by_role("button", name="Erase it").click()
            expect(other.get_by_text("The visit is erased.")).to_be_visible()
        page.bring_to_front()
        expect(page.get_by_text("There is no such visit.")).to_be_visible()
        listed.bring_to_front()
        expect(listed.locator(f"#{row}")).to_have_count(0)
        expect(listed.get_by_role("switch")).to_have_attribute("aria-checked", "false")
        desk.complaints[:] = [each for each in desk.complaints if "404" not in each]


def test_a_usual_setting_is_changed_on_a_telephone(desk: Browsing) -> None:
    with desk.page("/settings", viewport=PHONE) as page:
        page.get_by_label("Looks for a verdict").fill("many")
        page.get_by_role("button", name="Apply").first.click()
        expect(page.get_by_label("Looks for a verdict")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("allowed: a whole number").first).to_be_visible()
        page.get_by_label("Looks for a verdict").fill("2")
        page.get_by_role("button", name="Apply").first.click()
        expect(page.get_by_text("The change is in force.")).to_be_visible()
        page.locator("summary", has_text="Advanced").click()
        row = page.locator(".keys tr", has_text="cameras[0].source").first
        key = row.locator("th").bounding_box()
        assert key
        assert key["height"] < 30, "a key stands in one line"
        assert row.locator("td").first.evaluate("each => getComputedStyle(each, '::before').content") == '"Value: "'
        page.get_by_role("button", name="Take gate.votes out").click()
        expect(page.get_by_text("The change is in force.")).to_be_visible()
    desk.complaints[:] = [each for each in desk.complaints if "400" not in each]


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
        page.goto("/alerts?show=faults")
        expect(page.locator(".card", has_text=HOSTILE).first).to_be_visible()
        assert page.title() != "1"
