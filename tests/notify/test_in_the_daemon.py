"""Notifications of the installed daemon, told to servers that behave as the real ones."""

import json
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.deliver.web_server import Answer, NonsenseServer, WebServer
from tests.end_to_end.daemon import Daemon, edge_mask, lines, topic
from tests.notify.houses import TOKEN, TOPIC, Ntfy, device, hot, ntfy
from tests.waiting import until

from edge_mask.app.plan import Plan
from edge_mask.errors import ConfigurationError, DatabaseError
from edge_mask.ledger.reader import Reader
from edge_mask.runtime.clock import SystemClock, boot_id
from edge_mask.settings.load import load


def status_of(config: Path) -> Any:
    return Reader(config.parent / "edge-mask.db").outbox_status(SystemClock().now(), boot_id())


def waiting(config: Path) -> int:
    """How many messages; 0 while the database is being made."""
    try:
        found: int = status_of(config)["pending"]
    except DatabaseError:
        return 0
    return found


def test_an_alert_goes_to_the_default_without_a_picture_and_by_a_rule_with_one(tmp_path: Path) -> None:
    action = {"edgeMask": {"notify": {"to": "office", "text": "see ${camera}", "snapshot": True}}}
    rule = json.dumps({"seen": {"sql": "SELECT * FROM 'edge-mask/+/alerts'", "actions": [action]}})
    with Ntfy() as server:
        targets = [ntfy(server), {**ntfy(server), "name": "office", "topic": "office"}]
        sends = {"send_pictures": True}
        config = device(tmp_path, targets, looks=4, default=["guard"], rules=rule, privacy=sends)
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        words, picture = sorted(server.wait_for(2), key=lambda asked: asked.path)
    told = json.loads(words.body)
    assert told["topic"] == TOPIC
    assert told["title"] == "No mask: front"
    assert told["message"] == "gate-01: Somebody without a mask in 3 looks in a row."
    assert told["priority"] == 4
    assert picture.path == "/office"
    assert picture.headers["Message"] == "see front"
    assert picture.body == (tmp_path / "pictures" / picture.headers["Filename"]).read_bytes()
    assert TOPIC not in daemon.stderr


def test_an_alert_and_the_rule_that_tells_of_it_ring_once_in_the_words_of_the_site(tmp_path: Path) -> None:
    told = {"to": "guard", "text": "${local.date} ${local.time} ${local.verdict}|"}
    rule = json.dumps({
        "seen": {
            "sql": "SELECT * FROM 'edge-mask/+/alerts'",
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"edgeMask": {"notify": told}}],
        }
    })  # fmt: skip
    place = {"thing_name": "gate-01", "timezone": "Asia/Kathmandu"}
    with Ntfy() as server:
        config = device(tmp_path, [ntfy(server)], looks=4, default=["guard"], rules=rule, device=place)
        with Daemon(config, "--until-idle") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        (asked,) = server.asked
    with sqlite3.connect(tmp_path / "edge-mask.db") as database:
        ((wall,),) = database.execute("SELECT wall FROM alerts")
    at = datetime.fromtimestamp(wall, ZoneInfo("Asia/Kathmandu"))
    assert json.loads(asked.body)["message"] == f"{at:%Y-%m-%d %H:%M} |"
    assert status_of(config)["not_told"]["same_event"] == 1
    shown = edge_mask("outbox", "status", "--config", config, cwd=tmp_path).out
    assert "not told  1 of an event that was told" in shown


def test_kill_9_between_commit_and_send_loses_and_repeats_nothing_that_must_not_be(tmp_path: Path) -> None:
    server = Ntfy()
    readings = [38.1, 38.2, 36.0, 38.3]
    config = device(tmp_path, [ntfy(server, cool_down="0s")], rules=hot(), readings=readings)
    with Daemon(config) as daemon:
        until(lambda: waiting(config) == 3)
        daemon.send(signal.SIGKILL)
        daemon.wait()
    (tmp_path / "t.csv").write_text("seconds,value\n0,36.0\n")
    with server, Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0, daemon.stderr
        assert [told["message"] for told in server.told(3)] == ["38.1 C", "38.2 C", "38.3 C"]
        assert len(server.asked) == 3
    assert status_of(config)["pending"] == 0


