"""The page of a daemon over its life: its port, its certificate, its users, its configuration, and its end."""

import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.broker import free_port
from tests.end_to_end.daemon import Daemon, edge_mask
from tests.papers import Papers
from tests.waiting import until
from tests.web.served import HOST, Client, Served, add_user, answers, served, token, write_house

FIRST = b"retry: 2000\n"


def rewrite(config: Path, **changes: Any) -> None:
    """Replace whole sections of the configuration."""
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **changes}))


def said_of_page(config: Path) -> str:
    """What `check` says of it."""
    done = edge_mask("check", "--config", config, cwd=config.parent)
    return "\n".join(line for line in done.out.splitlines() if line.startswith("page "))


def is_gone(port: int) -> bool:
    try:
        with closing(socket.create_connection((HOST, port), timeout=5)):
            return False
    except OSError:
        return True


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("house"), health={"interval": "1s"}) as found:
        yield found


def test_what_happens_at_the_gate_is_told_as_it_happens_also_without_a_broker(house: Served) -> None:
    reader = house.with_token("read", name="reader")
    with reader.stream("/api/v1/events?kinds=visit") as stream:
        assert (stream.readline(), stream.readline()) == (FIRST, b"\n")
        word, name, data = (stream.readline().decode().strip() for _ in range(3))
    assert word == "event: visit"
    name = name.removeprefix("id: ")
    assert data.startswith(f'data: {{"id":"{name}","seq":')
    assert reader.get(f"/api/v1/visits/{name}").status == 200, "it is in the history when it is told"
    with reader.stream("/api/v1/events?kinds=visit", **{"Last-Event-ID": name}) as again:
        assert (again.readline(), again.readline()) == (FIRST, b"\n")
        assert again.readline() == b"event: visit\n"
        assert again.readline() > f"id: {name}\n".encode(), "it goes on behind it"


@pytest.mark.parametrize("gone", ["token", "user"])
def test_a_stream_ends_when_its_reader_may_no_longer_read(house: Served, gone: str) -> None:
    name = f"lost-{gone}"
    reader = house.user(name) if gone == "user" else house.with_token("read", name=name)
    with reader.stream("/api/v1/events") as stream:
        assert stream.readline() == FIRST
        removed = edge_mask(
            "users", "remove" if gone == "user" else "revoke", name, "--config", house.config, cwd=house.folder
        )
        assert removed.code == 0, removed
        while stream.readline():
            pass
    assert reader.get("/api/v1/events").status == 401


def test_a_new_configuration_keeps_streams_and_answers_over_the_same_connection(house: Served) -> None:
    operator = house.user("kim")
    with operator.stream("/api/v1/events?kinds=health,fault") as stream:
        assert stream.readline() == FIRST
        changed = operator.ask(
            "PATCH", "/api/v1/config", b'{"health": {"interval": "2s"}}',
            {"Origin": operator.origin, "Content_Type": "application/json"},
        )  # fmt: skip
        assert (changed.status, changed.json()["changed"]) == (200, ["health.interval"])
        words: set[bytes] = set()
        while b"event: health\n" not in words:
            words.add(stream.readline())
            assert b"" not in words, "the stream has ended"


@pytest.mark.parametrize("by", ["the API", "the command line"])
def test_an_erasure_is_told_at_once_to_whoever_looks(house: Served, by: str) -> None:
    keeper = house.with_token("read", "control", name=f"keeper-{len(by)}")
    visit = until(lambda: keeper.get("/api/v1/visits?limit=1").json()["items"])[0]["id"]
    with keeper.stream("/api/v1/events?kinds=alert") as stream:
        assert stream.readline() == FIRST
        if by == "the API":
            assert keeper.ask("DELETE", f"/api/v1/visits/{visit}").status == 200
        else:
            done = edge_mask("erase", "--visit", visit, "--config", house.config, cwd=house.folder)
            assert done.code == 0, done
        told = stream.readline()
        while told in (b"\n", b"event: here\n", b"data: {}\n"):
            told = stream.readline()
        assert (told, stream.readline(), stream.readline()) == (b"event: erased\n", b"data: {}\n", b"\n")
    assert keeper.get(f"/api/v1/visits/{visit}").status == 404


