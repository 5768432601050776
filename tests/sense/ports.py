"""A device on a real pseudo-terminal, and a feed that is listened to by hand."""

import os
import pty
import termios
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from edge_mask.errors import TryLater
from edge_mask.sense.feed import Feed, Nonsense, Said, Utterance
from edge_mask.units import Seconds


class Device:
    """The far end of a serial port. `path` stays the same over `unplug` and `plug`, as under /dev/serial/by-id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: tuple[int, int] | None = None
        self.plug()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.unplug()

    def plug(self) -> None:
        assert self._ends is None
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._ends = (master, slave)
        self.path.symlink_to(os.ttyname(slave))

    def unplug(self) -> None:
        if self._ends is not None:
            self.path.unlink()
            for end in self._ends:
                os.close(end)
            self._ends = None

    def say(self, data: bytes) -> None:
        """Write it all, as the wire takes it."""
        assert self._ends is not None
        while data:
            data = data[os.write(self._ends[0], data) :]

    def heard(self, count: int) -> bytes:
        """The next bytes that were written to it."""
        assert self._ends is not None
        return os.read(self._ends[0], count)

    @property
    def speed(self) -> int:
        """As the port is set; a termios constant."""
        assert self._ends is not None
        return int(termios.tcgetattr(self._ends[1])[5])


def listen_until(feed: Feed, is_enough: Callable[[Sequence[Utterance]], bool], *, turns: int = 200) -> list[Utterance]:
    """Everything heard until it is enough; a lost device is listened to again."""
    heard: list[Utterance] = []
    for _ in range(turns):
        with suppress(TryLater):
            heard += feed.listen(Seconds(0.1))
        if is_enough(heard):
            return heard
    raise AssertionError(f"not enough: {heard}")


def values_of(heard: Sequence[Utterance]) -> list[tuple[str, str, float]]:
    """Sensor, quantity and value of each reading."""
    return [
        (each.reading.sensor, each.reading.quantity, each.reading.value) for each in heard if isinstance(each, Said)
    ]


def reasons_of(heard: Sequence[Utterance]) -> list[str]:
    """Why something gave no value."""
    return [each.reason for each in heard if isinstance(each, Nonsense)]


def has_values(count: int) -> Callable[[Sequence[Utterance]], bool]:
    return lambda heard: len(values_of(heard)) >= count


def has_reasons(count: int) -> Callable[[Sequence[Utterance]], bool]:
    return lambda heard: len(reasons_of(heard)) >= count
