"""The kernel's thermal zones: how hot the chip is."""

from pathlib import Path

from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.sense.sysfs import SYSFS, Devices, KernelSensor, text_of


class ThermalZone(KernelSensor):
    """`/sys/class/thermal/thermal_zone*`, chosen by number (`0`), folder or type (`cpu-thermal`)."""

    def __init__(self, identity: Identity, path: str | None = None, *, clock: Clock, sysfs: Path = SYSFS) -> None:
        super().__init__(identity, clock=clock)
        self._zone = path or "0"
        self._zones = Devices(sysfs / "class/thermal", "thermal_zone", ("type",))

    def read(self) -> Reading | None:
        zones = self._zones.called(self._zone)
        if len(zones) > 1:
            listed = ", ".join(self._zones.shown(zone) for zone in zones)
            raise TryLater(f"several zones are called {self._zone!r}: {listed}; name one by its folder")
        path = zones[0] / "temp"
        return self._identity.reading(number(text_of(path), str(path)) / 1000.0, "C", self._clock)