def test_a_daemon_that_runs_is_known_by_check(house: Served) -> None:
    assert f"http://{HOST}:{house.port}/ is served by a daemon that runs now" in said_of_page(house.config)


def test_the_page_is_switched_off_and_on_and_stops_at_once_whoever_still_looks(tmp_path: Path) -> None:
    with served(tmp_path) as house, ExitStack() as open_ones:
        web = yaml.safe_load(house.config.read_text())["web"]
        rewrite(house.config, web={**web, "enabled": False})
        house.daemon.send(signal.SIGHUP)
        until(lambda: is_gone(house.port))
        moved = Served(house.daemon, house.config, free_port())
        rewrite(house.config, web={**web, "port": moved.port})
        house.daemon.send(signal.SIGHUP)
        until(lambda: answers(moved))
        assert is_gone(house.port)
        viewers = moved.with_token("read")
        for _ in range(4):
            stream = open_ones.enter_context(viewers.stream("/api/v1/events"))
            assert stream.readline() == FIRST
        for text in (b"", b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\nhalf"):
            half = open_ones.enter_context(closing(socket.create_connection((HOST, moved.port))))
            half.sendall(text)
        assert house.daemon.stop() == 0
        told = house.daemon.stderr
    assert "stopped" in told
    for noise in ("Task was destroyed", "Traceback", "does not stop", "Event loop is closed"):
        assert noise not in told


def test_a_port_that_is_taken_is_told_once_and_used_when_it_is_free(tmp_path: Path) -> None:
    config, port = write_house(tmp_path)
    with closing(socket.create_server((HOST, port))) as taken, Daemon(config) as daemon:
        house = Served(daemon, config, port)
        until(lambda: f"{HOST}:{port} cannot be listened on: Address already in use" in daemon.stderr)
        assert "failed   127.0.0.1" in said_of_page(config)
        taken.close()
        until(lambda: answers(house))
        assert daemon.stderr.count("cannot be listened on") == 1
        until(lambda: "web: back after" in daemon.stderr)


def test_another_network_is_served_only_when_somebody_can_log_in(tmp_path: Path) -> None:
    config, port = write_house(tmp_path, web={"host": "0.0.0.0"})
    assert "is not served while nobody can log in" in said_of_page(config)
    with Daemon(config) as daemon:
        until(lambda: "which others reach, and nobody can log in yet; make a user" in daemon.stderr)
        assert is_gone(port)
        add_user(config, "kim")
        until(lambda: answers(Served(daemon, config, port)))
        assert "there is no TLS: whoever is on that network can read passwords" in daemon.stderr
        edge_mask("users", "remove", "kim", "--config", config, cwd=tmp_path)
        until(lambda: is_gone(port))


def serial_of(port: int, ca: Path) -> int:
    context = ssl.create_default_context(cafile=ca)
    with context.wrap_socket(socket.create_connection((HOST, port)), server_hostname=HOST) as connection:
        found = connection.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


def test_certificates_come_and_go_without_a_restart(tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    first, second = papers.server, papers.of_a_server("second")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(chain: Path, secret: Path) -> None:
        key.write_bytes(secret.read_bytes())
        cert.write_bytes(chain.read_bytes())

    put(first.cert, second.key)
    with served(tmp_path, web={"tls": {"cert": str(cert), "key": str(key)}}) as house:
        until(lambda: "do not belong together" in house.daemon.stderr)
        assert "do not belong together" in said_of_page(house.config)
        assert is_gone(house.port), "and the rest runs"
        put(first.cert, first.key)
        until(lambda: not is_gone(house.port))
        serial = serial_of(house.port, papers.ca)
        put(second.cert, first.key)
        until(lambda: "the one before stays in use" in house.daemon.stderr)
        assert serial_of(house.port, papers.ca) == serial
        put(second.cert, second.key)
        until(lambda: serial_of(house.port, papers.ca) != serial)
        secure = ssl.create_default_context(cafile=papers.ca)
        reader = Client(house.port, tls=secure, token=token(house.config, "monitor", "read"))
        assert reader.get("/api/v1/status").status == 200
        assert house.daemon.stop() == 0
