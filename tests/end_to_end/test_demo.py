"""`edge-mask demo`, as somebody sees it who has just installed it."""

import argparse
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlsplit

import psutil
import pytest
from tests.end_to_end.daemon import edge_mask, lines, write_config
from tests.waiting import PATIENCE, until
from tests.web.served import Client

from edge_mask.cli import demo as demo_command

COMMAND = Path(sys.executable).with_name("edge-mask")
LOOKS = r"looks +hall: 1 face, 1 without mask, streak \d"
READING = r"temperature +forehead: 36\.\d °C"
NO_MASK = r"alerts +no_mask: hall"
FEVER = r"alerts +fever: .*38\.7"


class Watched:
    """A running demo whose lines can be waited for; `folder` is where it keeps its temporary files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._changed = threading.Condition()
        environment = os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [COMMAND, "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into))
            for stream, into in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Iterator[str], into: list[str]) -> None:
        for text in stream:
            with self._changed:
                into.append(text.rstrip())
                self._changed.notify_all()

    def wait_for(self, pattern: str) -> "re.Match[str]":
        """The first line that matches, now or later."""

        def found() -> "re.Match[str] | None":
            return next((match for each in self.lines if (match := re.search(pattern, each))), None)

        with self._changed:
            match = self._changed.wait_for(found, PATIENCE)
            assert match, f"no line like {pattern!r}:\n" + "\n".join([*self.lines, *self.errors])
            return match

    def end(self) -> int:
        """Its exit code, once it has ended."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(*arguments: str) -> Watched:
        started.append(Watched(tmp_path, *arguments))
        return started[-1]

    yield start
    for watched in started:
        if watched.process.poll() is None:
            watched.process.terminate()
            watched.end()


def assert_nothing_is_left(watched: Watched, port: int) -> None:
    assert list(watched.folder.iterdir()) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    left = [
        each for each in psutil.process_iter(["cmdline"]) if str(watched.folder) in " ".join(each.info["cmdline"] or [])
    ]
    assert left == []


def database_of(watched: Watched, into: Path) -> Path:
    """A configuration with a copy of the database: the demo deletes its own."""
    (path,) = watched.folder.glob("*/edge-mask.db")
    into.mkdir()
    with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(into / "edge-mask.db")) as copy:
        database.backup(copy)
    return write_config(into, None)


def assert_visits_are_decided_again(config: Path, count: int) -> None:
    """Each visit of the film, from its record, to the same answer."""
    visits = lines(edge_mask("history", "--json", "--config", config, cwd=config.parent).out)
    assert len(visits) >= count, "another may have come since"
    for visit in visits:
        again = edge_mask("replay", visit["id"], "--json", "--config", config, cwd=config.parent)
        assert again.code == 0, again
        (told,) = lines(again.out)
        assert (told["same"], told["differs"]) == (True, [])
        assert {name: visit[name] for name in told["again"]} == told["again"]
        assert len(told["sha256"]) == 64
        assert told["looks"][0]["evidence"]["sharpness"] > 0


@pytest.mark.slow
def test_a_round_shows_both_verdicts_a_fever_looks_temperatures_and_an_alert(
    demo: Callable[..., Watched], tmp_path_factory: pytest.TempPathFactory
) -> None:
    watched = demo()
    port = int(watched.wait_for(r"mosquitto_sub -h 127\.0\.0\.1 -p (\d+) -t 'edge-mask/#' -v")[1])
    visited = watched.wait_for(r"Page: http://127\.0\.0\.1:(\d+)/    user (\w+), password (\S+)$")
    watched.wait_for(r"visits .* because: fever")
    for pattern in (LOOKS, READING, NO_MASK, FEVER):
        watched.wait_for(pattern)
    operator = Client(int(visited[1])).login(visited[2], visited[3])
    assert operator.get("/api/v1/summary").json()["judged"] >= 3
    copied = database_of(watched, tmp_path_factory.mktemp("demo") / "kept")
    watched.process.send_signal(signal.SIGINT)
    assert watched.end() == 0
    text = "\n".join(watched.lines)
    assert re.search(r"status +online, model mask-detector", text)
    verdicts = re.findall(r"visits +front: (\w+), ([a-z ]+) \(0\.\d\d\), (\d\d\.\d) °C(?:  because: (\w+))?", text)
    assert [(verdict, mask, why) for verdict, mask, _, why in verdicts[:3]] == [
        ("no_pass", "no mask", "no_mask"),
        ("pass", "mask", ""),
        ("no_pass", "mask", "fever"),
    ]
    assert [float(degrees) > 37.5 for _, _, degrees, _ in verdicts[:3]] == [False, False, True]
    assert watched.lines[-2].split() == ["status", "offline"]
    assert watched.errors == []
    assert_nothing_is_left(watched, port)
    assert_visits_are_decided_again(copied, 3)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_or_a_closed_terminal_ends_it_cleanly(demo: Callable[..., Watched], how: signal.Signals) -> None:
    watched = demo()
    port = int(watched.wait_for(r"mosquitto_sub -h 127\.0\.0\.1 -p (\d+)")[1])
    watched.wait_for(r"temperature +forehead")
    watched.process.send_signal(how)
    assert watched.end() == 0
    assert watched.lines[-1].startswith("Stopped")
    assert watched.errors == []
    assert_nothing_is_left(watched, port)


