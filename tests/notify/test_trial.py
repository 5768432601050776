"""`edge-mask notify test`: what a target is told then."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.deliver.web_server import WebServer
from tests.end_to_end.daemon import edge_mask
from tests.notify.houses import device


def test_a_webhook_that_is_tried_is_told_the_time(tmp_path: Path) -> None:
    with WebServer() as server:
        config = device(tmp_path, [{"name": "log", "kind": "webhook", "url": f"{server.url}/x"}], readings=[36.0])
        before = datetime.now(UTC)
        assert edge_mask("notify", "test", "log", "--config", config, cwd=tmp_path).code == 0
        (asked,) = server.asked
    told = json.loads(asked.body)
    assert abs((datetime.fromisoformat(told["timestamp"]) - before).total_seconds()) < 3600