def test_the_cool_down_is_counted_and_outlives_a_restart(tmp_path: Path) -> None:
    with Ntfy() as server:
        config = device(tmp_path, [ntfy(server)], rules=hot(), readings=[38.1, 38.2])
        for _ in range(2):
            with Daemon(config, "--until-idle") as daemon:
                assert daemon.wait() == 0, daemon.stderr
        assert len(server.asked) == 1
    assert status_of(config)["not_told"]["cool_down"] == 3
    shown = edge_mask("outbox", "status", "--config", config, cwd=tmp_path).out
    assert "not told  3 in the cool-down" in shown


@pytest.mark.broker
def test_a_target_that_hangs_delays_neither_the_broker_nor_another(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with NonsenseServer(hangs_up=False) as stuck, Ntfy() as server:
        stuck_target = {**ntfy(server), "name": "stuck", "server": stuck.url}
        rules = hot(to=["stuck", "guard"])
        config = device(tmp_path, [stuck_target, ntfy(server)], rules=rules, readings=[38.1, 36.0], port=broker.port)
        with Daemon(config) as daemon:
            stuck.wait_for(1)
            server.told(1)
            subscriber.wait_for(lambda got: sum(each.topic == topic("temperature") for each in got) == 2)
            assert daemon.stop() == 0
    assert status_of(config)["pending"] == 1


def test_a_secret_stands_nowhere_when_it_is_refused_and_the_error_action_runs(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    hook = "/hooks/T0-secret-path"

    def refusing(asked: Any) -> Answer:
        return Answer(401, f"Unauthorized: {asked.path}".encode())

    with WebServer(refusing) as server:
        targets = [
            {"name": "guard", "kind": "telegram", "server": server.url, "chat": "@gate", "token": "${BOT_TOKEN}"},
            {"name": "hook", "kind": "webhook", "url": "${HOOK_URL}", "secret": "${HOOK_SECRET}"},
        ]
        rule = json.loads(hot(to=["guard", "hook"]))
        rule["hot"]["errorAction"] = {"republish": {"topic": "failed", "qos": 1}}
        config = device(
            tmp_path, targets, rules=json.dumps(rule), readings=[38.1], port=broker.port, log={"level": "debug"}
        )
        environ = {"BOT_TOKEN": TOKEN, "HOOK_URL": server.url + hook, "HOOK_SECRET": "signing-secret"}
        with Daemon(config, "--until-idle", environ=environ) as daemon:
            assert daemon.wait() == 0, daemon.stderr
        server.wait_for(2)
    heard = subscriber.wait_for(lambda got: sum(each.topic == "failed" for each in got) == 2)
    failure = next(each for each in heard if each.topic == "failed").json()["failures"][0]
    assert failure["failedAction"] == "NotifyAction"
    assert "answered 401" in failure["errorMessage"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        listed = edge_mask("outbox", "list", "--refused", "--json", "--config", config, cwd=tmp_path).out
        exported = edge_mask("outbox", "export", "--config", config, cwd=tmp_path).out
        tried = edge_mask("notify", "test", "guard", "--config", config, cwd=tmp_path)
    assert [(row["topic"], row["state"]) for row in lines(listed)] == [
        ("notify/guard", "refused"),
        ("notify/hook", "refused"),
    ]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("edge-mask.db*"))
    told = daemon.stderr + listed + exported + tried.out + tried.err + json.dumps([each.json() for each in heard])
    for secret in (TOKEN, TOKEN.partition(":")[2], "secret-path", "signing-secret"):
        assert secret not in told
        assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rules": '{"hot": {"sql": "SELECT * FROM \'a\'", "actions": [\n{"edgeMask": {"notify": {"to": "gaurd",'
                   ' "text": "x"}}}]}}'},
         'rules.yaml:2:32: hot.actions[0].edgeMask.notify.to: there is no target "gaurd" under notify; did you mean g'),
        ({"rules": '{"hot": {"sql": "SELECT * FROM \'a\'", "actions": [{"edgeMask": {"notify": {"to": ["${a}"],'
                   ' "text": "x"}}}]}}'}, "the name of a target is expected, or a list of names"),
        ({"default": ["gard"]}, 'notify.default[0]: there is no target "gard"; did you mean guard?; allowed: guard'),
        ({"targets": [{"name": "a", "kind": "ntfi", "topic": "t"}]}, 'targets[0].kind: found "ntfi"; allowed: ntfy,'),
        ({"targets": [{"name": "a", "kind": "ntfy", "topic": "t", "chat": 1}]},
         "does not belong to a target of kind ntfy; remove it (it is for telegram)"),
        ({"targets": [{"name": "a", "kind": "ntfy", "topic": "t", "token": "tk_plain"}]},
         "a token does not belong in this file; use token_file, or ${NOTIFY_TOKEN}"),
        ({"targets": [{"name": "a", "kind": "telegram", "chat": 1}]}, "targets[0].token_file: is missing"),
        ({"targets": [{"name": "a", "kind": "telegram", "chat": 1, "token": "${NOT_SET}"}]},
         "the environment variable NOT_SET is not set; set it, or use token_file"),
        ({"targets": [{"name": "a", "kind": "webhook"}]}, "either url or url_file is needed"),
        ({"targets": [{"name": "a", "kind": "webhook", "url": "https://me:pw@h/"}]}, "an address with a password does"),
        ({"targets": [{"name": "a", "kind": "webhook", "url": "ftp://pw-in-it/"}]}, "is not an address; allowed: http://"),
        ({"targets": [{"name": "a", "kind": "web-push", "subject": "mailto:me@gate.local"}]}, "push services refuse"),
        ({"targets": [{"name": "a", "kind": "web-push", "subject": "mailto:me@example.org"}]}, "web.enabled: true"),
        ({"targets": [{"name": "a", "kind": "ntfy", "topic": "t", "quiet_hours": ["22:00", "22:00"]}]},
         "begins and ends at 22:00"),
        ({"targets": [{"name": "a", "kind": "ntfy", "topic": "t", "quiet_hours": ["24:00", "7"]}]}, 'found "24:00"'),
        ({"targets": [{"name": "a", "kind": "ntfy", "topic": "t"}] * 2}, '"a" is taken by targets[0]'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    wanted = {"targets": [{"name": "guard", "kind": "ntfy", "topic": "t"}], "readings": [36.0], **changes}
    config = device(tmp_path, wanted.pop("targets"), **wanted)
    with pytest.raises(ConfigurationError) as refused:
        Plan(load(config, {}), SystemClock())
    assert sentence in str(refused.value)
    assert not [secret for secret in ("tk_plain", "me:pw", "pw-in-it") if secret in str(refused.value)]


def test_check_says_a_line_for_each_target_and_sends_nothing(tmp_path: Path) -> None:
    with WebServer() as server:
        away = {"name": "office", "kind": "webhook", "url": "http://127.0.0.1:1/x"}
        config = device(tmp_path, [ntfy(server), away], rules=hot(snapshot=True), readings=[36.0])
        said = edge_mask("check", "--config", config, cwd=tmp_path).out
        tried = edge_mask("notify", "test", "guard", "--config", config, cwd=tmp_path)
        assert (tried.code, tried.out) == (0, "guard: taken\n")
        failed = edge_mask("notify", "test", "office", "--json", "--config", config, cwd=tmp_path)
        unknown = edge_mask("notify", "test", "gard", "--config", config, cwd=tmp_path)
        (asked,) = server.asked
    assert json.loads(asked.body)["message"] == "gate-01 can reach you."
    rows = [line.split(None, 3) for line in said.splitlines() if line.startswith("notify")]
    assert ["notify", "guard", "ok", f"{server.url} answers"] in rows
    assert any(row[:3] == ["notify", "office", "warning"] and "cannot be reached" in row[3] for row in rows)
    assert "is never told anything" in said
    assert "no picture is sent: privacy.send_pictures" in said
    assert failed.code == 1
    assert json.loads(failed.out)["ok"] is False
    assert unknown.code == 2
    assert 'there is no target "gard" under notify; did you mean guard?' in unknown.err


def test_what_is_off_is_not_imported_and_what_waits_for_nobody_is_set_aside(tmp_path: Path) -> None:
    config = device(tmp_path, [ntfy(Ntfy())], rules=hot(), readings=[38.1])
    with Daemon(config) as daemon:
        until(lambda: waiting(config) == 1)
        assert daemon.stop() == 0
    (tmp_path / "t.csv").write_text("seconds,value\n0,36.0\n")
    without = device(tmp_path, [], readings=[36.0])
    with Daemon(without, "--until-idle") as daemon:
        assert daemon.wait() == 0, daemon.stderr
    (row,) = Reader(tmp_path / "edge-mask.db").outbox(refused_only=True)
    assert row["reason"] == "there is no target guard any more"
    program = (
        "import sys; from edge_mask.cli import main; main(sys.argv[1:]);"
        " print([name for name in sys.modules if name.startswith(('edge_mask.notify', 'cryptography', 'starlette'))])"
    )
    words = [sys.executable, "-c", program, "run", "--until-idle", "--config", str(without)]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"
