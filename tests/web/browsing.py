"""A browser before the pages of a running daemon."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests.web.served import PASSWORD, Served
from tests.web.wire import Wire

from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader

CHROMIUM = Path("/usr/bin/chromium")
USER = "kim"
HOSTILE = '<img src="x" onerror="document.title=1">'
ROOMS = ("./", "figures", "visits", "alerts", "readings", "settings")
_JUDGED = ".tile:first-child b"
ZONE = next(zone for zone in ("Asia/Seoul", "America/New_York") if 1 <= datetime.now(ZoneInfo(zone)).hour < 23)
"""Of the site: it is not near midnight there, where the figures of the day begin anew."""
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 860}
PATIENCE = 60_000
"""Milliseconds. A visitor comes every three seconds, on a busy machine later: the five that `expect` waits are few."""
expect.set_options(timeout=PATIENCE)


@dataclass
class Browsing:
    """One browser, one daemon, and the wire between them."""

    browser: Browser
    house: Served
    wire: Wire
    cookies: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What any page wrote on its console as an error, a breach of its policy included."""

    @property
    def address(self) -> str:
        return self.wire.address

    @contextmanager
    def context(self, *, is_logged_in: bool = True, **wishes: Any) -> Iterator[BrowserContext]:
        """A browser of somebody's own: wishes are its language, its size, whether it likes it dark."""
        given = {
            "locale": "en-GB",
            "viewport": DESK,
            "base_url": self.address,
            "timezone_id": "Europe/Lisbon",
            **wishes,
        }
        context = self.browser.new_context(**given)
        context.set_default_timeout(PATIENCE)
        if is_logged_in:
            context.add_cookies(self.cookies)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        try:
            yield context
        finally:
            context.close()

    @contextmanager
    def page(self, path: str = "/", **wishes: Any) -> Iterator[Page]:
        """A page in a browser of its own."""
        with self.context(**wishes) as context:
            found = context.new_page()
            found.goto(path)
            yield found

    def log_in(self) -> None:
        """By the form, once: the others take its cookie."""
        with self.page("/login", is_logged_in=False) as page:
            fill_in(page)
            page.wait_for_url(f"{self.address}/")
            self.cookies = page.context.cookies()

    def _hear(self, message: ConsoleMessage) -> None:
        is_expected = "ERR_CONNECTION_REFUSED" in message.text or "ERR_EMPTY_RESPONSE" in message.text
        if message.type == "error" and not is_expected:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


def fill_in(page: Page, name: str = USER, password: str = PASSWORD) -> None:
    """The form of the login."""
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")


@contextmanager
def browsing(house: Served) -> Iterator[Browsing]:
    """A browser that is logged in; its cookie knows no port, so that it holds behind the wire too."""
    with sync_playwright() as playwright, Wire(house.port) as wire:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        found = Browsing(browser, house, wire)
        try:
            found.log_in()
            yield found
        finally:
            browser.close()


def judged(page: Page) -> int:
    return int(page.locator(_JUDGED).first.inner_text().replace(",", ""))


def grows(page: Page, beyond: int) -> None:
    """The page tells of another visitor, without being loaded again."""
    page.wait_for_function(
        "([what, least]) => Number(document.querySelector(what).textContent.replace(',', '')) > least",
        arg=[_JUDGED, beyond],
    )


def recorded(desk: Browsing) -> int:
    """How many were judged today, in the database."""
    midnight = datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    found: int = Reader(desk.house.folder / "edge-mask.db").summary(Which(since=midnight.timestamp()))["judged"]
    return found


def paths(page: Page) -> list[str]:
    """One of each kind of page."""
    page.goto("/visits?from=" + datetime.now(ZoneInfo(ZONE)).date().isoformat())
    visit = page.locator("tbody tr").first.get_attribute("id")
    assert visit
    return [*ROOMS, f"visits/{visit.removeprefix('v-')}", f"visits/{visit.removeprefix('v-')}/erase", "nothing-here"]
