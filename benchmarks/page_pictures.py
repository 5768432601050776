"""Makes the pictures of the page that stand in docs/img: `python -m benchmarks.page_pictures [--only NAME]`.

The installed daemon looks at the sample film, faces blurred as by default, with a made-up history of some weeks behind
it; Debian's Chromium shows its pages. A run makes the same scenes with other times.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import time
from typing import Any, Final
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from playwright.sync_api import Page
from tests.waiting import until
from tests.web.browsing import DESK, PHONE, USER, ZONE, Browsing, browsing
from tests.web.history import History
from tests.web.served import add_user, served

ROOT: Final = Path(__file__).parents[1]
SAMPLE: Final = ROOT / "src/edge_mask/demo/sample"
MOST_BYTES: Final = 90_000
_QUALITY: Final = 82


@dataclass(frozen=True)
class Shot:
    """One picture: of which page, by whose browser."""

    name: str
    path: str
    wishes: dict[str, Any]
    is_of_a_verdict: bool = False


_KOREAN: Final = {"locale": "ko-KR", "color_scheme": "dark"}
SHOTS: Final = (
    Shot("now", "/", {"viewport": DESK}, is_of_a_verdict=True),
    Shot("now-telephone", "/", {"viewport": PHONE, "device_scale_factor": 2, **_KOREAN}, is_of_a_verdict=True),
    Shot("figures", "/figures?by=day", {"viewport": DESK}),
    Shot("settings", "/settings", {"viewport": {"width": 1280, "height": 640}}),
    Shot("panels", "/panels", {"viewport": {"width": 1280, "height": 560}}),
    Shot("visits-telephone", "/visits", {"viewport": PHONE, "device_scale_factor": 2}),
    Shot("readings-dark", "/readings?span=day", {"viewport": {"width": 1280, "height": 640}, "color_scheme": "dark"}),
)


def main() -> int:
    """Makes all of them, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[shot.name for shot in SHOTS])
    parser.add_argument("--into", type=Path, default=ROOT / "docs/img")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    with house() as desk:
        for shot in SHOTS:
            if arguments.only in (None, shot.name):
                size = take(desk, shot, arguments.into)
                print(f"{shot.name}.webp {size:,} bytes")
                if size > MOST_BYTES:
                    print(f"more than {MOST_BYTES:,} bytes", file=sys.stderr)
                    return 1
    return 0


class _Figures(BaseHTTPRequestHandler):
    """Whoever publishes them."""

    def do_GET(self) -> None:
        days = [{"day": f"11-{day:02}", "n": round(31 + 17 * math.sin(day / 2)) + day % 4} for day in range(1, 29)]
        body = json.dumps({"rows": days, "total": 51_234}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing on stderr."""


@contextmanager
def published() -> Iterator[list[dict[str, Any]]]:
    """Two panels of public figures."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Figures) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        here = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield [
                {"name": "dust", "title": "Fine dust, daily mean", "unit": "µg/m³", "url": here, "path": "rows",
                 "value": "n", "label": "day", "private": True},
                {"name": "visitors", "title": "Visitors of the city this year", "url": f"{here}total", "path": "total",
                 "private": True},
            ]  # fmt: skip
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def house() -> Iterator[Browsing]:
    """A gate and a room with the film of the demo."""
    with tempfile.TemporaryDirectory() as name, published() as panels:
        folder = Path(name)
        history = History(folder / "edge-mask.db", time(), ZoneInfo(ZONE))
        history.fill(30)
        film = f"file:{SAMPLE / 'visitors.mp4'}"
        sections: dict[str, Any] = {
            "device": {"thing_name": "gate-01", "timezone": ZONE, "labels": {"name": "East entrance"}},
            "cameras": [
                {"name": "front", "source": film, "role": "gate", "interval": "0.2s", "loop": True},
                {"name": "hall", "source": film, "role": "cctv", "interval": "1s", "loop": True},
            ],
            "detector": {"model": str(ROOT / "models/mask-detector")},
            "gate": {"fever_above": 37.5, "temperature_sensor": "forehead"},
            "sensors": [
                {"name": "forehead", "kind": "replay", "path": str(SAMPLE / "forehead.csv"), "quantity": "temperature"}
            ],
            "panels": panels,
            "snapshots": {"dir": str(folder / "snapshots"), "visits": "all", "latest": "on", "latest_every": "1s"},
        }
        with served(folder / "house", outbox={"path": str(folder / "edge-mask.db")}, **sections) as found:
            add_user(found.config, USER)
            with browsing(found) as desk:
                yield desk


def take(desk: Browsing, shot: Shot, into: Path) -> int:
    """One picture; its size."""
    with desk.page(shot.path, **shot.wishes) as page:
        if shot.is_of_a_verdict:
            _wait_for_a_verdict(page)
        if shot.name == "panels":
            until(lambda: page.reload() and page.locator("main svg.chart").count())
        page.wait_for_function(
            "() => [...document.images].every(each => each.complete || each.getBoundingClientRect().top > innerHeight)"
        )
        raw = np.frombuffer(page.screenshot(), dtype=np.uint8)
    picture = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    assert picture is not None
    path = into / f"{shot.name}.webp"
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    return path.stat().st_size


def _wait_for_a_verdict(page: Page) -> None:
    """The film's masked visitor, just judged."""
    page.wait_for_function(
        "() => document.querySelector('.gate.is-refused:not(.is-old)')"
        " && document.querySelector('.camera img')?.complete",
        timeout=60_000,
    )


if __name__ == "__main__":
    raise SystemExit(main())
