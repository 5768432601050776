"""The page of public figures, of the installed daemon, in a real browser: text of somebody else stays text."""

import json
import re
import socket
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.waiting import until
from tests.web.asking import asking, site
from tests.web.browsing import CHROMIUM, USER, browsing
from tests.web.served import Served, add_user, served

from edge_mask.app.panels import document_of, keeper_for
from edge_mask.errors import TryLater
from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.model import Settings
from edge_mask.settings.panels import Panel
from edge_mask.web.pages.columns import columns_of
from edge_mask.web.site import PanelNow

HOSTILE = '"><img src=x onerror="document.title=1"><script>document.title=2</script>'
DAYS = [{"day": f"{HOSTILE if day == 3 else f'11-{day:02}'}", "n": day * 1.5 - 4} for day in range(1, 15)]
DOCUMENTS = {
    "/days": ("application/json", json.dumps({"rows": DAYS}).encode()),
    "/dust.csv": ("text/csv", "﻿date;value\n2026-11-28;31\n2026-11-29;42\n".encode()),
    "/one": ("application/json", b'{"total": 51234}'),
    "/page": ("text/html", b"<html>"),
}


ASKED: list[str] = []


class Documents(BaseHTTPRequestHandler):
    """Somebody else's server."""

    def do_GET(self) -> None:
        ASKED.append(self.path)
        kind, body = DOCUMENTS[self.path.partition("?")[0]]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Documents)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    panels = [
        {"name": "days", "url": f"{here}/days", "path": "rows", "value": "n", "label": "day", "private": True},
        {"name": "dust", "title": "Dust <b>here</b>", "url": f"{here}/dust.csv", "column": "value", "label": "date",
         "unit": "µg/m³", "private": True},
        {"name": "one", "url": f"{here}/one?key=cherry", "path": "total", "private": True},
        {"name": "inside", "url": f"{here}/one?inside", "path": "total"},
        {"name": "named", "url": f"http://localhost:{server.server_port}/one?named", "path": "total"},
        {"name": "page", "url": f"{here}/page", "path": "total", "private": True},
    ]  # fmt: skip
    with served(tmp_path_factory.mktemp("panels"), panels=panels) as found:
        add_user(found.config, USER)
        kept = found.folder / "edge-mask.db.panels.json"
        until(lambda: kept.exists() and len(json.loads(kept.read_text())) == 3)
        until(lambda: all(f"panel {name}:" in found.daemon.stderr for name in ("inside", "named", "page")))
        yield found
    server.shutdown()


def test_numbers_are_shown_with_their_age_and_failures_with_their_reason(house: Served) -> None:
    text = house.client().login(USER).get("/panels").text
    assert "<b>51,234</b>" in text
    assert text.count("Read ") == 3
    assert "leads into a private network; where that is meant, set `private: true` of the panel" in text
    assert "neither JSON nor CSV" in text
    assert "cherry" not in text + house.daemon.stderr
    for name in ("inside", "named"):
        assert len(re.findall(rf"panel {name}:", house.daemon.stderr)) == 1
        assert f"/one?{name}" not in ASKED, "an address inside is not even connected to, nor is a name for one"


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")
def test_text_of_somebody_else_stays_text_and_a_screen_reader_can_read_it(house: Served) -> None:
    with browsing(house) as desk, desk.page("/panels") as page:
        assert "Public figures" in page.title()
        assert page.locator("main img, main script, main b b").count() == 0
        assert HOSTILE[:20] in page.locator("#table-days").text_content()  # type: ignore[operator]  # it is there
        assert page.get_by_role("heading", name="Dust <b>here</b>").count() == 1
        for language in ("en", "ko"):
            page.goto(f"/panels?lang={language}")
            found = Axe().run(page)
            assert not found.response["violations"], found.generate_report()
        assert not desk.complaints


# -- without a daemon ----------------------------------------------------------------------------------------


def panels(**keys: Any) -> Settings:
    one = {"name": "dust", "url": "https://example.org/", "path": "a"}
    return Settings.model_validate({"device": {"thing_name": "gate-01"}, "panels": [one], **keys})


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.5"], ["169.254.169.254"], ["::1"], ["fd00::7"], ["::ffff:192.168.1.1"], ["142.250.1.1", "127.0.0.1"]],
)
def test_a_name_that_the_resolver_leads_inside_is_refused_without_a_connection(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    def resolve(host: str, port: int, **_more: object) -> list[Any]:
        assert host == "figures.example.org"
        return [(10 if ":" in each else 2, 1, 6, "", (each, port)) for each in addresses]

    def connect(place: tuple[str, int], *_more: object) -> None:
        raise AssertionError(place)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    panel = Panel.model_validate({"name": "dust", "url": "https://figures.example.org/x", "path": "a"})
    with pytest.raises(TryLater, match="leads into a private network"):
        document_of(panel)


def test_a_viewer_sees_it_and_a_stranger_does_not(tmp_path: Path) -> None:
    house = site(tmp_path, settings=panels(outbox={"path": str(tmp_path / "edge-mask.db")}))
    assert asking(house, who="viewer").get("/panels").status == 200
    assert asking(house).get("/panels").status == 303


def test_without_panels_there_is_no_page_no_thread_and_no_import(tmp_path: Path) -> None:
    assert asking(site(tmp_path), who="viewer").get("/panels").status == 404
    before = set(sys.modules)
    assert keeper_for(Settings(), lambda _fault: None, ManualClock()) is None
    assert keeper_for(panels(), lambda _fault: None, ManualClock()) is None, "no page to show it"
    assert not {name for name in set(sys.modules) - before if "panels" in name}


def test_a_panel_that_was_never_read_says_so(tmp_path: Path) -> None:
    settings = panels(outbox={"path": str(tmp_path / "edge-mask.db")})
    house = site(tmp_path, settings=settings, panels=lambda: [PanelNow(name="dust", title="Dust", unit="")])
    assert "Nothing was read yet." in asking(house, who="viewer").get("/panels").text


@pytest.mark.parametrize("values", [[0.0, 0.0], [-1.0, -2.0], [1e14, 1.0], [-5.0, 5.0], [1e-9, 2e-9], [3.0] * 60])
def test_every_column_stands_in_its_drawing(values: list[float]) -> None:
    drawn = columns_of([(str(place), value) for place, value in enumerate(values)])
    for each in drawn.columns:
        assert 0 <= each.x <= drawn.width
        assert each.height >= 0
        assert 0 <= each.y <= each.y + each.height <= drawn.height
    assert 1 < len(drawn.grid) < 12
