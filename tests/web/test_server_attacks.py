"""What somebody without a password, or with one, tries against the web server of the installed daemon."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

import psutil
import pytest
from tests.waiting import until
from tests.web.served import HOST, Client, Served, served

from edge_mask.web.connections import MOST
from edge_mask.web.live import MOST_A_SESSION

ASKED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALVES = {
    "nothing": b"",
    "half a line": b"GET /hea",
    "half the headers": ASKED[:-2],
    "half a password": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\n\r\nname=kim&passw",
    "half a picture": b"POST /mask/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8000000\r\n\r\n\xff\xd8\xff",
}
"""What is begun when the tests begin and never finished."""


@dataclass
class Victim:
    house: Served
    operator: Client
    reader: Client
    begun: dict[str, socket.socket]

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.house.daemon.process.pid)

    def send(self, text: bytes) -> bytes:
        connection = socket.create_connection((HOST, self.house.port), timeout=30)
        with closing(connection), suppress(ConnectionError):
            connection.sendall(text)
            return connection.recv(4000)
        return b""

    def is_well(self) -> bool:
        return self.house.client().get("/healthz").status == 200


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("victim")
    with served(folder, log={"format": "console", "level": "info"}) as house, ExitStack() as open_ones:
        begun = {}
        for name, text in HALVES.items():
            begun[name] = open_ones.enter_context(closing(socket.create_connection((HOST, house.port), timeout=60)))
            begun[name].sendall(text)
        operator = house.user("kim")
        yield Victim(house, operator, house.with_token("read", name="monitor"), begun)
        assert "Traceback" not in house.daemon.stderr


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "gate-01.evil.test:80"])
def test_a_name_that_somebody_else_points_here_opens_nothing(victim: Victim, host: str) -> None:
    """DNS rebinding: the browser sends the session of nobody, but it must not even see a page."""
    for path in ("/healthz", "/", "/login", "/api/v1/events"):
        answer = victim.operator.get(path, Host=host)
        assert answer.status == 421, path
        assert b"edge-mask" not in answer.body


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_changes_nothing_in_a_session(victim: Victim, origin: str) -> None:
    for path in ("/api/v1/commands/reload", "/login", "/logout", "/mask/"):
        assert victim.operator.post(path, b"{}", Origin=origin).status == 403, path
    assert victim.operator.ask("PATCH", "/api/v1/config", b"{}", {"Origin": origin}).status == 403
    assert victim.operator.get("/api/v1/status").status == 200, "the session is as it was"


def test_nobody_reads_an_answer_across_sites(victim: Victim) -> None:
    answer = victim.operator.get("/api/v1/status", Origin="http://evil.test")
    assert "access-control-allow-origin" not in answer.headers
    asked = victim.operator.ask("OPTIONS", "/api/v1/status", headers={"Origin": "http://evil.test"})
    assert (asked.status, "access-control-allow-methods" in asked.headers) == (405, False)


def test_thirty_megabytes_of_headers_cost_no_memory(victim: Victim) -> None:
    before = victim.process.memory_info().rss
    for _ in range(3):
        assert victim.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 30_000_000)[:12] in (
            b"",
            b"HTTP/1.1 400",
        )
    assert victim.process.memory_info().rss - before < 5 * 2**20
    assert victim.is_well()


def test_sixty_megabytes_of_body_cost_no_memory(victim: Victim) -> None:
    before = victim.process.memory_info().rss
    head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
    long = victim.send(head + b"Content-Length: 60000000\r\n\r\n" + b"y" * 60_000_000)
    assert long[:12] in (b"", b"HTTP/1.1 413")
    chunks = (b"%x\r\n" % 1_000_000 + b"y" * 1_000_000 + b"\r\n") * 60
    assert victim.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)[:12] in (
        b"",
        b"HTTP/1.1 413",
        b"HTTP/1.1 415",
    )
    assert victim.process.memory_info().rss - before < 8 * 2**20
    assert victim.is_well()


def test_many_silent_connections_leave_room_and_file_descriptors(victim: Victim) -> None:
    before = victim.process.num_fds()
    with ExitStack() as silent:
        for _ in range(3 * MOST):
            silent.enter_context(closing(socket.create_connection((HOST, victim.house.port), timeout=30)))
        assert victim.is_well()
        assert victim.process.num_fds() <= before + MOST + 5
        assert victim.operator.get("/api/v1/status").status == 200


def test_one_session_cannot_keep_every_stream_open(victim: Victim) -> None:
    with ExitStack() as streams:
        for _ in range(MOST_A_SESSION):
            assert streams.enter_context(victim.operator.stream("/api/v1/events")).status == 200
        refused = victim.operator.get("/api/v1/events")
        assert (refused.status, refused.headers["retry-after"]) == (503, "30")
        with victim.reader.stream("/api/v1/events") as other:
            assert other.status == 200, "somebody else still listens"

    def is_free_again() -> bool:
        with victim.operator.stream("/api/v1/events") as stream:
            return stream.status == 200

    until(is_free_again)


def test_the_address_of_who_logs_in_is_not_what_they_say(victim: Victim) -> None:
    """Else each guess would come from another address, and none would have to wait."""
    answer = victim.house.client().form(
        "/login", {"name": "kim", "password": "guessed wrongly"}, **{"X-Forwarded-For": "203.0.113.7"}
    )
    assert answer.status == 403
    until(lambda: "login failed for kim from 127.0.0.1" in victim.house.daemon.stderr)
    assert "203.0.113.7" not in victim.house.daemon.stderr


def test_no_secret_stands_in_the_log(victim: Victim) -> None:
    victim.operator.get("/api/v1/status?token=hush-hush")
    assert victim.reader.post("/api/v1/commands/status?password=hush-hush", b"{}").status == 403
    told = victim.house.daemon.stderr
    assert victim.reader.token is not None
    for secret in ("hush-hush", victim.reader.token, *victim.operator.cookies.values()):
        assert secret not in told


def test_a_session_that_is_guessed_opens_nothing(victim: Victim) -> None:
    (name,) = victim.operator.cookies
    for value in ("", "x", "A" * 43, "../../etc/passwd", "%00", "'; drop table users; --"):
        assert victim.house.client(cookies={name: value}).get("/api/v1/status").status == 401


@pytest.mark.parametrize(
    "path", ["//evil.test", "/..%2f..%2fetc/passwd", "/%2e%2e/", "/\\evil.test", "/static/../../x", "/%00"]
)
def test_a_path_of_an_attacker_leads_nowhere(victim: Victim, path: str) -> None:
    answer = victim.house.client().get(path)
    assert answer.status in (303, 401, 404)
    assert not answer.headers.get("location", "./").startswith(("http", "//", "/"))


def test_what_was_begun_and_never_finished_is_cut(victim: Victim) -> None:
    """Last in this file: by now the time that a request has is nearly over."""
    for name in ("nothing", "half a line", "half the headers", "half a picture"):
        connection = victim.begun[name]
        with suppress(ConnectionError):
            while connection.recv(4096):
                pass
    assert victim.is_well()
