"""The daemon's end of a line that a guard holds (guard.py): a call returns within seconds, whatever the driver does."""

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge_mask.act.guard import READY
from edge_mask.act.line import line_for
from edge_mask.errors import Refused, TryLater

ANSWERS_WITHIN: Final = 2.0
"""Seconds a driver has for one call."""
_READY_WITHIN: Final = 6.0
"""Seconds until a guard runs, on a small and busy machine."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0
"""Seconds until a driver that hung is tried again: each time twice as long."""


class GuardedLine:
    """An output whose driver works in a process of its own. One thread uses it, and keeps it while it is on."""

    def __init__(
        self,
        kind: str,
        *,
        path: str | None = None,
        chip: str | None = None,
        line: str | None = None,
        active_low: bool = False,
        sysfs: Path = Path("/sys"),
    ) -> None:
        """Raises Refused when the driver's library is missing."""
        where: dict[str, Any] = {"path": path, "chip": chip, "line": line, "active_low": active_low}
        self._driver = line_for(kind, **where, sysfs=sysfs)
        self._where = json.dumps({"kind": kind, **where, "sysfs": str(sysfs)})
        self._guard: subprocess.Popen[bytes] | None = None
        self._pause = _FIRST_PAUSE
        self._hung_until = float("-inf")

    def look(self) -> str:
        return self._driver.look()

    def open(self) -> None:
        self._ask("open")

    def set(self, *, on: bool) -> None:
        self._ask("on" if on else "off")

    def keep(self) -> None:
        """It is still wanted on. Raises TryLater when its guard has died, or has switched it off meanwhile."""
        self._ask("keep")

    def close(self) -> None:
        """The guard switches it off when the pipe ends."""
        guard, self._guard = self._guard, None
        if guard is None or guard.stdin is None:
            return
        guard.stdin.close()
        try:
            guard.wait(ANSWERS_WITHIN)
        except subprocess.TimeoutExpired:
            guard.kill()
        _let_go(guard)

    def _ask(self, word: str) -> None:
        if self._guard is None:
            self._guard = self._started()
            if word not in ("open", "off"):  # a new guard does not know that the line was on
                self._ask("open")
        guard = self._guard
        assert guard.stdin is not None
        try:
            os.write(guard.stdin.fileno(), word.encode() + b"\n")
        except OSError:
            raise self._lost("its guard has ended") from None
        said = self._heard(guard, ANSWERS_WITHIN)
        if not said:
            raise self._lost("its guard has ended")
        self._pause = _FIRST_PAUSE
        answer = json.loads(said)
        if why := answer.get("later"):
            raise TryLater(why)
        if why := answer.get("refused"):
            raise Refused(why)

    def _started(self) -> "subprocess.Popen[bytes]":
        if time.monotonic() < self._hung_until:
            raise TryLater(f"the driver does not answer; it is tried again within {self._pause:g} s")
        try:
            guard = subprocess.Popen(
                [sys.executable, "-P", "-m", "edge_mask.act.guard", self._where],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the daemon's
            )
        except OSError as error:  # too many processes, or no memory
            raise TryLater(f"its guard cannot be started ({error.strerror})") from error
        self._guard = guard
        if self._heard(guard, _READY_WITHIN) != READY:
            raise self._lost("its guard does not start")
        return guard

    def _heard(self, guard: "subprocess.Popen[bytes]", within: float) -> bytes:
        """One answer; nothing when the guard has ended."""
        assert guard.stdout is not None
        poll = select.poll()
        poll.register(guard.stdout.fileno(), select.POLLIN)
        if not poll.poll(within * 1000):
            self._hung_until = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            raise self._lost(f"the driver has not answered for {within:g} s; its process was ended")
        return os.read(guard.stdout.fileno(), 65536)

    def _lost(self, why: str) -> TryLater:
        """End the guard: the kernel takes a GPIO line back, and another guard may try."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            _let_go(guard)
        return TryLater(why)


def _let_go(guard: "subprocess.Popen[bytes]") -> None:
    """Not for ever: a process that hangs inside the kernel does not even end when it is killed."""
    for pipe in (guard.stdin, guard.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):
        guard.wait(1.0)