def test_it_ends_by_itself_when_its_time_is_over(demo: Callable[..., Watched]) -> None:
    watched = demo("--max-seconds", "2")
    port = int(watched.wait_for(r"mosquitto_sub -h 127\.0\.0\.1 -p (\d+)")[1])
    assert watched.end() == 0
    assert watched.errors == []
    assert_nothing_is_left(watched, port)


def test_before_a_display_the_page_opens_in_the_browser_once_it_is_there(tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(
        f'#!/bin/sh\necho "$1 $$" >> {opened}\nexec sleep 60 </dev/null >/dev/null 2>&1\n'
    )  # one that stays, as the real ones do
    browser.chmod(0o755)
    (tmp_path / "kept").mkdir()
    environment = {"DISPLAY": ":7", "BROWSER": f"{browser} %s", "TMPDIR": str(tmp_path / "kept")}
    shown = ""
    with at_a_terminal([COMMAND, "demo"], environment) as (process, master):
        until(lambda: opened.exists() and opened.read_text().endswith("\n"))
        (address, number), *others = (line.split() for line in opened.read_text().splitlines())
        port = urlsplit(address).port or 0
        assert Client(port).get("/healthz").status == 200, "it was there before it was opened"
        process.send_signal(signal.SIGINT)
        while data := read_from(master):
            shown += data
        assert process.wait(PATIENCE) == 0
        os.kill(int(number), signal.SIGKILL)
    assert f"Page: http://127.0.0.1:{port}/    user demo" in shown
    assert (address, others) == (f"http://127.0.0.1:{port}/", [])


@contextmanager
def at_a_terminal(command: list[Path | str], environment: dict[str, str]) -> Iterator["tuple[Popen[bytes], int]"]:
    """A command whose standard output is a terminal; the other end of it."""
    master, slave = pty.openpty()
    with Popen(command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | environment) as process:
        os.close(slave)
        try:
            yield process, master
        finally:
            os.close(master)
            if process.poll() is None:
                for each in psutil.Process(process.pid).children(recursive=True):
                    each.kill()
                process.kill()


def read_from(master: int) -> str:
    try:
        return os.read(master, 4096).decode()
    except OSError:  # the other end is closed
        return ""


@pytest.mark.parametrize(
    ("display", "is_terminal", "words", "is_opened"),
    [
        ({"DISPLAY": ":0"}, True, [], True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, [], True),
        ({"DISPLAY": ""}, True, [], False),
        ({}, True, [], False),
        ({"DISPLAY": ":0"}, False, [], False),
        ({"DISPLAY": ":0"}, True, ["--no-browser"], False),
    ],
)
def test_no_browser_opens_where_nobody_sits_before_a_display(
    monkeypatch: pytest.MonkeyPatch, display: dict[str, str], is_terminal: bool, words: list[str], is_opened: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in display.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    parser = argparse.ArgumentParser()
    demo_command.add(parser.add_subparsers())
    assert demo_command._is_watched(parser.parse_args(["demo", *words])) is is_opened


def test_a_reader_who_goes_away_ends_it(tmp_path: Path) -> None:
    script = f"{COMMAND} demo | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_that_dies_is_told_with_its_exit_code(demo: Callable[..., Watched]) -> None:
    watched = demo()
    watched.wait_for(r"status +online")
    (daemon,) = [each for each in psutil.Process(watched.process.pid).children() if "run" in each.cmdline()]
    daemon.kill()
    assert watched.end() == 1
    watched.wait_for(r"ended by itself, with exit code -9")


def test_without_a_model_it_says_so_and_starts_nothing(demo: Callable[..., Watched]) -> None:
    watched = demo("--model", "/no/such/model")
    assert watched.end() == 3
    assert watched.lines == []
    assert "/no/such/model" in watched.errors[0]


def test_without_the_broker_library_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "amqtt.py").write_text("raise ImportError('not installed')")
    done = subprocess.run(
        [COMMAND, "demo"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path / "none")},
        timeout=60,
    )
    assert done.returncode == 2
    assert "pip install 'edge-mask[demo]'" in done.stderr
    assert done.stdout == ""
