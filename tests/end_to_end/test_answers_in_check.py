"""What the management server said to the daemon stands in `edge-mask check`, which asks it for nothing itself."""

import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.deliver.web_server import Answer, Asked, NonsenseServer, WebServer
from tests.end_to_end.daemon import Daemon, edge_mask, write_config, write_readings
from tests.papers import Papers

SHIPPED = Path(__file__).parents[2] / "config/rules/management_usage.yaml"


def usage_rule(folder: Path, url: str) -> Path:
    """The shipped rule with the server's address, switched on."""
    text = SHIPPED.read_text().replace("http://vms.local:8090", url).replace("  ruleDisabled: true\n", "")
    path = folder / "usage.yaml"
    path.write_text(text)
    return path


def device(folder: Path, url: str, **changes: Any) -> Path:
    """It posts how busy it is each second."""
    readings = write_readings(folder / "t.csv", [36.5] * 20)
    sensor = {"name": "t", "kind": "replay", "path": str(readings), "loop": True}
    rules = [str(usage_rule(folder, url))]
    return write_config(
        folder, None, cameras=[], sensors=[sensor], rules=rules, health={"interval": "1s"}, **changes
    )  # fmt: skip


def http_lines(config: Path) -> list[tuple[str, str]]:
    said = edge_mask("check", "--json", "--config", config, cwd=config.parent).out
    found = [json.loads(line) for line in said.splitlines()]
    return [(each["state"], each["text"]) for each in found if each["part"].startswith("http")]


def test_the_last_answer_is_shown_and_a_check_posts_nothing(tmp_path: Path) -> None:
    taken = Answer(200, '{"code": "0000",\n "message": "처리성공"}'.encode())
    with WebServer(lambda _asked: taken) as server:
        config = device(tmp_path, server.url)
        reached = ("ok", f"{server.url} answers")
        assert http_lines(config) == [reached], "nothing was posted yet"
        with Daemon(config) as daemon:
            posted = json.loads(server.wait_for(2)[0].body)
            assert daemon.stop() == 0
        count = len(server.asked)
        first, (state, text) = http_lines(config)
        assert (first, state) == (reached, "ok")
        assert text.startswith("/usage: the daemon's last post, ")
        assert text.endswith('ago: 200 OK: {"code": "0000", "message": "처리성공"}')
        assert len(server.asked) == count, "a check posts nothing"

        server.script = lambda _asked: Answer(401, b"who are you?")
        with Daemon(config) as daemon:
            server.wait_for(count + 2)
            assert daemon.stop() == 0
        state, text = http_lines(config)[1]
        assert state == "warning"
        assert text.endswith("ago: 401 Unauthorized: who are you?")
    assert posted.keys() == {"code", "message", "username", "cpu", "memory"}
    assert [state for state, _ in http_lines(config)] == ["warning", "warning"], "it is away, and what it said is told"


def test_a_server_that_is_there_and_speaks_something_else_is_told(tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.server.cert, papers.server.key)
    with WebServer(tls=context) as secure:
        plain = f"http://127.0.0.1:{secure.port}"
        ((state, text),) = http_lines(device(tmp_path, plain))
        assert state == "warning"
        assert plain in text
        ((state, text),) = http_lines(device(tmp_path, secure.url))
        assert (state, "certificate" in text) == ("warning", True), text
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(papers.ca))
            assert http_lines(device(tmp_path, secure.url)) == [("ok", f"{secure.url} answers")]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        speaking = threading.Thread(target=_say_hello, args=(listening,))
        speaking.start()
        found = http_lines(device(tmp_path, address))
        speaking.join()
    assert found == [("warning", f"not here: {address} is there, but does not speak HTTP (does this port want https?)")]


def _say_hello(listening: socket.socket) -> None:
    """As a server of mail does."""
    connection, _ = listening.accept()
    with connection:
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
        connection.recv(1000)


def test_an_address_that_is_made_of_the_message_is_known_once_it_was_used(tmp_path: Path) -> None:
    with WebServer() as server:
        config = device(tmp_path, server.url)
        rule = tmp_path / "usage.yaml"
        rule.write_text(rule.read_text().replace("/usage\n", "/${thing}\n"))
        assert http_lines(config) == []
        with Daemon(config) as daemon:
            server.wait_for(1)
            assert daemon.stop() == 0
        ((state, text),) = http_lines(config)
    assert (state, text.partition(":")[0]) == ("ok", "/gate-01")


def test_secrets_stand_neither_in_the_memory_nor_in_the_check(tmp_path: Path) -> None:
    def echo(asked: Asked) -> Answer:
        return Answer(403, f"not you: {asked.headers['Authorization']} {asked.path}".encode())

    with WebServer(echo) as server:
        config = device(tmp_path, server.url)
        rule = tmp_path / "usage.yaml"
        secret = "          - {key: Authorization, value: Bearer s3cret-t0ken}\n"
        text = rule.read_text().replace("/usage\n", "/usage?key=hidden-key\n")
        rule.write_text(text.replace("        headers:\n", f"        headers:\n{secret}"))
        with Daemon(config) as daemon:
            server.wait_for(1)
            assert daemon.stop() == 0
        shown = http_lines(config)[1][1]
    kept = (tmp_path / "edge-mask.db.answers.json").read_text()
    assert "403 Forbidden: not you" in shown
    for each in ("s3cret-t0ken", "hidden-key"):
        assert each not in shown + kept


def test_a_server_that_hangs_up_is_shown_with_the_reason(tmp_path: Path) -> None:
    with NonsenseServer(b"hello") as server:
        config = device(tmp_path, server.url)
        with Daemon(config) as daemon:
            server.wait_for(1)
            assert daemon.stop() == 0
        kept = json.loads((tmp_path / "edge-mask.db.answers.json").read_text())
    ((address, answered),) = kept.items()
    assert address.endswith("/usage")
    assert not answered["is_taken"]
    assert "not HTTP" in answered["text"]
