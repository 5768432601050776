"""Is the wall clock set? A Pi without a clock chip starts in the past and says so only to the kernel."""

import ctypes
import time
from pathlib import Path

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
    """True when the wall clock can be believed: not in the past, and kept by a time daemon or a clock chip.

    Only boards described by a device tree come without a clock chip; elsewhere (PCs, virtual machines, containers)
    somebody below us keeps the time, whether the kernel says so here or not.
    """
    if (time.time() if now is None else now) < _OLDEST_BELIEVABLE:
        return False
    has_chip = any((root / "dev").glob("rtc[0-9]*"))
    is_board = (root / "proc/device-tree").exists()
    return has_chip or not is_board or kernel_says_synchronised()


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Names this boot of the machine: monotonic times of two boots cannot be compared."""
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"
