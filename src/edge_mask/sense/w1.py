"""DS18B20 thermometers and their family on the 1-Wire bus."""

from pathlib import Path

from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.sense.sysfs import SYSFS, KernelSensor, text_of

_POWER_ON = 85.0
"""What the chip says until its first conversion is done, also after each dip of its supply."""
_NEAR = 10.0


class W1Thermometer(KernelSensor):
    """`/sys/bus/w1/devices/28-*`: by its id, or the only one there is.

    A wrong check sum, an all-zero answer (a shorted bus has a right check sum) and the power-on value are TryLater;
    85.0 °C is believed only when the reading before it was near.
    """

    def __init__(self, identity: Identity, device: str = "", *, clock: Clock, sysfs: Path = SYSFS) -> None:
        super().__init__(identity, clock=clock)
        self._device = device
        self._folder = sysfs / "bus/w1/devices"
        self._last: float | None = None

    def read(self) -> Reading | None:
        place = self._place()
        value = self._celsius(place)
        if value == _POWER_ON and (self._last is None or abs(self._last - value) > _NEAR):
            raise TryLater(f"{place}: 85 °C is what it says before its first measurement; check its supply")
        self._last = value
        return self._identity.reading(value, "C", self._clock)

    def _place(self) -> Path:
        there = {path.name: path for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]-*"))}
        wanted = [self._device] if self._device else [name for name in there if name.startswith("28-")]
        if len(wanted) == 1 and wanted[0] in there:
            return there[wanted[0]]
        if len(wanted) > 1:
            raise TryLater(f"{self._folder}: several devices, name one as `path`: {', '.join(wanted)}")
        what = f"no device {self._device!r}" if self._device else "no 28-* device"
        listed = ", ".join(there) or "none: check the wiring and `dtoverlay=w1-gpio`"
        raise TryLater(f"{self._folder}: {what}; there is {listed}")

    def _celsius(self, place: Path) -> float:
        """From `w1_slave`, which shows the check sum; from `temperature` where a kernel has only that."""
        slave = place / "w1_slave"
        if not slave.exists() and (place / "temperature").exists():
            return number(text_of(place / "temperature"), str(place / "temperature")) / 1000.0
        text = text_of(slave)
        if " YES" not in text:
            raise TryLater(f"{slave}: wrong check sum; check the wiring and the pull-up resistor")
        if text.startswith("00 00 00 00 00 00 00 00 00"):
            raise TryLater(f"{slave}: all zeros; the data line is shorted to ground")
        return number(text.rpartition("t=")[2], str(slave)) / 1000.0
