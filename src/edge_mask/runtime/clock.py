"""The clock protocol, the only way the house learns the time and waits; and whether the wall clock is set.

A Pi without a clock chip starts in the past, and only the kernel knows."""

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge_mask.units import Moment, Seconds, Unix

_STA_UNSYNC = 0x0040  # linux/timex.h
_TIME_ERROR = 5
_OLDEST_BELIEVABLE = 1_767_225_600.0  # 2026-01-01: before this program was written


class _Timex(ctypes.Structure):
    """The head of `struct timex` (adjtimex(2)); the rest is room for the kernel to write into."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_rest", ctypes.c_byte * 512),
    )


def kernel_says_synchronised() -> bool:
    """True when a time daemon has told the kernel that the clock is set (adjtimex, read only)."""
    try:
        timex = _Timex()
        state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC


def wall_clock_is_set(root: Path = Path("/"), now: float | None = None) -> bool:
    """True when the wall clock is plausible: not in the past, and kept by a time daemon or a clock chip.

    Only boards described by a device tree come without a clock chip; elsewhere (PCs, virtual machines, containers)
    the host keeps the time, even where the kernel does not say so.
    """
    if (time.time() if now is None else now) < _OLDEST_BELIEVABLE:
        return False
    has_chip = any((root / "dev").glob("rtc[0-9]*"))
    is_board = (root / "proc/device-tree").exists()
    return has_chip or not is_board or kernel_says_synchronised()


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """The id of this boot: monotonic times of different boots cannot be compared."""
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"


class Clock(Protocol):
    """Tells the time, and waits without missing a stop."""

    def now(self) -> Moment:
        """The current time on both clocks."""
        ...

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        """Wait until `seconds` have passed (False) or `stop` is set (True)."""
        ...


class SystemClock:
    """The machine's clocks; it checks at most every ten seconds whether the wall clock is set."""

    def __init__(self, is_set: Callable[[], bool] = wall_clock_is_set) -> None:
        self._is_set = is_set
        self._asked = float("-inf")
        self._synced = False

    def now(self) -> Moment:
        mono = time.monotonic()
        if mono - self._asked >= 10.0:
            self._asked = mono
            self._synced = self._is_set()
        return Moment(Seconds(mono), Unix(time.time()), self._synced)

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return stop.wait(seconds)


class ManualClock:
    """A clock that tests turn by hand; waiting moves it forward and returns at once."""

    def __init__(self, mono: float = 1000.0, wall: float = 1_790_000_000.0, *, synced: bool = True) -> None:
        self._mono = mono
        self._wall = wall
        self.synced = synced

    def now(self) -> Moment:
        return Moment(Seconds(self._mono), Unix(self._wall), self.synced)

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> Moment:
        """Let both clocks run on by `seconds`."""
        self._mono += seconds
        self._wall += seconds
        return self.now()

    def set_wall(self, wall: float) -> None:
        """The device learned the time: the wall clock jumps, the monotonic one does not."""
        self._wall = wall
        self.synced = True
