"""The installed program with a clock that runs faster: `python fast_run.py run --config FILE`.

FAST_RATE   how many seconds pass in one
FAST_FROM   a moment of the machine's own clock, and
FAST_WALL   what the fast clock shows then; it goes on over restarts
FAST_JUMP   a file: the seconds that the wall clock (not the monotonic one) was set by
"""

import os
import sys
import threading
import time
from pathlib import Path

from edge_mask.cli import main
from edge_mask.runtime import clock
from edge_mask.runtime.worker import Worker
from edge_mask.units import Moment, Seconds, Unix

RATE, FROM, WALL = (float(os.environ[f"FAST_{name}"]) for name in ("RATE", "FROM", "WALL"))
JUMP = Path(os.environ["FAST_JUMP"])


class FastClock(clock.SystemClock):
    """Both of its clocks are fast, and it is always set."""

    def now(self) -> Moment:
        passed = (time.time() - FROM) * RATE
        jump = float(JUMP.read_text()) if JUMP.exists() else 0.0
        return Moment(Seconds(passed), Unix(WALL + passed + jump), synced=True)

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return super().wait(stop, Seconds(seconds / RATE))


clock.SystemClock = FastClock  # type: ignore[misc]  # what the program makes when it starts
Worker.is_stuck = lambda *_: False  # type: ignore[method-assign]  # a minute of patience is a moment here
sys.exit(main(sys.argv[1:]))
