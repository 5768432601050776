"""Industrial I/O: thermometers, hygrometers, barometers and converters that the kernel has a driver for."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import number
from edge_mask.sense.sensor import Identity
from edge_mask.sense.sysfs import SYSFS, ChannelSensor, Devices, text_of

_UNITS = {
    "temp": ("C", 1000.0),
    "humidityrelative": ("%", 1000.0),
    "pressure": ("kPa", 1.0),
    "voltage": ("mV", 1.0),
    "altvoltage": ("mV", 1.0),
    "current": ("mA", 1.0),
    "power": ("mW", 1.0),
    "resistance": ("Ohm", 1.0),
    "illuminance": ("lx", 1.0),
    "distance": ("m", 1.0),
    "concentration": ("%", 1.0),
}
"""Kind of channel → the unit of the kernel's number, and how much of it makes one; the kernel's Documentation/ABI."""
_FILE = re.compile(r"in_(.+)_(?:input|raw)")
_ASIDE = ("_mean", "_peak")
"""Ends of what a chip works out of a channel: read when named, never chosen."""


class IioChannel(ChannelSensor):
    """One channel of `/sys/bus/iio/devices/iio:deviceN`.

    A channel is called by its kind, index and modifier: `temp`, `voltage3`, `temp1_object`, `voltage0-voltage1`.
    `in_CHANNEL_input` is taken as it is; otherwise it is (`raw` + `offset`) x `scale`, each looked up for the channel,
    then for its kind (`in_temp_scale`), then for the chip.
    """

    quantities: ClassVar[dict[str, str]] = {"temperature": "temp", "humidity": "humidityrelative"}

    def __init__(self, identity: Identity, path: str | None = None, *, clock: Clock, sysfs: Path = SYSFS) -> None:
        devices = Devices(sysfs / "bus/iio/devices", "iio:device", ("name", "label"))
        super().__init__(identity, path, devices, clock=clock)

    def plain(self, channel: str) -> str:
        return re.sub(r"_(raw|input)$", "", channel.removeprefix("in_"))

    def channels(self, device: Path) -> list[str]:
        files = (_FILE.fullmatch(path.name) for path in sorted(device.glob("in_*")))
        return list(dict.fromkeys(file[1] for file in files if file))

    def fitting(self, channels: Sequence[str], word: str) -> list[str]:
        """The plain channel of the kind; else an object's before that of the surroundings or of the chip."""
        if word in channels:
            return [word]
        all_of_it = [
            each for each in channels if word in (_kind_of(each), *each.split("_")) and not each.endswith(_ASIDE)
        ]
        return [each for each in all_of_it if "ambient" not in each.split("_")] or all_of_it

    def value(self, device: Path, channel: str) -> tuple[float, str]:
        unit, count = _UNITS.get(_kind_of(channel), (self._identity.unit, 1.0))
        finished = device / f"in_{channel}_input"
        if finished.exists():
            return number(text_of(finished), str(finished)) / count, unit
        raw = device / f"in_{channel}_raw"
        value = number(text_of(raw), str(raw)) + _part(device, channel, "offset", 0.0)
        return value * _part(device, channel, "scale", 1.0) / count, unit


def _kind_of(channel: str) -> str:
    """`temp` of `temp1_object`, `voltage` of `voltage0-voltage1`."""
    match = re.match(r"[a-z]+", channel)
    return match[0] if match else channel


def _part(device: Path, channel: str, what: str, default: float) -> float:
    """The offset or scale of a channel, from the nearest file that there is."""
    for name in _from_near_to_far(channel, what):
        path = device / name
        if path.exists():
            return number(text_of(path), str(path))
    return default


def _from_near_to_far(channel: str, what: str) -> Iterator[str]:
    """Where the kernel puts what belongs to one channel, to all of a kind, to all inputs, to the whole chip."""
    kind = _kind_of(channel)
    yield f"in_{channel}_{what}"
    if "-" in channel:
        yield f"in_{kind}-{kind}_{what}"
    yield f"in_{kind}_{what}"
    yield f"in_{what}"
    yield what
