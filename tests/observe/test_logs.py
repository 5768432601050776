"""What is logged, and what never is."""

import fcntl
import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from edge_mask.observe import logs

log = logging.getLogger("edge_mask.deliver")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging is one for the whole process: put everything back."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), threading.excepthook, sys.excepthook)
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    threading.excepthook, sys.excepthook = before[2:]
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def boom() -> None:
    raise ConnectionError("cannot open rtsp://viewer:hunter2@h/x with s3cret")


def test_json_is_one_object_per_line_with_everything_in_it() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    log.warning("two\nlines of %s", "text", extra={"code": "lost", "count": 3})
    (line,) = lines(stream)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "edge_mask.deliver",
        "message": "two\nlines of text",
        "code": "lost",
        "count": 3,
    }


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_taken_out_of_messages_arguments_extras_and_exceptions(style: logs.Style) -> None:
    stream = io.StringIO()
    logs.configure(style=style, secrets=["s3cret"], stream=stream)
    log.warning("a rtsp://viewer:hunter2@h/x %s", {"password": "hunter2"}, extra={"code": "s3cret"})
    try:
        boom()
    except ConnectionError:
        log.exception("failed: s3cret", stack_info=True)
    text = stream.getvalue()
    assert "ConnectionError: cannot open rtsp://***@h/x with ***" in text
    assert "hunter2" not in text
    assert "s3cret" not in text


@pytest.mark.parametrize("style", ["json", "console"])
def test_what_a_thread_dies_of_is_logged_without_secrets(style: logs.Style) -> None:
    stream = io.StringIO()
    logs.configure(style=style, stream=stream)
    thread = threading.Thread(target=boom, name="paho")
    thread.start()
    thread.join()
    assert "thread paho died: cannot open rtsp://***@h/x" in stream.getvalue()


def test_what_the_program_dies_of_is_logged_without_secrets() -> None:
    code = (
        "from edge_mask.observe import logs\nlogs.configure(style='json')\n"
        "raise ValueError('rtsp://viewer:' + 'hunter' + '2@h/x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["message"] == "ValueError: rtsp://***@h/x"


def test_a_message_cannot_begin_a_line_of_its_own_on_the_console() -> None:
    stream = io.StringIO()
    logs.configure(style="console", stream=stream)
    log.warning("topic %s", "a\n2026-01-01 00:00:00 error forged\x1b[31m\r")
    first, second = stream.getvalue().splitlines()
    assert first.endswith(" warning  deliver: topic a")
    assert second == "    2026-01-01 00:00:00 error forged\\x1b[31m\\r"


def test_console_on_a_terminal_json_elsewhere() -> None:
    keeper, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        assert isinstance(logs.configure(stream=stream).formatter, logs.ConsoleFormatter)
    os.close(keeper)
    assert isinstance(logs.configure(stream=io.StringIO()).formatter, logs.JsonFormatter)


def test_configuring_again_takes_the_place_of_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure(stream=first)
    logs.configure(level="error", stream=second)
    log.warning("quiet")
    log.error("loud")
    assert first.getvalue() == ""
    assert [line["message"] for line in lines(second)] == ["loud"]


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(["s3cret"]), logs.ConsoleFormatter(["s3cret"])])
def test_arguments_that_do_not_fit_lose_nothing_and_tell_nothing(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("edge_mask", logging.ERROR, "x.py", 1, "%d of %s password=a", ("s3cret",), None)
    text = formatter.format(record)
    assert "%d of %s password=*** ('***',)" in text


def test_libraries_speak_from_warning_on() -> None:
    stream = io.StringIO()
    logs.configure(level="debug", stream=stream)
    logging.getLogger("paho.mqtt").info("chatter")
    logging.getLogger("paho.mqtt").warning("trouble")
    log.debug("detail")
    assert [line["message"] for line in lines(stream)] == ["trouble", "detail"]


def test_python_warnings_are_logged() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in stream.getvalue()


def test_a_stream_that_is_gone_does_not_stop_the_daemon() -> None:
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w", buffering=1)
    logs.configure(stream=stream)
    log.warning("into the void")
    with pytest.raises(BrokenPipeError):
        stream.close()


def written_through(pipe_size: int) -> tuple[int, int]:
    """A pipe's ends, of which the reading one is not read until the test does."""
    ear, mouth = os.pipe()
    fcntl.fcntl(mouth, fcntl.F_SETPIPE_SZ, pipe_size)
    return ear, mouth


def test_nobody_waits_for_a_log_that_nobody_reads_and_what_was_dropped_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ear, mouth = written_through(4096)
    with os.fdopen(mouth, "w") as stream, os.fdopen(ear, encoding="utf-8") as reader:
        monkeypatch.setattr(sys, "stderr", stream)
        handler = logs.configure(style="json")
        for number in range(5000):
            log.warning("line %d of many that nobody reads", number)
        handler.flush()  # gives up
        seen = [json.loads(reader.readline())["message"] for _ in range(100)]
        assert seen == [f"line {n} of many that nobody reads" for n in range(100)]
        line = json.loads(reader.readline())
        while "dropped" not in line["message"]:
            seen.append(line["message"])
            line = json.loads(reader.readline())
        assert line["message"] == f"{5000 - len(seen)} log lines were dropped: nobody read the log for a while"
        log.warning("and on")
        assert json.loads(reader.readline())["message"] == "and on"
        logging.getLogger().removeHandler(handler)
        handler.close()


def test_the_program_ends_though_nobody_reads_its_log() -> None:
    code = (
        "import logging\nfrom edge_mask.observe import logs\nlogs.configure(style='json')\n"
        "for number in range(3000): logging.warning('a line that nobody reads, number %d', number)\n"
    )
    ear, mouth = written_through(4096)
    try:
        done = subprocess.run([sys.executable, "-c", code], stderr=mouth, timeout=60, check=False)
    finally:
        os.close(mouth)
        os.close(ear)
    assert done.returncode == 0
