"""What the drivers of the kernel's sensors share: small text files, devices by name, channels by quantity.

path: CHIP/CHANNEL ──▶ the chips called so ──▶ their channels ──▶ exactly one, or a sentence with those there are
      (both may be left out)                                      (nothing is chosen by chance)
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from edge_mask.errors import TryLater
from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

SYSFS = Path("/sys")


def text_of(path: Path) -> str:
    """The file's text without surrounding blanks. Raises TryLater with a sentence."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError as error:
        raise TryLater(f"{path}: is not there; is the sensor connected?") from error
    except OSError as error:  # EIO from a bus that lost its device, EAGAIN from one that is busy
        raise TryLater(f"{path}: cannot be read ({error.strerror})") from error


class KernelSensor(ABC):
    """A sensor whose files are looked up at each read: it may come, go and be numbered anew. Nothing is held open."""

    def __init__(self, identity: Identity, *, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def interval(self) -> Seconds:
        return self._identity.interval

    @abstractmethod
    def read(self) -> Reading | None: ...

    def close(self) -> None:  # noqa: B027 (there is nothing to do, for any of them)
        """Nothing is held open."""


class Devices:
    """The devices of one kind, such as every `iio:device*` of `/sys/bus/iio/devices`."""

    def __init__(self, folder: Path, prefix: str, names: Sequence[str]) -> None:
        """`names` are the files of a device that say how it is called."""
        self._folder = folder
        self._prefix = prefix
        self._names = names

    def called(self, wanted: str) -> list[Path]:
        """Those with this number, folder or name, by number; all of them for "". Raises TryLater when there is none."""
        there = sorted(self._folder.glob(f"{self._prefix}*"), key=_number_of)
        known = {device: self.names_of(device) for device in there}
        found = [
            device
            for device, names in known.items()
            if wanted in ("", device.name, device.name.removeprefix(self._prefix), *names)
        ]
        if found:
            return found
        what = f"no device {wanted!r}" if wanted else "no device"
        listed = ", ".join(self.shown(device) for device in there)
        raise TryLater(
            f"{self._folder}: {what}; there is {listed or 'none: is the sensor connected, and its driver loaded?'}"
        )

    def names_of(self, device: Path) -> list[str]:
        """What its files call it; a device that does not say, or has just gone, has no name."""
        names = []
        for file in self._names:
            try:
                names.append(text_of(device / file))
            except TryLater:
                continue
        return [name for name in names if name]

    def shown(self, device: Path, channel: str = "") -> str:
        """How a person can write it as a path, and which chip it is."""
        place = f"{device.name}/{channel}" if channel else device.name
        return " ".join([*self.names_of(device)[:1], f"({place})"]) if self.names_of(device) else place


class ChannelSensor(KernelSensor):
    """One channel of one chip: named by `path`, or the only one that measures the quantity."""

    quantities: ClassVar[dict[str, str]]
    """Quantity → the kernel's word for it, where that is another one."""

    def __init__(self, identity: Identity, path: str | None, devices: Devices, *, clock: Clock) -> None:
        super().__init__(identity, clock=clock)
        self._chip, _, channel = (path or "").partition("/")
        self._channel = self.plain(channel)
        self._word = self.quantities.get(identity.quantity, identity.quantity)
        self._devices = devices

    @abstractmethod
    def plain(self, channel: str) -> str:
        """The channel's name without what the names of its files have around it."""

    @abstractmethod
    def channels(self, device: Path) -> list[str]:
        """Every channel of a chip."""

    @abstractmethod
    def fitting(self, channels: Sequence[str], word: str) -> list[str]:
        """Of these channels, the ones that a person means who asks for this quantity."""

    @abstractmethod
    def value(self, device: Path, channel: str) -> tuple[float, str]:
        """What a channel says, and in which unit. Raises TryLater."""

    def read(self) -> Reading | None:
        device, channel = self._found()
        value, unit = self.value(device, channel)
        return self._identity.reading(value, unit, self._clock)

    def _found(self) -> tuple[Path, str]:
        """The chip and its channel. Raises TryLater with those that are there: none is chosen by chance."""
        there = {device: self.channels(device) for device in self._devices.called(self._chip)}
        if self._channel:
            found = [(device, self._channel) for device, channels in there.items() if self._channel in channels]
            wanted = f"no channel {self._channel!r}"
        else:
            found = [
                (device, each) for device, channels in there.items() for each in self.fitting(channels, self._word)
            ]
            wanted = f"no channel for {self._identity.quantity}"
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(self._devices.shown(*each) for each in found)
            raise TryLater(f"several channels for {self._identity.quantity}: {listed}; name one as `path`")
        listed = ", ".join(self._devices.shown(device, each) for device, channels in there.items() for each in channels)
        raise TryLater(f"{wanted}; there is {listed or 'none'}")


def _number_of(device: Path) -> tuple[int, str]:
    number = re.search(r"\d+$", device.name)
    return (int(number[0]) if number else -1, device.name)
