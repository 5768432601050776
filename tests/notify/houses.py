"""Servers that behave as those of the targets do, and devices that tell them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.deliver.web_server import Answer, Asked, WebServer
from tests.end_to_end.daemon import BARE, write_config, write_model, write_readings, write_scene

TOKEN = "123456:AAE-secret_token_of_the_bot"
TOPIC = "a-topic-nobody-guesses"


class Ntfy(WebServer):
    """An ntfy server: JSON to its root, or a file to a topic with the words in headers."""

    def __init__(self, token: str = "") -> None:
        self.refuses = 0
        self._token = token
        super().__init__(self._answer)

    def _answer(self, asked: Asked) -> Answer:
        if self.refuses:
            self.refuses -= 1
            return Answer(507, b'{"code":50701}')
        if self._token and asked.headers.get("Authorization") != f"Bearer {self._token}":
            return Answer(401, b'{"code":40101,"http":401,"error":"unauthorized"}')
        if asked.path != "/":
            return Answer(200, json.dumps({"id": "x", "topic": asked.path[1:]}).encode())
        try:
            wish = json.loads(asked.body)
            assert isinstance(wish["topic"], str)
            assert wish.get("priority", 3) in range(1, 6)
            assert len(wish.get("message", "").encode()) <= 4096
        except (ValueError, KeyError, AssertionError):
            return Answer(
                400, b'{"code":40017,"http":400,"error":"invalid request: request body must be message JSON"}'
            )
        return Answer(200, json.dumps({"id": "x", "event": "message", "topic": wish["topic"]}).encode())

    def told(self, count: int) -> list[Any]:
        """The first notifications."""
        return [json.loads(asked.body) for asked in self.wait_for(count)]


def device(
    folder: Path,
    targets: Sequence[dict[str, Any]],
    *,
    rules: str = "",
    readings: Sequence[float] = (),
    looks: int = 0,
    default: Sequence[str] = (),
    port: int | None = None,
    notify: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A device with a thermometer (`readings`) or a room camera that sees nobody with a mask (`looks`)."""
    sections: dict[str, Any] = {"cameras": []}
    if looks:
        write_model(folder)
        write_scene(folder / "scene", [BARE] * looks)
        source = f"images:{folder / 'scene'}"
        sections["cameras"] = [{"name": "front", "source": source, "role": "cctv", "interval": "0s"}]
        sections["snapshots"] = {"dir": str(folder / "pictures")}
    if readings:
        path = write_readings(folder / "t.csv", readings, every=0.01)
        sections["sensors"] = [{"name": "forehead", "kind": "replay", "path": str(path), "rate": "max"}]
    if rules:
        (folder / "rules.yaml").write_text(rules)
        sections["rules"] = [str(folder / "rules.yaml")]
    sections["notify"] = {"default": list(default), "targets": list(targets), **(notify or {})}
    return write_config(folder, port, **{**sections, **changes})


def hot(to: str | list[str] = "guard", text: str = "${temperature} C", **more: Any) -> str:
    """A rule that tells of each reading above 38."""
    action = {"edgeMask": {"notify": {"to": to, "title": "Hot", "text": text, **more}}}
    rule = {
        "sql": "SELECT * FROM 'edge-mask/+/temperature' WHERE temperature > 38",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [action],
    }
    return json.dumps({"hot": rule})


def ntfy(server: WebServer, **more: Any) -> dict[str, Any]:
    return {"name": "guard", "kind": "ntfy", "server": server.url, "topic": TOPIC, **more}
