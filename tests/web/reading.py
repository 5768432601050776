"""The pages of a house that has a history, as the server writes them."""

import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.web.asking import Answer, Asking, site

from edge_mask.runtime.clock import ManualClock
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds, Unix

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 27, 15, 30, tzinfo=SEOUL).timestamp()
PAGES = (
    "/", "/figures", "/figures?by=day", "/figures?by=week", "/visits", "/alerts", "/alerts?show=faults", "/readings",
    "/readings?span=week", "/readings?span=month",
)  # fmt: skip
LIMIT = 20_000
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


class At(ManualClock):
    """A clock that stands at one moment."""

    def __init__(self, wall: float) -> None:
        super().__init__()
        self._wall = wall

    def now(self) -> Moment:
        return Moment(Seconds(1000.0), Unix(self._wall))


def house(folder: Path, zone: str = "Asia/Seoul", now: float = NOW, **parts: Any) -> Any:
    """A gate and a room with a database in `folder`."""
    settings = Settings.model_validate(
        {
            "device": {
                "thing_name": "gate-01",
                "timezone": zone,
                "labels": {"name": parts.pop("name", "East entrance")},
            },
            "cameras": [{"name": "front", "source": "usb:0"}, {"name": "hall", "source": "usb:1", "role": "cctv"}],
            "outbox": {"path": str(folder / "edge-mask.db")},
            "snapshots": {"dir": str(folder / "snapshots")},
            "web": {"base_path": parts.pop("base_path", "")},
            "sensors": parts.pop("sensors", []),
            "gate": parts.pop("gate", {}),
        }
    )
    return site(folder, settings=settings, clock=At(now), **parts)


def page(asked: Asking, path: str, **headers: str) -> Answer:
    answer = asked.get(path, accept="text/html", **headers)
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer
    return answer


class Links(HTMLParser):
    """What a page refers to, and what it must not contain."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "script":
            self.scripts.append(dict(attrs).get("src") or "inline")


def visits_on(text: str) -> list[str]:
    """The ids of a list, in its order."""
    return re.findall(r'<tr id="v-([^"]+)"', text)
