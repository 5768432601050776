"""The command `history`: a receiver asks for what it lacks, and gets the messages that it would have got."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.control.asker import Asker
from tests.control.conftest import wait_until_online
from tests.control.test_erase import visits, write_gate
from tests.end_to_end.daemon import Daemon, edge_mask, topic
from tests.waiting import until

from edge_mask.wire.command_models import HistoryAnswer

pytestmark = pytest.mark.broker


def judged(folder: Path) -> int:
    return asked_of(folder, "SELECT count(*) FROM visits")


def waits(folder: Path) -> int:
    return asked_of(folder, "SELECT count(*) FROM outbox")


def asked_of(folder: Path, query: str) -> int:
    if not (folder / "edge-mask.db").exists():
        return 0
    with (
        closing(sqlite3.connect(f"file:{folder / 'edge-mask.db'}?mode=ro", uri=True)) as database,
        suppress(sqlite3.OperationalError),
    ):
        return int(database.execute(query).fetchone()[0])
    return 0  # the tables are not there yet


def test_what_nobody_heard_comes_again_and_what_was_erased_does_not(tmp_path: Path, broker: Mosquitto) -> None:
    config = write_gate(tmp_path, broker.port)
    with Daemon(config) as daemon:
        wait_until_online(broker.port)
        until(lambda: judged(tmp_path) == 2 and not waits(tmp_path))  # what is on its way still is not sent again
        with Subscriber(broker.port, topic("visits")) as sink, Asker(broker.port) as asker:
            answer = asker.ask("history", {"topic": "visits", "from_seq": 1, "to_seq": 500})
            assert answer == {"ok": True, "topic": topic("visits"), "sent": 2, "missing": [], "last": 2}
            HistoryAnswer.model_validate(answer)
            heard = sink.wait_for_count(topic("visits"), 2)
            assert [each.json()["seq"] for each in heard] == [1, 2]
            assert {each.json()["id"] for each in heard} == {visit["id"] for visit in visits(config)}
            assert all(each.json()["late"] is True for each in heard)
            first = heard[0].json()["id"]
            assert asker.ask("erase", {"visit": first})["ok"]
            until(lambda: not waits(tmp_path))
            answer = asker.ask("history", {"topic": topic("visits"), "from_seq": 1, "to_seq": 2})
            assert (answer["sent"], answer["missing"]) == (1, [[1, 1]])
            heard = sink.wait_for_count(topic("visits"), 3)
            assert [each.json()["seq"] for each in heard] == [1, 2, 2]
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.stderr


@pytest.mark.parametrize(
    ("request_", "code", "sentence"),
    [
        ({}, "bad_request", "topic is missing: a kind of message such as visits, or its whole topic"),
        ({"topic": "visits"}, "bad_request", "from_seq: found null; allowed: a whole number from 1"),
        ({"topic": "visits", "from_seq": 0, "to_seq": 1}, "bad_request", "from_seq: found 0"),
        ({"topic": "visits", "from_seq": True, "to_seq": 1}, "bad_request", "from_seq: found true"),
        ({"topic": "visits", "from_seq": 1, "to_seq": 501}, "bad_request", "to_seq: found 1 to 501; allowed: from_seq"),
        ({"topic": "visits", "from_seq": 2, "to_seq": 1}, "bad_request", "to_seq: found 2 to 1"),
        ({"topic": "health", "from_seq": 1, "to_seq": 1}, "bad_request", "sent at once or not at all"),
        (
            {"topic": "of/nobody", "from_seq": 1, "to_seq": 1},
            "bad_request",
            "nothing with a number was ever sent on of/nobo",
        ),
        ({"topic": "visits", "from": 1}, "bad_request", 'unknown key "from"'),
    ],
)
def test_a_wrong_request_is_a_sentence(asker: Asker, request_: Any, code: str, sentence: str) -> None:
    found, text = asker.refused("history", request_)
    assert found == code
    assert sentence in text


def test_where_only_rules_may_send_nothing_is_sent_again(tmp_path: Path, broker: Mosquitto) -> None:
    config = write_gate(tmp_path, broker.port, forward="rules-only")
    with Daemon(config), Asker(broker.port) as asker:
        wait_until_online(broker.port)
        code, text = asker.refused("history", {"topic": "visits", "from_seq": 1, "to_seq": 1})
        assert (code, text[:21]) == ("not_allowed", "forward is rules-only")


def test_rows_wait_in_the_outbox_while_nobody_subscribes_and_a_subscriber_gets_all(
    tmp_path: Path, broker: Mosquitto
) -> None:
    config = write_gate(
        tmp_path, broker.port, mqtt={"host": "127.0.0.1", "port": broker.port, "require_subscriber": True}
    )
    with Daemon(config) as daemon:
        until(lambda: judged(tmp_path) == 2)
        with Asker(broker.port) as asker:
            until(lambda: "nobody subscribes" in str(asker.ask("status", {})["parts"]))
        waiting = edge_mask("outbox", "list", "--json", "--config", config, cwd=tmp_path)
        assert waiting.out.count(topic("visits")) == 2
        with Subscriber(broker.port) as sink:
            heard = sink.wait_for_count(topic("visits"), 2)
            assert [each.json()["seq"] for each in heard[:2]] == [1, 2]
            sink.wait_for(lambda got: any(each.topic == topic("errors") for each in got))
            assert [each.json()["code"] for each in sink.on(topic("errors"))] == ["no_subscriber"]
        assert daemon.stop() == 0
        assert daemon.stderr.count("nobody subscribes to") == 1
