"""Web push from end to end: a browser, the installed daemon over HTTPS, and a push service of our own."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from tests.deliver.web_server import Answer, WebServer
from tests.end_to_end.daemon import BARE, MASKED, edge_mask, write_scene
from tests.notify.browser import Browser, unsealed
from tests.papers import Papers
from tests.waiting import PATIENCE, until
from tests.web.browsing import CHROMIUM, USER, fill_in
from tests.web.served import Client, Served, add_user, served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@dataclass
class Place:
    """A house that is served over HTTPS, its push service, and a browser."""

    house: Served
    service: WebServer
    browser: Chromium
    client: Client

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.house.port}"

    def page(self, context: BrowserContext, path: str = "/notifications") -> Page:
        page = context.new_page()
        page.goto(f"{self.address}{path}")
        if "login" in page.url:
            fill_in(page)
            page.wait_for_url(f"{self.address}{path}")
        return page


ARGUMENTS = ["--no-sandbox", "--ignore-certificate-errors", "--host-resolver-rules=MAP gate.local 127.0.0.1"]


def is_there(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("push")
    papers = Papers(folder / "papers")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.server.cert, papers.server.key)
    target = {
        "name": "phones", "kind": "web-push", "subject": "mailto:me@example.org", "private_hosts": ["127.0.0.1"],
        "cool_down": "0s",
    }  # fmt: skip
    tls = {"cert": str(papers.server.cert), "key": str(papers.server.key)}
    scene = write_scene(folder / "room", [*[BARE] * 4, *[MASKED] * 4])
    room = [{"name": "room", "source": f"images:{scene}", "role": "cctv", "interval": "0.2s", "loop": True}]
    with WebServer(lambda _asked: Answer(201), context) as service, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(papers.ca))
        notify = {"default": ["phones"], "targets": [target], "language": "ko"}
        cctv = {"streak": 3, "rearm_after": "1s"}
        with (
            served(folder, web={"tls": tls}, notify=notify, cameras=room, cctv=cctv) as house,
            sync_playwright() as play,
        ):
            add_user(house.config, USER)
            browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
            until(lambda: is_there(house.port))
            trusting = ssl.create_default_context(cafile=papers.ca)
            yield Place(house, service, browser, house.client(tls=trusting).login(USER))
            browser.close()


def test_an_alert_reaches_a_subscribed_browser_sealed_and_signed(place: Place) -> None:
    theirs = Browser(f"{place.service.url}/send/of-kim")
    body = json.dumps(theirs.to_json())
    made = place.client.post("/api/v1/push/subscriptions", body, Content_Type="application/json")
    assert made.status == 201, made
    asked = until(lambda: place.service.asked)[0]
    words = json.loads(unsealed(asked.body, theirs))
    assert words["title"] == "마스크 미착용: room"
    assert words["body"].startswith("gate-01: 연속 3회")
    key = place.client.get("/api/v1/push/key").json()["key"]
    assert asked.headers["Authorization"].endswith(f",k={key}")
    listed = place.client.get("/notifications").text
    assert "127.0.0.1" in listed
    assert "of-kim" not in listed + place.house.daemon.stderr
    said = edge_mask("check", "--config", place.house.config, cwd=place.house.folder).out
    assert "1 browser asked for it" in said
    form = {"id": made.json()["id"]}
    assert place.client.form("/notifications", form).headers["location"] == "./notifications?done=unsubscribed"
    assert made.json()["id"] not in place.client.get("/notifications").text


def test_the_worker_shows_what_is_pushed_as_text_and_the_same_event_once(place: Place) -> None:
    context = place.browser.new_context(ignore_https_errors=True, locale="en-GB", permissions=["notifications"])
    with context:
        page = place.page(context)
        assert page.evaluate("isSecureContext")
        page.wait_for_selector("#notify [data-state=off]:not([hidden])")
        assert page.evaluate("fetch('static/app.webmanifest').then((a) => a.json()).then((m) => m.icons.length)") == 3
        page.evaluate(
            "navigator.serviceWorker.register('sw.js').then(() => navigator.serviceWorker.ready).then(() => 0)"
        )
        said = push(context, page, {"title": "No mask: <b>room</b>", "body": "a\nb 😷", "tag": "t", "event": "e-1"})
        assert said == [{"title": "No mask: <b>room</b>", "body": "a\nb 😷", "tag": "t"}]
        again = push(context, page, {"title": "Again", "body": "", "tag": "t", "urgent": True, "picture": "e/../1"})
        assert [each["title"] for each in again] == ["Again"], "the same event takes the place of the first"
        assert len(push(context, page, "nonsense")) == 2


def test_the_button_subscribes_and_says_so_when_a_push_service_refuses(place: Place) -> None:
    """This browser has no push service: first it fails as it is, then with one that the test plays."""
    with place.browser.new_context(ignore_https_errors=True, permissions=["notifications"]) as context:
        page = place.page(context)
        page.click("#notify-on")
        page.wait_for_selector("#notify [data-state=failed]:not([hidden])")
        assert page.locator("#notify-why").inner_text()
        theirs = Browser(f"{place.service.url}/send/by-button").to_json()
        page.evaluate(
            "(made) => { PushManager.prototype.subscribe = async (wish) =>"
            " wish.applicationServerKey.length === 65 ? { toJSON: () => made } : null; }",
            theirs,
        )
        page.click("#notify-on")
        page.wait_for_selector("tbody tr")
        assert page.locator("tbody td").first.inner_text() == "127.0.0.1"
        page.click("tbody button")
        page.wait_for_selector(".notice.is-good")
        assert page.locator("tbody tr").count() == 0


def push(context: BrowserContext, page: Page, told: Any) -> Any:
    """As a push service delivers it; what is shown then."""
    session = context.new_cdp_session(page)
    registrations: list[Any] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda found: registrations.extend(found["registrations"]))
    session.send("ServiceWorker.enable")
    until(lambda: page.evaluate("true") and registrations)  # which also lets the events in
    origin, registration = page.evaluate("location.origin"), registrations[-1]["registrationId"]
    before = page.evaluate(SHOWN)
    data = told if isinstance(told, str) else json.dumps(told)
    wish = {"origin": origin, "registrationId": registration, "data": data}
    again_at, ends = float("-inf"), time.monotonic() + PATIENCE
    while (now := page.evaluate(SHOWN)) == before:
        assert time.monotonic() < ends, "it was not shown"
        if time.monotonic() >= again_at:
            # A busy browser gives up a worker that takes long to start. What is told twice shows as one.
            session.send("ServiceWorker.deliverPushMessage", wish)
            again_at = time.monotonic() + 5.0
        page.wait_for_timeout(20)
    return now


SHOWN = """navigator.serviceWorker.ready.then((r) => r.getNotifications())
    .then((all) => all.map(({title, body, tag}) => ({title, body, tag})))"""


def test_the_page_says_what_stands_in_the_way_and_can_be_read_by_all(place: Place) -> None:
    with place.browser.new_context(ignore_https_errors=True, locale="ko-KR") as context:
        page = place.page(context)
        page.wait_for_selector("#notify [data-state=denied]:not([hidden]), #notify [data-state=off]:not([hidden])")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_plain_http_says_that_https_is_needed(tmp_path: Path, place: Place) -> None:
    """`gate.local` over HTTP is no secure context: the name is mapped to loopback for the browser alone."""
    target = {"name": "phones", "kind": "web-push", "subject": "mailto:me@example.org"}
    with served(tmp_path, notify={"targets": [target]}) as house, place.browser.new_context(locale="en-GB") as context:
        add_user(house.config, USER)
        page = context.new_page()
        page.goto(f"http://gate.local:{house.port}/notifications")
        fill_in(page)
        page.wait_for_selector("#notify [data-state=insecure]:not([hidden])")
        assert "HTTPS only" in page.locator("#notify").inner_text()
        assert page.locator("#notify-on").is_hidden()
