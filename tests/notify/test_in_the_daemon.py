"""Notifications of the installed daemon, told to servers that behave as the real ones."""

import json
from pathlib import Path

from tests.end_to_end.daemon import Daemon, edge_mask
from tests.notify.houses import TOPIC, Ntfy, device, hot, ntfy


def test_an_alert_goes_to_the_default_targets_without_a_rule(tmp_path: Path) -> None:
    with Ntfy() as server:
        config = device(tmp_path, [ntfy(server)], looks=4, default=["guard"])
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        (told,) = server.told(1)
    assert told["topic"] == TOPIC
    assert told["title"] == "No mask: front"
    assert told["message"] == "gate-01: somebody without a mask in 3 looks in a row."
    assert told["priority"] == 4
    assert TOPIC not in daemon.stderr


def test_a_rule_tells_whom_it_names_with_words_of_the_message(tmp_path: Path) -> None:
    with Ntfy() as server:
        config = device(tmp_path, [ntfy(server, cool_down="0s")], rules=hot(), readings=[36.5, 38.5, 39.0])
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        told = server.told(2)
    assert [each["message"] for each in told] == ["38.5 C", "39 C"]
    assert [each["title"] for each in told] == ["Hot", "Hot"]
    status = json.loads(edge_mask("outbox", "status", "--json", "--config", config, cwd=tmp_path).out)
    assert status["pending"] == 0
    assert "not_told" not in status
