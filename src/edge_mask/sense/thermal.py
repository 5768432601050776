"""The kernel's thermal zones: how hot the chip is."""

from pathlib import Path

from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.identity import Identity
from edge_mask.sense.scale import number
from edge_mask.sense.sysfs import SYSFS, text_of
from edge_mask.units import Seconds


class ThermalZone:
    """`/sys/class/thermal/thermal_zone*`, chosen by number (`0`) or by type (`cpu-thermal`)."""

    def __init__(self, identity: Identity, zone: str = "0", *, clock: Clock, sysfs: Path = SYSFS) -> None:
        self._identity = identity
        self._zone = zone
        self._clock = clock
        self._folder = sysfs / "class/thermal"

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def interval(self) -> Seconds:
        return self._identity.interval

    def read(self) -> Reading | None:
        path = self._place() / "temp"
        return self._identity.reading(number(text_of(path), str(path)) / 1000.0, "C", self._clock)

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self) -> Path:
        if self._zone.isdigit():
            return self._folder / f"thermal_zone{self._zone}"
        zones = {text_of(path / "type"): path for path in sorted(self._folder.glob("thermal_zone*"), reverse=True)}
        if self._zone not in zones:
            raise TryLater(f"{self._folder}: no thermal zone {self._zone!r}; there is {', '.join(zones) or 'none'}")
        return zones[self._zone]
