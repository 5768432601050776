"""Attacks on the login, over the network, against the installed daemon.

It trusts a proxy, so that each test comes from addresses of its own, and none pays for the guesses of another."""

import json
import re
import signal
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import count
from math import log2
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import psutil
import pytest
from tests.end_to_end.daemon import Daemon, edge_mask
from tests.waiting import until
from tests.web.asking import Answer, site
from tests.web.served import PASSWORD, Client, Served, add_user, answers, served, write_house
from tests.web.typed import typed

from edge_mask.web.access import Guarded, Needs
from edge_mask.web.application import application
from edge_mask.web.rights import SCOPES

KOREAN = unicodedata.normalize("NFC", "비밀번호는 길어야 합니다")
FORM = "application/x-www-form-urlencoded"
_numbers = count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One daemon for all attacks."""
    with served(tmp_path_factory.mktemp("attacked"), web={"trusted_proxies": ["127.0.0.1"]}) as made:
        yield made


@pytest.fixture
def kim(house: Served) -> "Person":
    """A new operator, known at an address of her own."""
    return Person(house, f"kim{next(_numbers)}")


@pytest.fixture(scope="module")
def lee(house: Served) -> "Person":
    """Somebody whose session and password no test changes."""
    return Person(house, "lee")


class Person:
    """Somebody with a password, at one address."""

    def __init__(self, house: Served, name: str) -> None:
        self.house, self.name, self.address = house, name, address()
        self.command("add", stdin=PASSWORD)
        self.client = self.login()

    def login(self, password: str = PASSWORD) -> Client:
        client = self.house.client()
        answer = enter(client, self.name, password, self.address)
        assert answer.status == 303, answer
        return client

    def command(self, action: str, *words: str, stdin: str = "") -> str:
        done = typed("users", action, self.name, *words, "--config", self.house.config, stdin=stdin)
        assert done.code == 0, done
        return done.out


def address() -> str:
    number = next(_numbers)
    return f"10.9.{number // 250}.{number % 250 + 1}"


def enter(client: Client, name: str, password: str, place: str, **more: str) -> Answer:
    return client.form("/login", {"name": name, "password": password, **more}, X_Forwarded_For=place)


def is_in(client: Client) -> bool:
    return client.get("/account").status == 200


def test_fifty_wrong_passwords_at_once_are_not_tried_and_leave_no_memory_behind(house: Served, kim: Person) -> None:
    daemon = psutil.Process(house.daemon.process.pid)
    place, statuses = address(), Counter[int]()
    waits: list[int] = []
    before = daemon.memory_info().rss

    def guess(number: int) -> None:
        answer = enter(house.client(), kim.name, f"guess number {number}", place)
        statuses[answer.status] += 1
        waits.append(int(answer.headers.get("retry-after", "0")))

    workers = [threading.Thread(target=guess, args=(number,)) for number in range(50)]
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        assert house.client().get("/healthz").status == 200, "others are served meanwhile"
    assert statuses.total() == 50
    lasted = time.monotonic() - begun
    assert 3 <= statuses[403] <= 3 + log2(lasted + 1), f"three are free, then one after 1, 3, 7 … of {lasted:.1f} s"
    assert statuses[429] == 50 - statuses[403]
    assert max(waits) >= 1
    assert daemon.memory_info().rss - before < 15 * 2**20, "a hash takes 19 MiB, and glibc would keep them"
    kim.login()  # she is not locked out where she logged in before


def test_log_out_everywhere_on_a_full_disk_says_so_and_one_that_says_done_outlives_kill_9(tmp_path: Path) -> None:
    config, port = write_house(tmp_path)
    in_the_way = tmp_path / "edge-mask.db.sessions.json.new"
    add_user(config, "ann")
    with Daemon(config) as daemon:
        house = Served(daemon, config, port)
        until(lambda: answers(house))
        first, second = house.client().login("ann"), house.client().login("ann")
        stolen = house.client(cookies=dict(first.cookies))
        in_the_way.mkdir()  # what a full disk does: nothing can be written, and what was written stays
        for told in (first.form("/logout", {}), second.form("/account/sessions", {"session": "all"})):
            assert told.status == 503, told
            assert "Logged out, but this could not be written down" in told.json()["detail"]
            assert "edge-mask.db.sessions.json" in told.json()["detail"]
        assert not any(map(is_in, (first, second, stolen)))
        asked = house.client().login("ann")
        also_in_the_way = tmp_path / "edge-mask.db.users.json.new"
        also_in_the_way.mkdir()
        refused = asked.form("/account/password", {"old": PASSWORD, "new": KOREAN, "again": KOREAN}, Accept="text/html")
        assert (refused.status, "It could not be changed now" in refused.text) == (503, True)
        assert is_in(house.client().login("ann", PASSWORD)), "the password stays as it was"
        also_in_the_way.rmdir()
        changed = asked.form("/account/password", {"old": PASSWORD, "new": KOREAN, "again": KOREAN})
        assert changed.status == 303, "the file of users can be written"
        in_the_way.rmdir()
        assert house.client().login("ann", KOREAN).form("/account/sessions", {"session": "all"}).status == 303
        daemon.send(signal.SIGKILL)
        daemon.wait()
    with Daemon(config) as daemon:
        house = Served(daemon, config, port)
        until(lambda: answers(house))
        assert not any(map(is_in, (stolen, asked)))


def test_nobody_learns_who_has_an_account_neither_by_words_nor_by_time(house: Served, lee: Person) -> None:
    def spent(name: str) -> tuple[float, Answer]:
        begun = time.perf_counter()
        answer = enter(house.client(), name, "wrong wrong wrong", address())
        return time.perf_counter() - begun, answer

    pairs = [(spent(lee.name), spent("nobody-of-that-name")) for _ in range(4)]
    for (_, known), (_, unknown) in pairs:
        assert (known.status, known.body) == (unknown.status, unknown.body) == (403, known.body)
        assert known.headers.keys() == unknown.headers.keys()
    times = [min(each) for each in zip(*((a[0], b[0]) for a, b in pairs), strict=True)]
    assert 0.2 < times[0] / times[1] < 5.0, "both hash; without a hash it is a hundredth"


def test_a_stolen_session_ends_with_the_password_also_its_open_stream(house: Served, kim: Person) -> None:
    thief = house.client(cookies=dict(kim.client.cookies))
    assert is_in(thief)
    with thief.stream("/api/v1/events?kinds=detections,visit,health") as stream:
        assert stream.status == 200
        assert stream.readline().startswith(b"retry")
        kim.command("password", stdin="another horse battery\n")
        assert not is_in(thief)
        assert thief.get("/api/v1/status").status in (401, 404)
        while stream.readline():  # to its end
            pass
    assert not is_in(kim.client)
    assert is_in(kim.login("another horse battery"))


def test_ones_own_password_on_the_page_ends_all_other_sessions(house: Served, kim: Person) -> None:
    thief, here = kim.login(), kim.login()
    fields = {"old": PASSWORD, "new": KOREAN, "again": unicodedata.normalize("NFD", KOREAN)}
    changed = here.form("/account/password", fields, X_Forwarded_For=kim.address)
    assert (changed.status, changed.headers["location"]) == (303, "../account?done=password")
    assert [is_in(each) for each in (thief, kim.client, here)] == [False, False, True]
    assert is_in(kim.login(KOREAN))
    assert enter(house.client(), kim.name, PASSWORD, kim.address).status == 403


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"old": "guess", "new": KOREAN, "again": KOREAN}, 403, "This is not the password."),
        ({"old": PASSWORD, "new": "short", "again": "short"}, 422, "It has 5 characters; 12 to 256 are allowed."),
        ({"old": PASSWORD, "new": KOREAN, "again": KOREAN + "x"}, 422, "The two are not the same."),
        ({"old": PASSWORD, "new": "a\0b" * 9, "again": "a\0b" * 9}, 422, "another control character."),
        ({}, 422, "It has 0 characters"),
    ],
)
def test_a_password_that_cannot_be_changed_stays_and_the_page_says_why(
    lee: Person, fields: dict[str, str], status: int, text: str
) -> None:
    headers = {"X_Forwarded_For": lee.address, "Accept": "text/html"}
    answer = lee.client.form("/account/password", fields, **headers)
    assert answer.status == status
    assert text in answer.text
    assert PASSWORD not in answer.text
    assert is_in(lee.client)


def test_a_session_that_was_planted_is_not_the_one_that_is_given(house: Served, kim: Person) -> None:
    name, own = next(iter(kim.client.cookies.items()))
    planted = house.client(cookies={name: "chosen-by-somebody-else"})
    assert enter(planted, kim.name, PASSWORD, kim.address).status == 303
    assert planted.cookies[name] not in ("chosen-by-somebody-else", own)
    assert not is_in(house.client(cookies={name: "chosen-by-somebody-else"}))
    again = house.client(cookies={name: own})
    assert enter(again, kim.name, PASSWORD, kim.address).status == 303
    assert not is_in(kim.client), "the session that the browser had ends"


def test_a_cookie_that_was_planted_beside_the_right_one_locks_nobody_out(house: Served, kim: Person) -> None:
    name, own = next(iter(kim.client.cookies.items()))
    browser = house.client()
    for planted in (f"{name}=x; {name}={own}", f"{name}={own}; {name}=x", f"{name}={own}; " + f"{name}=x; " * 200):
        assert browser.get("/account", Cookie=planted).status == 200, planted[:40]
    assert browser.get("/account", Cookie=f"{name}=x; {name}=y").status == 303
    second = next(iter(kim.login().cookies.values()))
    left = browser.post("/logout", Cookie=f"{name}={own}; {name}={second}")
    assert left.status == 303
    assert [is_in(house.client(cookies={name: each})) for each in (own, second)] == [False, False]


def test_a_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: Served, lee: Person) -> None:
    answer = enter(house.client(), lee.name, PASSWORD, lee.address)
    text = answer.headers["set-cookie"]
    assert re.fullmatch(rf"edge-mask-{house.port}=[\w-]{{43}}; HttpOnly; Max-Age=\d+; Path=/; SameSite=strict", text), (
        text
    )
    assert answer.headers["cache-control"] == "no-store"


def test_over_tls_only_a_cookie_counts_that_came_over_tls(house: Served, lee: Person) -> None:
    tls = {"X_Forwarded_Proto": "https", "X_Forwarded_For": lee.address}
    client = house.client()
    origin = f"https://127.0.0.1:{house.port}"
    answer = client.form("/login", {"name": lee.name, "password": PASSWORD}, **tls, Origin=origin)
    text = answer.headers["set-cookie"]
    assert text.startswith(f"__Host-edge-mask-{house.port}=")
    assert "; Secure" in text
    assert "; Path=/;" in text
    assert "Domain" not in text
    assert client.get("/account", **tls).status == 200
    assert client.get("/account").status == 303, "it does not count without TLS"
    assert lee.client.get("/account", **tls).status == 303, "nor one without TLS over TLS"


def test_the_cookie_of_another_port_opens_nothing_and_is_not_overwritten(
    house: Served, kim: Person, tmp_path: Path
) -> None:
    with served(tmp_path) as other:
        there = other.user(kim.name)
        assert set(there.cookies).isdisjoint(kim.client.cookies)
        both = {**there.cookies, **kim.client.cookies}  # a browser sends both to both
        assert is_in(house.client(cookies=both))
        assert is_in(other.client(cookies=both))
        renamed = {next(iter(there.cookies)): next(iter(kim.client.cookies.values()))}
        assert not is_in(other.client(cookies=renamed))
        assert not is_in(other.client(cookies=dict(kim.client.cookies)))


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "", None, "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
def test_no_other_site_can_log_somebody_in_or_out(house: Served, lee: Person, origin: str | None) -> None:
    headers = {"Content-Type": FORM, "X-Forwarded-For": lee.address}
    if origin is not None:
        headers["Origin"] = origin.format(port=house.port)
    body = f"name={lee.name}&password={quote(PASSWORD)}"
    for path in ("/login", "/logout", "/account/sessions"):
        answer = lee.client.ask("POST", path, f"{body}&session=all", headers)
        assert answer.status == 403, path
        assert "set-cookie" not in answer.headers
    assert is_in(lee.client)


ELSEWHERE = (
    "//evil.test",
    "///evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "https:evil.test", "http:/evil.test",
    "javascript:alert(1)", "data:text/html,x", "%2f%2fevil.test", "%5cevil.test", "./%2fevil.test", "..//evil.test",
    " //evil.test",
    "\t//evil.test", "x\r\nSet-Cookie: a=b", "x\nLocation: //evil.test", "\x00//evil.test", "evil.test:80/x",
    "visits/../..//evil.test", "x" * 5000, "．．/", "/visits", "⁄⁄evil.test",
)  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_the_login_leads_to_this_site_only(house: Served, lee: Person, wanted: str) -> None:
    answer = lee.client.get(f"/login?next={quote(wanted, safe='')}")
    assert answer.status == 303
    led = urljoin(f"{lee.client.origin}/login", answer.headers["location"])
    assert urlsplit(led).netloc == f"127.0.0.1:{house.port}"
    assert answer.headers["location"].startswith("./")
    assert "set-cookie" not in answer.headers


def test_after_the_login_one_is_where_one_wanted_to_be(house: Served, lee: Person) -> None:
    stranger = house.client()
    asked = stranger.get("/visits?camera=front&limit=5")
    assert asked.headers["location"] == "./login?next=visits%3Fcamera%3Dfront%26limit%3D5"
    wanted = "visits?camera=front&limit=5"
    answer = enter(stranger, lee.name, PASSWORD, lee.address, next=wanted)
    assert answer.headers["location"] == f"./{wanted}"
    assert enter(house.client(), lee.name, PASSWORD, lee.address, next="//evil.test").headers["location"] == "./"


def test_a_link_on_another_site_finds_whoever_is_logged_in(house: Served, lee: Person) -> None:
    """The browser keeps the cookie back for such a request; the form asks again, and then it comes along."""
    kept_back = house.client().get("/login?next=visits%2F1", Sec_Fetch_Site="cross-site", Accept="text/html")
    assert kept_back.headers["refresh"] == "0; url=?next=visits%2F1"
    assert "refresh" not in house.client().get("/login?next=visits%2F1", Sec_Fetch_Site="same-origin").headers
    assert lee.client.get("/login?next=visits%2F1").headers["location"] == "./visits/1"


def test_a_token_of_a_removed_user_and_a_revoked_one_open_nothing(house: Served, kim: Person) -> None:
    token = kim.command("token", "--scope", "read").split()[-1]
    program = house.client(token=token)
    assert program.get("/api/v1/events?kinds=x").status == 400, "it may ask"
    kim.command("remove")
    refused = program.get("/api/v1/events?kinds=x")
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert not is_in(kim.client)
    assert enter(house.client(), kim.name, PASSWORD, kim.address).status == 403


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_no_route_of_another_scope_and_no_page(house: Served, tmp_path: Path, scope: str) -> None:
    program = house.with_token(scope, name=f"program-{scope}")
    walked = 0
    for route in application(site(tmp_path)).routes:
        assert isinstance(route, Guarded)
        if route.needs in (Needs.OPEN, Needs(scope)):
            continue
        path = re.sub(r"\{\w+(:\w+)?\}", "1", route.path)
        for method in route.methods or ():
            assert program.ask(method, path).status == 403, (method, path)
            walked += 1
    assert walked


@pytest.mark.parametrize(
    "shown", ["Basic a2ltOng=", "Bearer", "Bearer ", "Bearer x", "bearer em_", "Bearer em_\xff", "Bearer a b"]
)
def test_what_is_no_token_opens_nothing_also_beside_a_session(lee: Person, shown: str) -> None:
    status = lee.client.get("/account", Authorization=shown).status
    assert status == (200 if shown in ("Basic a2ltOng=", "Bearer", "Bearer ") else 303)
    assert Client(lee.house.port).get("/api/v1/events", Authorization=shown).status == 401


@pytest.mark.parametrize(
    "password", ["", "\0", f"{PASSWORD}\0", f"{PASSWORD}\n", "x" * 60_000, "🐎" * 1000, "\x7f\x1b[2J"]
)
def test_a_password_of_any_signs_is_wrong_and_nothing_breaks(house: Served, lee: Person, password: str) -> None:
    answer = enter(house.client(), lee.name, password, address())
    assert answer.status == 403 if len(quote(password)) < 64_000 else 413


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", '{"name": "kim", "password": "x"}', 415),
        ("multipart/form-data; boundary=x", "--x--", 415),
        ("text/plain", "name=kim&password=x", 415),
        (FORM, "&".join(f"f{n}=1" for n in range(5000)), 400),
        (FORM, "name=%ff%fe&password=%00%ff%ed%a0%80", 403),
        (FORM, "name=kim&name=lee&password", 403),
        (FORM, "\0\xff=&=&&&%%%zz", 403),
        (FORM, "password=" + "x" * 100_000, 413),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(house: Served, kind: str, body: str, status: int) -> None:
    answer = house.client().post("/login", body.encode("latin-1"), Content_Type=kind, X_Forwarded_For=address())
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"


def test_log_out_ends_the_session_and_everywhere_ends_all(house: Served, kim: Person) -> None:
    kept = house.client(cookies=dict(kim.client.cookies))
    assert kim.client.post("/logout").headers["location"] == "./login"
    assert kim.client.cookies == {}
    assert not is_in(kept)
    here, there, third = kim.login(), kim.login(), kim.login()
    shown = here.get("/account", Accept="text/html").text
    others = re.findall(r'name="session" value="([0-9a-f]{16})"', shown)
    assert len(others) == 2
    assert here.form("/account/sessions", {"session": others[0]}).status == 303
    assert [is_in(each) for each in (here, there, third)] == [True, True, False]
    assert here.form("/account/sessions", {"session": "all"}).headers["location"] == "../login"
    assert [is_in(each) for each in (here, there)] == [False, False]


def test_the_command_and_the_page_write_at_once_and_lose_nothing(house: Served, kim: Person) -> None:
    names = [f"at-once-{number}" for number in range(4)]

    def add(name: str) -> None:
        where = ("--config", house.config)
        assert edge_mask("users", "add", name, *where, cwd=house.folder, stdin=PASSWORD).code == 0

    workers = [threading.Thread(target=add, args=(name,)) for name in names]
    for worker in workers:
        worker.start()
    passwords = [PASSWORD, KOREAN]
    while any(worker.is_alive() for worker in workers):
        old, new = passwords
        fields = {"old": old, "new": new, "again": new}
        assert kim.client.form("/account/password", fields, X_Forwarded_For=kim.address).status == 303
        passwords.reverse()
    assert is_in(kim.login(passwords[0]))
    kept = json.loads((house.folder / "edge-mask.db.users.json").read_text())
    assert {kim.name, *names} <= kept["users"].keys()


def test_a_damaged_file_of_users_lets_nobody_in_until_it_is_put_right(house: Served, kim: Person) -> None:
    path = house.folder / "edge-mask.db.users.json"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    try:
        assert not is_in(kim.client)
        assert enter(house.client(), kim.name, PASSWORD, kim.address).status == 403
        shown = house.client().get("/login", Accept="text/html").text
        assert "the file of users cannot be used" in shown
        assert str(path) not in shown
        assert "is damaged" in house.daemon.stderr
    finally:
        path.write_bytes(good)
    assert is_in(kim.client)


def test_a_session_outlives_a_killed_daemon_and_no_secret_is_in_its_log_or_files(tmp_path: Path) -> None:
    with served(tmp_path, web={"trusted_proxies": ["127.0.0.1"]}) as house:
        kim = Person(house, "kim")
        token = kim.command("token", "--scope", "read").split()[-1]
        assert house.client(token=token).get("/api/v1/events?kinds=x").status == 400
        enter(house.client(), kim.name, "a wrong password it is", address())
        enter(house.client(), "a password as a name", "x", address())
        house.daemon.process.kill()
        house.daemon.wait()
        with Daemon(house.config) as again:
            house.daemon = again
            until(lambda: answers(house))
            assert is_in(kim.client)
            kim.command("remove")
            assert not is_in(kim.client)
            assert again.stop() == 0
    secrets = [PASSWORD, token, *kim.client.cookies.values(), "a wrong password", "a password as"]
    for path in house.folder.glob("edge-mask.db*json*"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (each for each in house.folder.iterdir() if each.is_file()):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path


def test_a_browser_whose_name_is_markup_is_shown_as_text(house: Served, lee: Person) -> None:
    client = house.client()
    fields = {"name": lee.name, "password": PASSWORD, "next": '"><script>alert(1)</script>'}
    assert (
        client.form("/login", fields, User_Agent="<script>alert(2)</script>", X_Forwarded_For=lee.address).status == 303
    )
    shown = client.get("/account", Accept="text/html").text
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in shown
    again = enter(house.client(), lee.name, "wrong", address(), next='"><script>alert(1)</script>')
    assert "<script>alert" not in shown + again.text
