"""Logs on stderr: text on a terminal, one JSON object per line otherwise; both redacted."""

import json
import logging
import os
import re
import select
import socket
import stat
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from edge_mask.plural import counted
from edge_mask.redact import redact

Style = Literal["auto", "console", "json"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MOST_LINES = 2000
_LAST_WORDS = 0.5
_AT_ONCE = 4096
"""Bytes that a ready pipe accepts at once (PIPE_BUF)."""
_LIBRARIES = ("paho", "sqlalchemy", "asyncio", "transitions", "amqtt")
"""Libraries that are too verbose at `info`: they log from `warning` on, whatever our own level is."""


def configure(
    level: str = "info", style: Style = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> logging.Handler:
    """Send every log line to stderr, without `secrets`; a second call replaces the first.

    No caller ever waits for a reader of stderr; a given `stream` is written to directly.
    Uncaught exceptions are logged too: printed, they would bypass the redactor.
    """
    handler = _Handler(stream) if stream is not None else _for_stderr()
    stream = handler.stream
    is_console = style == "console" or (style == "auto" and stream.isatty())
    handler.setFormatter(ConsoleFormatter(secrets) if is_console else JsonFormatter(secrets))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _log_dead_thread
    sys.excepthook = _log_dead_program
    return handler


def _for_stderr() -> "_Handler":
    try:
        return _PatientHandler(sys.stderr)
    except (OSError, ValueError, AttributeError):  # closed, or no file behind it
        return _Handler(sys.stderr)


class _Handler(logging.StreamHandler[TextIO]):
    """Marks our handlers: `configure` replaces them."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """A closed pipe or full disk behind stderr must not stop the daemon; there is no place to report it."""


class _PatientHandler(_Handler):
    """Writes in its own thread, so that no other thread waits for a slow reader.

    A paused terminal, a hung journald or a full pipe blocks a write for any time. Up to `_MOST_LINES` lines wait;
    further ones are dropped, counted, and reported once the reader continues.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        # Not the stream itself: a thread blocked in it would hold a lock that the interpreter needs at its end.
        self._file = os.dup(stream.fileno())
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._dropped = 0
        self._is_writing = False
        self._is_closed = False
        self._writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Format in the caller's thread, write in the other."""
        try:
            line = self.format(record) + self.terminator
        except Exception:  # noqa: BLE001 (as logging itself does: a faulty line must not stop the caller)
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) >= _MOST_LINES:
                self._dropped += 1
                return
            self._lines.append(line)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="log", daemon=True)
                self._writer.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written, at most `_LAST_WORDS` seconds: a stop must not hang on a reader."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._is_writing, _LAST_WORDS)

    def close(self) -> None:
        """The thread ends when it has written what is there."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        super().close()  # the copy of stderr stays open for the thread, which may wait in a write

    def _write(self) -> None:
        while text := self._next():
            left = memoryview(text.encode("utf-8", "backslashreplace"))
            with suppress(OSError):  # closed, or its disk is full: see handleError
                while left:
                    select.select([], [self._file], [])  # our parent may have made it non-blocking
                    with suppress(BlockingIOError):
                        left = left[os.write(self._file, left[:_AT_ONCE]) :]

    def _next(self) -> str:
        """Wait for lines and return them all; "" when closed."""
        with self._changed:
            self._is_writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._lines or self._is_closed)
            lines, lost = [*self._lines], self._dropped
            self._lines.clear()
            self._dropped = 0
            self._is_writing = bool(lines)
        if lost:  # they came after those that were kept
            text = f"{counted(lost, 'log line was dropped', 'log lines were dropped')}: nobody read the log for a while"
            record = logging.LogRecord("edge_mask.log", logging.WARNING, "", 0, text, None, None)
            lines.append(self.format(record) + self.terminator)
        return "".join(lines)


def let_libraries_not_wait() -> None:
    """While nobody reads stderr, output of C libraries (a damaged JPEG, FFmpeg) is lost instead of blocking.

    Our own lines get a second open file for stderr; a socket cannot be opened twice and gets a send timeout.
    """
    with suppress(OSError):
        if stat.S_ISSOCK(os.fstat(2).st_mode):
            with socket.socket(fileno=os.dup(2)) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
        else:
            opened = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY)
            os.dup2(opened, 2)
            os.close(opened)


class _Redacting(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def _clean(self, text: str) -> str:
        return redact(text, self._secrets)

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return self._clean(record.getMessage())
        except (TypeError, ValueError, KeyError) as error:  # arguments that do not fit the format: log both
            return self._clean(f"{record.msg} {record.args!r} ({error})")

    def _trouble(self, record: logging.LogRecord) -> str:
        """The traceback, when there is one."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return self._clean("\n".join(parts))

    def _extras(self, record: logging.LogRecord) -> dict[str, Any]:
        """The values given as `extra=`."""
        return {key: self._plain(value) for key, value in vars(record).items() if key not in _STANDARD}

    def _plain(self, value: Any) -> Any:
        return value if value is None or isinstance(value, bool | int | float) else self._clean(str(value))


class JsonFormatter(_Redacting):
    """`{"ts", "level", "logger", "message", …, "exception"}`, always on one line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "ts": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        line = {**self._extras(record), **line}
        if trouble := self._trouble(record):
            line["exception"] = trouble
        return json.dumps(line, ensure_ascii=False, default=str)


class ConsoleFormatter(_Redacting):
    """`2026-11-20 18:30:00 warning  deliver: text`; what a message contains cannot start a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        name = record.name.removeprefix("edge_mask.")
        head = f"{moment:%Y-%m-%d %H:%M:%S} {record.levelname.lower():<8} {name}: "
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], self._message(record))
        trouble = self._trouble(record)
        return "\n    ".join([head + text.replace("\n", "\n    "), *trouble.splitlines()])


def _log_dead_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        logging.getLogger("edge_mask").error("thread %s died: %s", name, args.exc_value, exc_info=args.exc_value)


def _log_dead_program(kind: type[BaseException], error: BaseException, _trace: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("edge_mask").critical("%s: %s", kind.__name__, error, exc_info=error)
