"""A process of its own around the gate's line: it switches off when the daemon is gone, or says nothing.

daemon ──"open", "on", "keep", "off"──▶ guard ──▶ driver ──▶ line
       ◀───────── "ok", or why not ────┘  └─ off: at the end of the pipe, and after SILENT_FOR while the line is on

So a daemon that crashes, is killed or hangs leaves no gate open, and a driver that hangs takes no daemon along.
"""

import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_mask.act.line import OutputLine, line_for
from edge_mask.errors import EdgeMaskError, Refused, TryLater

SILENT_FOR = 5.0
"""Seconds; the daemon speaks twice a second while the line is on."""
_AGAIN: Final = 0.5
"""Seconds until a line that could not be switched off is tried again."""
READY: Final = b"ready\n"
_OFF_MEANWHILE: Final = {"later": "the daemon said nothing for a while, and it was switched off"}


def serve(line: OutputLine, asked: int, answers: int) -> None:
    """Do what is asked on one pipe and answer on the other, until the asking end is closed. Then the line is off."""
    is_on, patience = False, SILENT_FOR
    os.write(answers, READY)
    while True:
        if not _has_word(asked, patience if is_on else None):
            with suppress(EdgeMaskError):
                line.set(on=False)
                is_on = False
            patience = _AGAIN
            continue
        word = os.read(asked, 64).decode("ascii", "replace").strip()
        if not word:
            break
        is_on, patience = is_on or word == "on", SILENT_FOR  # also when that fails: it may be on all the same
        answer = _OFF_MEANWHILE if word == "keep" and not is_on else _done(line, word)
        is_on = is_on and not (word in ("off", "open") and not answer)
        with suppress(BrokenPipeError):  # nobody waits for it; the other pipe ends, too
            os.write(answers, json.dumps(answer).encode() + b"\n")
    line.close()


def _has_word(asked: int, within: float | None) -> bool:
    poll = select.poll()
    poll.register(asked, select.POLLIN)
    return bool(poll.poll(None if within is None else within * 1000))


def _done(line: OutputLine, word: str) -> dict[str, str]:
    """Nothing, or why not."""
    try:
        match word:
            case "open":
                line.open()
            case "on" | "off":
                line.set(on=word == "on")
    except TryLater as error:
        return {"later": str(error)}
    except EdgeMaskError as error:
        return {"refused": str(error)}
    return {}


def main(where: dict[str, Any]) -> int:
    """`where`: the arguments of `line_for`."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager tells all; the daemon says when it is over
    try:
        line = line_for(**{**where, "sysfs": Path(where["sysfs"])})
    except Refused:  # the daemon has tried it, and would not have started this
        return 1
    serve(line, sys.stdin.fileno(), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
