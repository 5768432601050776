"""Industrial I/O: thermometers, hygrometers, barometers and converters that the kernel has a driver for."""

from pathlib import Path

from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.identity import Identity
from edge_mask.sense.scale import number
from edge_mask.sense.sysfs import SYSFS, text_of
from edge_mask.units import Seconds

_CHANNELS = {
    "temperature": "temp",
    "humidity": "humidityrelative",
    "pressure": "pressure",
    "illuminance": "illuminance",
}
"""Quantity → the kernel's name for it, for a channel that is not configured."""
_UNITS = {"temp": ("C", 0.001), "humidityrelative": ("%", 0.001), "pressure": ("kPa", 1.0)}
"""Kind of channel → the unit the kernel's number is in, and what it is multiplied by to be in it."""


class IioChannel:
    """One channel of `/sys/bus/iio/devices/iio:deviceN`, chosen by number, folder name or the name of its chip.

    `in_<channel>_input` is taken as it is; otherwise (`raw` + `offset`) x `scale`, each looked up for the channel
    (`in_temp_object_scale`) and then for its kind (`in_temp_scale`).
    """

    def __init__(
        self, identity: Identity, device: str = "0", channel: str = "", *, clock: Clock, sysfs: Path = SYSFS
    ) -> None:
        self._identity = identity
        self._device = device
        self._channel = channel or _CHANNELS.get(identity.quantity, identity.quantity)
        self._clock = clock
        self._folder = sysfs / "bus/iio/devices"

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def interval(self) -> Seconds:
        return self._identity.interval

    def read(self) -> Reading | None:
        unit, factor = _UNITS.get(self._channel.partition("_")[0], (self._identity.unit, 1.0))
        return self._identity.reading(self._value(self._place()) * factor, unit, self._clock)

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self) -> Path:
        plain = self._folder / (f"iio:device{self._device}" if self._device.isdigit() else self._device)
        if self._device.isdigit() or plain.exists():
            return plain
        names = {text_of(path / "name"): path for path in sorted(self._folder.glob("iio:device*"), reverse=True)}
        if self._device not in names:
            raise TryLater(f"{self._folder}: no device {self._device!r}; there is {', '.join(names) or 'none'}")
        return names[self._device]

    def _value(self, place: Path) -> float:
        """The kernel's number: milli-degrees, milli-percent, kilopascals or whatever the channel counts."""
        finished = place / f"in_{self._channel}_input"
        if finished.exists():
            return number(text_of(finished), str(finished))
        raw = place / f"in_{self._channel}_raw"
        return (number(text_of(raw), str(raw)) + self._part(place, "offset", 0.0)) * self._part(place, "scale", 1.0)

    def _part(self, place: Path, what: str, default: float) -> float:
        for channel in (self._channel, self._channel.partition("_")[0]):
            path = place / f"in_{channel}_{what}"
            if path.exists():
                return number(text_of(path), str(path))
        return default
