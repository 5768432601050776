"""Logs on stderr: text for people on a terminal, one JSON object per line otherwise; secrets taken out of both."""

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from edge_mask.redact import redact

Style = Literal["auto", "console", "json"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LIBRARIES = ("paho", "sqlalchemy", "asyncio", "transitions", "amqtt")
"""They tell too much at `info`; they speak from `warning` on, whatever our own level is."""


def configure(
    level: str = "info", style: Style = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> logging.Handler:
    """Send every log line to `stream` (stderr), without `secrets`; a second call takes the place of the first.

    What a thread or the program dies of is logged too, instead of being printed past the redactor.
    """
    stream = stream or sys.stderr
    handler = _Handler(stream)
    is_console = style == "console" or (style == "auto" and stream.isatty())
    handler.setFormatter(ConsoleFormatter(secrets) if is_console else JsonFormatter(secrets))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _log_dead_thread
    sys.excepthook = _log_dead_program
    return handler


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that `configure` finds it again."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """A closed pipe or a full disk behind stderr must not stop the daemon, and has nobody to tell it to."""


class _Redacting(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def _clean(self, text: str) -> str:
        return redact(text, self._secrets)

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return self._clean(record.getMessage())
        except (TypeError, ValueError, KeyError) as error:  # arguments that do not fit: say what there is
            return self._clean(f"{record.msg} {record.args!r} ({error})")

    def _trouble(self, record: logging.LogRecord) -> str:
        """The traceback, when there is one."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return self._clean("\n".join(parts))

    def _extras(self, record: logging.LogRecord) -> dict[str, Any]:
        """What was given as `extra=`."""
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
