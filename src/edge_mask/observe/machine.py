"""How the machine is doing, read from /proc and /sys."""

import os
from dataclasses import dataclass
from pathlib import Path

_SOC_NAMES = ("cpu", "soc", "pkg", "bcm2835", "package")
"""Parts of the names of the processor's own thermal zone, as kernels name it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One measurement of the machine; None where a value is not available."""

    cpu: float | None
    """Percent of all cores since the previous measurement."""
    memory: float | None
    """Percent in use, caches not counted."""
    rss: int | None
    """Bytes that this process holds in memory."""
    soc_temperature: float | None
    """Degrees Celsius of the processor."""
    uptime_s: float | None
    """Seconds since the machine was started."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums and sizes, the same for however many ask; None where a value is not available."""

    node_busy: float | None
    """Seconds of all cores together since the machine was started; idle ones may run backwards (proc(5), iowait)."""
    node_cores: int | None
    memory_size: int | None
    memory_available: int | None
    """Bytes, caches counted as available."""
    process_cpu: float
    """Seconds that this process used."""
    rss: int | None
    threads: int | None


class Probe:
    """Measures a machine; /proc and /sys are below `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._thermometer = self._find_thermometer()
        self._ticks = self._cpu_ticks()

    def read(self) -> Machine:
        """The current values; None for a file that is missing or has unexpected content."""
        return Machine(
            cpu=self._cpu(),
            memory=self._memory(),
            rss=self._kilobytes("proc/self/status", "VmRSS"),
            soc_temperature=self._soc_temperature(),
            uptime_s=_number(self._text("proc/uptime").partition(" ")[0]),
        )

    def usage(self) -> Usage:
        """The same in sums, which leave `read` alone; None as there."""
        ticks, used = self._cpu_ticks(), os.times()
        threads = self._first("proc/self/status", "Threads")
        return Usage(
            node_busy=None if ticks is None else ticks[0] / os.sysconf("SC_CLK_TCK"),
            node_cores=os.cpu_count(),
            memory_size=self._kilobytes("proc/meminfo", "MemTotal"),
            memory_available=self._kilobytes("proc/meminfo", "MemAvailable"),
            process_cpu=used.user + used.system,
            rss=self._kilobytes("proc/self/status", "VmRSS"),
            threads=None if threads is None else int(threads),
        )

    def _cpu(self) -> float | None:
        before, self._ticks = self._ticks, self._cpu_ticks()
        if before is None or self._ticks is None:
            return None
        busy, whole = self._ticks[0] - before[0], self._ticks[1] - before[1]
        return round(100.0 * min(max(busy, 0), whole) / whole, 1) if whole > 0 else None

    def _cpu_ticks(self) -> tuple[int, int] | None:
        """Busy ticks and all ticks; I/O wait counts as idle."""
        words = self._text("proc/stat").partition("\n")[0].split()
        if len(words) < 6 or words[0] != "cpu" or not all(word.isdigit() for word in words[1:]):
            return None
        ticks = [int(word) for word in words[1:9]]  # the guest times behind these are part of `user`
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

    def _memory(self) -> float | None:
        total = self._kilobytes("proc/meminfo", "MemTotal")
        free = self._kilobytes("proc/meminfo", "MemAvailable")
        return round(100.0 * (total - free) / total, 1) if total and free is not None else None

    def _kilobytes(self, file: str, key: str) -> int | None:
        """The value of a line `key:  123 kB`, in bytes."""
        number = self._first(file, key)
        return None if number is None else int(number) * 1024

    def _first(self, file: str, key: str) -> float | None:
        """The number of the line that begins with `key:`."""
        for line in self._text(file).splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return _number(value.removesuffix("kB").strip())
        return None

    def _soc_temperature(self) -> float | None:
        if self._thermometer is None:
            return None
        millidegrees = _number(self._text(self._thermometer))
        return None if millidegrees is None else round(millidegrees / 1000.0, 1)

    def _find_thermometer(self) -> str | None:
        """The zone that is named for the processor, or the first one there is."""
        zones = sorted(
            (self._root / "sys/class/thermal").glob("thermal_zone*"), key=lambda zone: (len(zone.name), zone)
        )
        files = [f"sys/class/thermal/{zone.name}/temp" for zone in zones]
        for file in files:
            if any(name in self._text(file.removesuffix("temp") + "type").lower() for name in _SOC_NAMES):
                return file
        return files[0] if files else None

    def _text(self, file: str) -> str:
        try:
            return (self._root / file).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
