"""Hardware monitoring: SHT3x, LM75 and other chips that the kernel shows under hwmon."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from edge_mask.errors import TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.sense.sysfs import SYSFS, ChannelSensor, Devices, text_of

_UNITS = {
    "temp": ("C", 1e3),
    "humidity": ("%", 1e3),
    "in": ("mV", 1.0),
    "curr": ("mA", 1.0),
    "power": ("W", 1e6),
}
"""Kind of channel → the unit of the kernel's number, and how much of it makes one; the kernel's Documentation/hwmon."""
_FILE = re.compile(r"([a-z]+\d+)_input")


class HwmonInput(ChannelSensor):
    """One input of `/sys/class/hwmon/hwmonN`, such as `temp1` or `humidity1`."""

    quantities: ClassVar[dict[str, str]] = {"temperature": "temp", "voltage": "in", "current": "curr"}

    def __init__(self, identity: Identity, path: str | None = None, *, clock: Clock, sysfs: Path = SYSFS) -> None:
        devices = Devices(sysfs / "class/hwmon", "hwmon", ("name", "label"))
        super().__init__(identity, path, devices, clock=clock)

    def plain(self, channel: str) -> str:
        return channel.removesuffix("_input")

    def channels(self, device: Path) -> list[str]:
        files = (_FILE.fullmatch(path.name) for path in sorted(device.glob("*_input")))
        return [file[1] for file in files if file]

    def fitting(self, channels: Sequence[str], word: str) -> list[str]:
        return [each for each in channels if each.rstrip("0123456789") == word]

    def value(self, device: Path, channel: str) -> tuple[float, str]:
        fault = device / f"{channel}_fault"
        if fault.exists() and text_of(fault) != "0":
            raise TryLater(f"{fault}: the chip says that the sensor is broken or not connected")
        unit, count = _UNITS.get(channel.rstrip("0123456789"), (self._identity.unit, 1.0))
        path = device / f"{channel}_input"
        return number(text_of(path), str(path)) / count, unit
