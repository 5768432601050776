"""What every request passes first: whose name is called, from which page, through which proxy."""

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from tests.web.asking import Answer, Asking, asking, site

from edge_mask.settings.web import Web
from edge_mask.web.threshold import POLICY, Threshold


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how a request looks behind the threshold."""
    request = Request(scope)
    client = request.client.host if request.client else None
    told = {"client": client, "scheme": request.url.scheme, "path": scope["path"], "raw": scope["raw_path"].decode()}
    await JSONResponse(told)(scope, receive, send)


def through(peer: str = "127.0.0.1", **web: object) -> Asking:
    return Asking(Threshold(mirror, Web.model_validate(web), "gate-01", lambda *_: None), peer=peer)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "192.168.1.7:80", "[::1]:8080", "[fe80::1]", "localhost:8080", "a.localhost",
     "gate.local", "GATE-01:8080", "gate-01", "door.example.org", "Door.Example.org.:443"],
)  # fmt: skip
def test_a_name_of_this_device_is_answered(host: str) -> None:
    assert through(names=["door.example.org"]).get("/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8080", "127.0.0.1.evil.test", "gate-01.evil.test", "localhost.evil.test", "local", "",
     "2130706433", "door.example.org.evil.test", "[::1].evil.test", "x@127.0.0.1:8080", "evil.test#.local:80/",
     "evil.test/.local"],
)  # fmt: skip
def test_a_name_of_somebody_else_is_refused_whatever_it_resolves_to(host: str) -> None:
    answer = through(names=["door.example.org"]).get("/", host=host)
    assert answer.status in (400, 421)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.test", "null", "", "http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://127.0.0.1",
     "http://127.0.0.1:8080.evil.test", "http://localhost:8080"],
)  # fmt: skip
def test_a_form_of_another_page_changes_nothing(method: str, origin: str) -> None:
    assert through().ask(method, "/", headers={"origin": origin}).status == 403


def test_a_form_without_an_origin_changes_nothing_unless_a_program_sends_it() -> None:
    assert through().post("/", origin=None).status == 403
    program = Asking(through().app, bearer="a token")
    assert program.post("/", origin=None).status == 200


@pytest.mark.parametrize("shown", ["Bearer", "Bearer ", "Bearer  \t ", "Basic a2ltOng=", "Bearerx y", ""])
def test_what_is_no_token_excuses_no_origin(shown: str) -> None:
    assert through().post("/", origin=None, authorization=shown).status == 403


@pytest.mark.parametrize("shown", ["Bearer \xa0", "Bearer \x85", "bearer x", "Bearer  em_x "])
def test_a_token_that_excuses_the_origin_makes_no_cookie_count(tmp_path: Path, shown: str) -> None:
    """Blanks that are none in HTTP: what one took for a token, another must not take for none."""
    operator = asking(site(tmp_path), who="operator")
    operator.headers["authorization"] = shown
    answer = operator.post("/api/v1/commands/status", b"{}", origin=None, content_type="application/json")
    assert answer.status == 401, answer


def test_a_program_in_a_foreign_page_is_no_program() -> None:
    assert Asking(through().app, bearer="a token").post("/", origin="http://evil.test").status == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [("127.0.0.1:8080", "http://127.0.0.1:8080"), ("gate.local", "http://gate.local"),
     ("gate.local:80", "http://gate.local"), ("[::1]:8080", "http://[::1]:8080"), ("GATE.local", "http://gate.local")],
)  # fmt: skip
def test_a_form_of_the_page_itself_is_taken(host: str, origin: str) -> None:
    assert through().post("/", origin=origin, host=host).status == 200


def seen(answer: Answer) -> tuple[str, str]:
    told = answer.json()
    return told["client"], told["scheme"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.168.1.9", "10.0.0.1"])
def test_nobody_says_who_they_are_by_a_header(peer: str) -> None:
    forged = {"x_forwarded_for": "1.2.3.4", "x_forwarded_proto": "https"}
    assert seen(through(peer, trusted_proxies=["10.9.0.0/16"]).get("/", **forged)) == (peer, "http")


@pytest.mark.parametrize(
    ("forwarded", "who"),
    [("1.2.3.4", "1.2.3.4"), ("6.6.6.6, 1.2.3.4", "1.2.3.4"), ("6.6.6.6, 1.2.3.4, 10.9.3.3", "1.2.3.4"),
     ("6.6.6.6, nonsense", "10.9.0.1"), ("", "10.9.0.1"), ("10.9.0.2", "10.9.0.1"), ("2001:db8::1", "2001:db8::1")],
)  # fmt: skip
def test_behind_a_trusted_proxy_the_last_stranger_asks(forwarded: str, who: str) -> None:
    proxied = through("10.9.0.1", trusted_proxies=["10.9.0.0/16"])
    assert seen(proxied.get("/", x_forwarded_for=forwarded, x_forwarded_proto="https")) == (who, "https")


def test_a_trusted_proxy_on_a_socket_of_both_families_is_known() -> None:
    proxied = through("::ffff:10.9.0.1", trusted_proxies=["10.9.0.0/16"])
    assert seen(proxied.get("/", x_forwarded_for="1.2.3.4")) == ("1.2.3.4", "http")


def test_a_form_behind_a_proxy_that_ends_tls_is_taken() -> None:
    proxied = through("10.9.0.1", trusted_proxies=["10.9.0.1"], names=["door.example.org"])
    headers = {"host": "door.example.org", "x_forwarded_proto": "https"}
    assert proxied.ask("POST", "/", headers={**headers, "origin": "https://door.example.org"}).status == 200
    assert proxied.ask("POST", "/", headers={**headers, "origin": "http://door.example.org"}).status == 403


@pytest.mark.parametrize(("asked", "path"), [("/gate/visits", "/visits"), ("/gate/", "/"), ("/visits", "/visits")])
def test_a_proxy_may_pass_its_path_on_or_not(asked: str, path: str) -> None:
    told = through(base_path="/gate").get(asked).json()
    assert (told["path"], told["raw"]) == (path, path)


def test_the_path_of_the_proxy_without_its_slash_leads_to_the_page() -> None:
    answer = through(base_path="/a/gate").get("/a/gate")
    assert (answer.status, answer.headers["location"]) == (307, "gate/")
    assert through(base_path="/gate").get("/gateway").json()["path"] == "/gateway"


def test_every_answer_says_what_a_browser_must_not_do(tmp_path: Path) -> None:
    stranger = asking(site(tmp_path))
    for answer in (
        stranger.get("/healthz"), stranger.get("/nothing"), stranger.get("/", host="evil.test"),
        stranger.post("/healthz", origin="http://evil.test"), stranger.get("/api/v1/events"),
    ):  # fmt: skip
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_a_person_reads_what_is_wrong_as_a_page_and_a_program_as_json(tmp_path: Path) -> None:
    person = asking(site(tmp_path)).get("/<script>", accept="text/html")
    assert (person.status, person.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<script>" not in person.text
    program = asking(site(tmp_path)).get("/nothing")
    told = program.json()
    assert program.headers["content-type"] == "application/problem+json"
    assert (told["status"], told["title"], told["detail"]) == (404, "Not Found", "there is nothing here")


@pytest.mark.parametrize("method", ["TRACE", "DELETE", "OPTIONS", "FOO"])
def test_a_method_that_a_route_does_not_know_is_refused(tmp_path: Path, method: str) -> None:
    answer = asking(site(tmp_path), bearer="read").ask(method, "/healthz")
    assert answer.status == 405


@pytest.mark.parametrize("length", ["70000", "99999999999999999999999999", "-1", "0x10", "1e9"])
def test_a_body_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path, length: str) -> None:
    answer = asking(site(tmp_path)).get("/healthz", content_length=length)
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/login", "/logout", "/account/password"])
def test_who_hangs_up_in_the_middle_of_a_form_leaves_no_line_in_the_log(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    form = {"origin": "http://127.0.0.1:8080", "content_type": "application/x-www-form-urlencoded"}
    asking(site(tmp_path), who="operator").ask("POST", path, b"name=ki", headers=form, hangs_up=True)
    assert not [each for each in caplog.records if each.levelname != "DEBUG"]
