"""The `edge-mask` command: one small module per command, each with `add(subparsers)`."""

import argparse
import contextlib
import importlib
import io
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from edge_mask import __version__
from edge_mask.errors import ConfigurationError, DatabaseError, EdgeMaskError, ModelError
from edge_mask.redact import redact

COMMANDS = (
    "run", "analyse", "demo", "check", "detect", "rules", "notify", "outbox", "history", "replay", "erase", "shadow",
    "model", "package", "fleet", "series", "sink", "aws", "users", "bench", "schema",
)  # fmt: skip
"""Modules of this package in the order of `--help`; each is imported only to build its own parser."""
EXIT_INTERNAL = 70
_OURS: Sequence[tuple[type[Exception], int, str]] = (
    (ConfigurationError, 2, ""),
    (ModelError, 3, "model: "),
    (DatabaseError, 4, "database: "),
    (EdgeMaskError, 1, ""),
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(prog="edge-mask", description="Face-mask detection and temperature at the edge.")
    root.add_argument("--version", action="version", version=f"edge-mask {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"edge_mask.cli.{name}").add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error is a sentence on stderr and an exit code, never a traceback."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] in (["run"], ["analyse"]):
        _hear_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may not be valid text
    arguments = parser().parse_args(words)
    try:
        code = int(arguments.function(arguments))
        if sys.stdout is not None:  # closed by our parent
            sys.stdout.flush()  # here, where a full disk behind it is still a sentence
    except BrokenPipeError:  # `edge-mask history | head`
        code = 0
        sys.stderr.close()
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 (the last net; the daemon has its own, see runtime/supervisor.py)
        code, sentence = _told(error)
        print(sentence, file=sys.stderr)
    if argv is None:  # this is the whole program
        _leave_stuck_threads(code)
    return code


def _leave_stuck_threads(code: int) -> None:
    """Exit at once when a thread is still in a library call, such as a camera that does not answer.

    After a normal exit the interpreter is gone when that call returns, and the C++ code aborts the process.
    """
    if not any(thread.daemon for thread in threading.enumerate()):
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed or missing
            stream.flush()
    os._exit(code)


def _told(error: Exception) -> tuple[int, str]:
    """The exit code and the sentence of an error."""
    for kind, code, prefix in _OURS:
        if isinstance(error, kind):
            return code, f"{prefix}{error}"
    if isinstance(error, OSError):  # drivers turn expected ones into our errors: this is stdout or the machine
        _forget_output()
        return 1, f"{error.filename or 'edge-mask'}: {error.strerror or error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = redact(f"{type(error).__name__}: {error}")
    return EXIT_INTERNAL, f"edge-mask: an internal fault: {text} ({Path(last.filename).name} line {last.lineno})"


def _hear_signals() -> None:
    """Signals before the daemon has its own handlers: a stop is a clean exit, a reload does nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _forget_output() -> None:
    """Discard unwritten output: the interpreter would try it again at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
