"""`edge-mask run --safe-mode` with a broken configuration: one page behind the login, until the file is right."""

import signal
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.broker import free_port
from tests.end_to_end.daemon import MASKED, Daemon, edge_mask, write_config, write_model, write_scene
from tests.waiting import until
from tests.web.browsing import CHROMIUM, browsing
from tests.web.served import Served, add_user

from edge_mask.settings.last_good import changes
from edge_mask.settings.remains import remains

SECRET = "cherry-tree"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A gate with an operator and a viewer, whose configuration has run once."""
    made = tmp_path_factory.mktemp("safe")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKER", SECRET)
        write_model(made)
        write_scene(made / "scene", [MASKED] * 3)
        config = write(made)
        add_user(config, "kim")
        add_user(config, "lee", "viewer")
        with Daemon(config, "--max-seconds", "1") as daemon:
            assert daemon.wait() == 0, daemon.stderr
        yield made


def write(folder: Path, broken: str = "", **web: Any) -> Path:
    made = {"enabled": True, "port": free_port(), **web}
    mqtt = {"transport": "none", "username": "kim", "password": "${BROKER}"}
    config = write_config(folder, None, web=made, mqtt=mqtt)
    if broken:
        config.write_text(config.read_text() + broken)
    return config


@contextmanager
def broken(folder: Path, wrong: str = "nonsense: 1\n", **web: Any) -> Iterator[Served]:
    config = write(folder, wrong, **web)
    port = remains(config, {"BROKER": SECRET}).settings.web.port
    with Daemon(config, "--safe-mode") as daemon:
        house = Served(daemon, config, port)
        until(lambda: says(house, 503))
        yield house


def says(house: Served, status: int, **client: Any) -> bool:
    """Whether the health of the program is this."""
    assert house.daemon.process.poll() is None, house.daemon.stderr
    try:
        return house.client(**client).get("/healthz").status == status
    except OSError:
        return False


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[Served]:
    """One that stays broken until the last of its tests."""
    with broken(folder, "nonsense: 1\ngate2: {token: " + SECRET + "}\n") as found:
        yield found


def test_the_page_says_what_is_wrong_and_what_ran_last_and_no_secret(house: Served) -> None:
    line = len(house.config.read_text().splitlines()) - 1
    kim = house.client().login("kim")
    page = kim.get("/")
    assert page.status == 200
    assert f"config.yaml:{line}: nonsense: unknown key" in page.text
    checked = edge_mask("check", "--config", house.config, cwd=house.folder)
    assert checked.err.splitlines()[0].split("; did")[0] in page.text.replace("&#34;", '"')
    assert "thing_name: gate-01" in page.text
    assert "nonsense</th>" in page.text, "it was not there when the configuration ran"
    assert SECRET not in page.text + kim.get("/settings").text
    assert SECRET not in house.daemon.stderr
    lee = house.client().login("lee").get("/").text
    assert "nonsense" not in lee, "a viewer is only told that it is so"


def test_nothing_but_the_page_is_served_and_nothing_is_written(house: Served) -> None:
    written = {path: path.stat().st_mtime_ns for path in (house.config, house.folder / "edge-mask.db")}
    kim = house.client().login("kim")
    for path in ("/visits", "/api/v1/status", "/metrics", "/account"):
        assert kim.get(path).status == 404, path
        assert house.client().get(path).status == 404, path  # nor without a login
    assert kim.post("/settings", b"wish=x").status == 405
    assert written == {path: path.stat().st_mtime_ns for path in written}


def test_safe_mode_is_behind_the_login(house: Served) -> None:
    stranger = house.client()
    answer = stranger.get("/")
    assert (answer.status, answer.headers["location"]) == (303, "./login")
    assert stranger.form("/login", {"name": "kim", "password": "not this one at all"}).status == 403
    assert stranger.get("/settings").status == 303
    health = stranger.get("/healthz")
    assert (health.status, health.json()) == (503, {"status": "safe mode"})
    assert stranger.get("/", Host="evil.example").status == 421
    assert stranger.post("/login", b"name=kim", Origin="http://evil.example").status == 403


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")
def test_a_screen_reader_can_read_it_in_both_languages(house: Served) -> None:
    with browsing(house) as desk, desk.page("/") as page:
        for language in ("en", "ko"):
            page.goto(f"/?lang={language}")
            found = Axe().run(page)
            assert not found.response["violations"], found.generate_report()


def test_it_goes_on_by_itself_when_the_file_is_right(house: Served) -> None:
    kim = house.client().login("kim")
    text = house.config.read_text()
    house.config.write_text(text.replace("nonsense: 1", "gate3: 1"))
    until(lambda: "gate3: unknown key" in kim.get("/").text)
    assert "nonsense: unknown key" not in kim.get("/").text
    fresh = house.config.with_suffix(".new")  # as editors write
    fresh.write_text("".join(text.partition("nonsense:")[:1]))
    fresh.replace(house.config)
    until(lambda: says(house, 200))
    assert kim.get("/settings").status == 200, "the session goes on"
    assert "front" in kim.get("/").text
    assert house.daemon.stop() == 0


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")
def test_an_open_page_of_safe_mode_notices_the_repair(folder: Path) -> None:
    with broken(folder, "nonsense: 1\n") as house, browsing(house) as desk, desk.page("/") as page:
        expect(page.get_by_text("nonsense: unknown key").first).to_be_visible()
        text = house.config.read_text()
        house.config.write_text(text.replace("nonsense: 1", "gate3: 1"))
        expect(page.get_by_text("gate3: unknown key").first).to_be_visible()
        house.config.write_text(text.replace("nonsense: 1\n", ""))
        expect(page.get_by_role("heading", name="Now")).to_be_visible(timeout=30_000)


def test_a_rule_that_is_wrong_is_a_broken_configuration(folder: Path) -> None:
    rule = folder / "rule.yaml"
    rule.write_text("hot: {sql: SELECT}\n")
    with broken(folder, f"rules: [{rule}]\n") as house:
        assert "rule.yaml:1" in house.client().login("kim").get("/").text
        rule.write_text("hot: {sql: \"SELECT * FROM 'a'\", actions: [{republish: {topic: b}}]}\n")
        house.daemon.send(signal.SIGHUP)
        until(lambda: says(house, 200))


def test_with_tls_there_is_no_page_without_it_and_the_exit_code_says_what_was_wrong(folder: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    tls = {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    config = write(folder, "nonsense: 1\n", tls=tls)
    with Daemon(config, "--safe-mode") as daemon:
        house = Served(daemon, config, remains(config, {"BROKER": SECRET}).settings.web.port)
        until(lambda: says(house, 503, tls=context))
        kim = house.client(tls=context).login("kim")
        assert any(name.startswith("__Host-") for name in kim.cookies)
        assert "nonsense" in kim.get("/").text
        assert daemon.stop() == 2


# -- when there is no page -----------------------------------------------------------------------------------


def ended(config: Path, *more: str) -> Daemon:
    with Daemon(config, *more) as daemon:
        assert daemon.wait() == 2, daemon.stderr
        return daemon


def test_off_by_its_key_the_program_ends_as_ever(folder: Path) -> None:
    daemon = ended(write(folder, "nonsense: 1\n", safe_mode=False), "--safe-mode")
    assert "nonsense: unknown key" in daemon.stderr


def test_where_nobody_could_log_in_nothing_is_served(tmp_path: Path) -> None:
    daemon = ended(write(tmp_path, "nonsense: 1\n"), "--safe-mode")
    assert "nonsense: unknown key" in daemon.stderr
    assert "safe mode has no page: nobody can log in yet; make the first user: edge-mask users add" in daemon.stderr
    assert "safe mode: " not in daemon.stderr


def test_a_user_that_is_made_while_the_configuration_is_broken_sees_safe_mode(tmp_path: Path) -> None:
    config = write(tmp_path, "nonsense: 1\n")
    add_user(config, "kim")
    with broken(tmp_path) as house:
        assert "nonsense: unknown key" in house.client().login("kim").get("/").text


def test_the_time_limit_holds_in_safe_mode_too(folder: Path) -> None:
    began = time.monotonic()
    ended(write(folder, "nonsense: 1\n"), "--safe-mode", "--max-seconds", "1")
    assert time.monotonic() - began >= 1.0


# -- what is left of a broken file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "", "web: {enabled: true, host: 0.0.0.0, port: many}", "web: {enabled: true, host: 0.0.0.0, prt: 1}",
        "web: [1]\n", "web: {enabled: true, host: 0.0.0.0}\nx: [", "\x00", "just words",
        "web: {enabled: true, host: 0.0.0.0, tls: {cert: nowhere.pem, key: nowhere.pem}}",
    ],
)  # fmt: skip
def test_a_page_whose_own_section_is_wrong_is_for_this_machine_only(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    web = remains(tmp_path / "config.yaml", {}).settings.web
    assert (web.is_loopback, web.port, web.tls) == (True, 8080, None)


def test_a_file_that_is_not_there_leaves_a_page_for_this_machine(tmp_path: Path) -> None:
    found = remains(tmp_path / "none.yaml", {})
    assert (found.is_wanted, found.settings.web.is_loopback, found.raw) == (True, True, None)


@pytest.mark.parametrize(
    ("web", "is_wanted"),
    [
        ("{}", False), ("{enabled: true}", True), ("{enabled: true, safe_mode: false}", False), ("{port: x}", True),
        ("{enabled: false, port: x}", False), ("{enabled: true, safe_mode: false, port: x}", False),
    ],
)  # fmt: skip
def test_it_is_wanted_where_the_page_is(tmp_path: Path, web: str, is_wanted: bool) -> None:
    (tmp_path / "config.yaml").write_text(f"web: {web}\nnonsense: 1\n")
    assert remains(tmp_path / "config.yaml", {}).is_wanted is is_wanted


def test_without_the_packages_of_the_page_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_mask.settings.remains.missing_libraries", lambda: ["starlette"])
    assert not remains(tmp_path / "none.yaml", {}).is_wanted


def test_what_ran_last_is_for_its_owner_alone(folder: Path) -> None:
    kept = folder / "edge-mask.db.last-good.yaml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert SECRET not in kept.read_text(), "variables are kept as they are written"


def test_changes_are_told_key_by_key_without_secrets() -> None:
    before = {"gate": {"votes": 5}, "cameras": [{"name": "front", "source": "usb:0"}], "mqtt": {"token": "a"}}
    now = {"gate": {"votes": 7}, "cameras": [{"name": "front", "source": "rtsp://kim:b@h/x"}], "mqtt": {"token": "b"}}
    told = [(each.key, each.before, each.now) for each in changes(before, now)]
    assert told == [("gate.votes", "5", "7"), ("cameras[0].source", "usb:0", "rtsp://***@h/x")]
