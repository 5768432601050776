"""`edge-mask notify test`: what a target is told then, so that a receiver can be built and tried with it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.deliver.web_server import WebServer
from tests.end_to_end.daemon import edge_mask
from tests.notify.houses import device


def test_a_webhook_that_is_tried_is_told_all_that_an_event_has_and_that_it_is_a_test(tmp_path: Path) -> None:
    with WebServer() as server:
        config = device(tmp_path, [{"name": "log", "kind": "webhook", "url": f"{server.url}/x"}], readings=[36.0])
        before = datetime.now(UTC)
        assert edge_mask("notify", "test", "log", "--config", config, cwd=tmp_path).code == 0
        (asked,) = server.asked
    told = json.loads(asked.body)
    assert abs((datetime.fromisoformat(told["timestamp"]) - before).total_seconds()) < 3600
    assert told["type"] == "notification"
    data = told["data"]
    assert data.pop("event").startswith("test-")
    assert data == {
        "title": "Test", "text": "gate-01 can reach you.", "priority": "high", "kind": "test", "camera": "test",
        "thing": "gate-01", "topic": "edge-mask/gate-01/test",
    }  # fmt: skip
