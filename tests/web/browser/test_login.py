"""Who is let in, in a real browser."""

import re

from playwright.sync_api import expect
from tests.web.browsing import Browsing, fill_in


def test_a_stranger_logs_in_and_comes_to_the_page_that_was_asked_for(desk: Browsing) -> None:
    with desk.page("/figures?by=day", is_logged_in=False) as page:
        assert "/login?next=figures" in page.url
        fill_in(page, password="not this one at all")
        expect(page.locator(".panel").get_by_role("alert")).to_be_visible()
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


def test_a_wrong_password_keeps_the_name_and_asks_for_the_password_again(desk: Browsing) -> None:
    with desk.page("/login", is_logged_in=False) as page:
        fill_in(page, "lee", password="not this one at all")
        expect(page.locator(".panel").get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Name")).to_have_value("lee")
        expect(page.get_by_label("Password")).to_be_focused()
        expect(page.get_by_label("Password")).to_have_value("")
    desk.complaints.clear()  # the refused password is an error to the browser


def test_a_page_on_another_port_of_this_host_logs_nobody_out(desk: Browsing) -> None:
    """Cookies know no ports and browsers send them along: such a page counts as the same site."""
    other = "http://127.0.0.1:8099/"
    form = f'<form method="post" action="{desk.address}/logout"><button>x</button></form>'
    with desk.page("/") as page:
        page.context.route(other, lambda route: route.fulfill(body=form, content_type="text/html"))
        page.goto(other)
        with page.expect_response(f"{desk.address}/logout") as told:
            page.get_by_role("button").click()
        assert told.value.status == 403
        assert "edge-mask-" in told.value.request.all_headers()["cookie"], "it was sent along, and helped nothing"
        page.goto(f"{desk.address}/account")
        assert page.url == f"{desk.address}/account"
    desk.complaints.clear()  # the refused form is an error to the browser
